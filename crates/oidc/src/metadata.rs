//! Discovery: what the provider says of itself at `/.well-known/openid-configuration`.

use reqwest::{Client, Url};
use serde::{Deserialize, Deserializer, de};

use crate::web::{WebError, is_safe, json};

/// Why a provider's metadata is refused.
#[derive(Debug, thiserror::Error)]
pub enum BadMetadata {
    /// It cannot be fetched.
    #[error("{url}: {source}")]
    Web {
        /// The address of the metadata.
        url: Url,
        /// What happened.
        source: WebError,
    },
    /// It names another issuer.
    #[error("the provider says that its issuer is {0:?}; it must be exactly the one that is set")]
    Issuer(String),
    /// One of its endpoints is neither https nor on the loopback address.
    #[error("the provider's {0} is neither https nor on this machine")]
    Unsafe(&'static str),
    /// It does not offer something that a sign-in needs.
    #[error("the provider does not offer {0}")]
    Lacks(&'static str),
}

/// The parts of the metadata that a sign-in needs.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Metadata {
    issuer: String,
    #[serde(deserialize_with = "url")]
    pub(crate) authorization_endpoint: Url,
    #[serde(deserialize_with = "url")]
    pub(crate) token_endpoint: Url,
    #[serde(deserialize_with = "url")]
    pub(crate) jwks_uri: Url,
    #[serde(default, deserialize_with = "some_url")]
    pub(crate) userinfo_endpoint: Option<Url>,
    #[serde(default)]
    code_challenge_methods_supported: Option<Vec<String>>,
    #[serde(default)]
    response_types_supported: Option<Vec<String>>,
    #[serde(default)]
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    /// RFC 9207: the provider names itself when it sends the browser back.
    #[serde(default)]
    pub(crate) authorization_response_iss_parameter_supported: bool,
}

fn url<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Url, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(|_| de::Error::custom("must be a URL"))
}

fn some_url<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Url>, D::Error> {
    url(deserializer).map(Some)
}

/// The address of an issuer's metadata (OpenID Connect Discovery, section 4).
pub(crate) fn address(issuer: &str) -> String {
    format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'))
}

/// Fetches and checks an issuer's metadata.
pub(crate) async fn fetch(client: &Client, issuer: &str) -> Result<Metadata, BadMetadata> {
    let url: Url = address(issuer).parse().map_err(|_| BadMetadata::Unsafe("issuer"))?;
    let found: Metadata =
        json(client.get(url.clone())).await.map_err(|source| BadMetadata::Web { url: url.clone(), source })?;
    found.judge(issuer)
}

impl Metadata {
    fn judge(self, issuer: &str) -> Result<Self, BadMetadata> {
        if self.issuer != issuer {
            return Err(BadMetadata::Issuer(self.issuer.chars().take(200).collect()));
        }
        let endpoints = [
            ("authorization_endpoint", Some(&self.authorization_endpoint)),
            ("token_endpoint", Some(&self.token_endpoint)),
            ("jwks_uri", Some(&self.jwks_uri)),
            ("userinfo_endpoint", self.userinfo_endpoint.as_ref()),
        ];
        for (name, url) in endpoints {
            if url.is_some_and(|url| !is_safe(url)) {
                return Err(BadMetadata::Unsafe(name));
            }
        }
        let lacks = |list: &Option<Vec<String>>, what: &str| {
            list.as_ref().is_some_and(|list| !list.iter().any(|offered| offered == what))
        };
        if lacks(&self.response_types_supported, "code") {
            return Err(BadMetadata::Lacks("the response type \"code\""));
        }
        // Absent says nothing: many providers offer PKCE without saying so.
        if lacks(&self.code_challenge_methods_supported, "S256") {
            return Err(BadMetadata::Lacks("PKCE with S256"));
        }
        if !self.takes("client_secret_basic") && !self.takes("client_secret_post") {
            return Err(BadMetadata::Lacks("client_secret_basic or client_secret_post"));
        }
        Ok(self)
    }

    /// Whether the secret goes into the `Authorization` header; else into the body.
    pub(crate) fn secret_in_header(&self) -> bool {
        self.takes("client_secret_basic")
    }

    /// Whether the token endpoint takes this method of authentication. The standard's default is
    /// `client_secret_basic`.
    fn takes(&self, method: &str) -> bool {
        match &self.token_endpoint_auth_methods_supported {
            Some(methods) => methods.iter().any(|offered| offered == method),
            None => method == "client_secret_basic",
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn judged(change: impl FnOnce(&mut Value)) -> Result<Metadata, BadMetadata> {
        let mut said = json!({
            "issuer": "https://id.example.com",
            "authorization_endpoint": "https://id.example.com/authorize",
            "token_endpoint": "https://id.example.com/token",
            "jwks_uri": "https://id.example.com/keys",
        });
        change(&mut said);
        serde_json::from_value::<Metadata>(said).expect("has the shape").judge("https://id.example.com")
    }

    #[test]
    fn what_the_standard_lets_out_has_its_default() {
        assert!(judged(|_| ()).expect("serves").secret_in_header());
        let post = judged(|said| said["token_endpoint_auth_methods_supported"] = json!(["client_secret_post"]));
        assert!(!post.expect("serves").secret_in_header());
    }

    #[test]
    fn another_issuer_and_unsafe_endpoints_are_refused() {
        let refused = |change: fn(&mut Value)| judged(change).expect_err("is refused").to_string();
        assert!(refused(|said| said["issuer"] = json!("https://id.example.com/")).contains("issuer"));
        assert!(
            refused(|said| said["token_endpoint"] = json!("http://id.example.com/token")).contains("token_endpoint")
        );
        assert!(refused(|said| said["jwks_uri"] = json!("http://id.example.com/keys")).contains("jwks_uri"));
        assert!(refused(|said| said["code_challenge_methods_supported"] = json!(["plain"])).contains("PKCE"));
        assert!(refused(|said| said["response_types_supported"] = json!(["id_token"])).contains("code"));
        assert!(
            refused(|said| said["token_endpoint_auth_methods_supported"] = json!(["private_key_jwt"]))
                .contains("secret")
        );
    }

    #[test]
    fn the_description_stands_below_the_issuer() {
        assert_eq!(address("https://a/b/"), "https://a/b/.well-known/openid-configuration");
    }
}
