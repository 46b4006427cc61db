//! What a request presents.

use std::fmt;

use portico_vault::{KeyEnvironment, MalformedApiKey, OperatorToken, SecretHash, hash_of};

/// A well-formed credential, of which nothing is looked up or verified yet.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Credential<'a> {
    /// The operator's token.
    Operator,
    /// An API key, by the hash of its secret.
    ApiKey(SecretHash),
    /// What looks like a short-lived token (a JWT); nothing of it is verified.
    Token(&'a str),
}

impl fmt::Debug for Credential<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Operator => "Operator",
            Self::ApiKey(_) => "ApiKey(..)",
            Self::Token(_) => "Token(..)",
        })
    }
}

/// Why a credential is refused without a look-up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadCredential {
    /// No `Authorization` header.
    #[error("the header \"Authorization: Bearer <key>\" is missing")]
    Missing,
    /// Another scheme than Bearer, or no token behind it.
    #[error("the Authorization header must be \"Bearer <key>\"")]
    Scheme,
    /// Bytes that are no ASCII text.
    #[error("the Authorization header must be ASCII text")]
    NotAscii,
    /// What begins like an API key and is none.
    #[error("the key is damaged: copy it whole; keys of this Portico look like ptc_{0}_…")]
    Damaged(KeyEnvironment),
    /// Neither an API key nor a token nor the operator's token; most likely Chakra's access token.
    #[error(
        "this is no Portico key: those look like ptc_{0}_…; if it is an access token of Chakra's, store it with POST /api/v1/chakra-keys, and call with a Portico key"
    )]
    Foreign(KeyEnvironment),
}

impl<'a> Credential<'a> {
    /// Reads the value of an `Authorization` header (RFC 6750; the scheme in any case). New keys are of that
    /// environment, as errors tell.
    ///
    /// # Errors
    ///
    /// See [`BadCredential`]; the texts hold nothing of the credential.
    pub fn parse(
        header: Option<&'a str>,
        operator: &OperatorToken,
        environment: &KeyEnvironment,
    ) -> Result<Self, BadCredential> {
        let (scheme, token) = header.ok_or(BadCredential::Missing)?.split_once(' ').ok_or(BadCredential::Scheme)?;
        let token = token.trim_matches(' ');
        if !scheme.eq_ignore_ascii_case("bearer") || token.is_empty() {
            return Err(BadCredential::Scheme);
        }
        match hash_of(token) {
            Ok(hash) => Ok(Self::ApiKey(hash)),
            Err(MalformedApiKey::Length | MalformedApiKey::Shape | MalformedApiKey::Checksum)
                if operator.matches(token) =>
            {
                Ok(Self::Operator)
            }
            Err(_) if looks_like_token(token) => Ok(Self::Token(token)),
            Err(_) if token.starts_with("ptc_") => Err(BadCredential::Damaged(environment.clone())),
            Err(_) => Err(BadCredential::Foreign(environment.clone())),
        }
    }
}

/// Whether it begins like a JWT: an object's brace and quote in base64url. The rest is checked by
/// [`TokenKeys::verify`](crate::TokenKeys::verify).
fn looks_like_token(text: &str) -> bool {
    text.starts_with("ey") && text.contains('.')
}

#[cfg(test)]
mod tests {
    use super::*;
    use portico_vault::SecretString;
    use proptest::prelude::*;

    const KEY: &str = "operator-token-of-at-least-32-characters";

    fn parse(header: Option<&str>) -> Result<Credential<'_>, BadCredential> {
        let operator = OperatorToken::parse(SecretString::from(KEY)).expect("is long enough");
        Credential::parse(header, &operator, &environment())
    }

    fn environment() -> KeyEnvironment {
        "dev".parse().expect("is an environment")
    }

    #[test]
    fn the_scheme_is_bearer_in_any_case() {
        assert_eq!(parse(Some(&format!("bearer {KEY}"))), Ok(Credential::Operator));
        assert_eq!(parse(Some(&format!("Basic {KEY}"))), Err(BadCredential::Scheme));
        assert_eq!(parse(Some("Bearer")), Err(BadCredential::Scheme));
        assert_eq!(parse(Some("Bearer  ")), Err(BadCredential::Scheme));
        assert_eq!(parse(None), Err(BadCredential::Missing));
    }

    #[test]
    fn what_begins_like_a_jwt_is_taken_for_a_token_and_never_shown() {
        let header = "Bearer eyJhbGciOiJub25lIn0.e30.";
        assert_eq!(parse(Some(header)), Ok(Credential::Token("eyJhbGciOiJub25lIn0.e30.")));
        assert_eq!(format!("{:?}", parse(Some(header))), "Ok(Token(..))");
        assert_eq!(parse(Some("Bearer eyJhbGciOiJub25lIn0")), Err(BadCredential::Foreign(environment())));
    }

    proptest! {
        #[test]
        fn any_header_is_read_without_panic_and_nothing_of_it_is_told(text: String) {
            for header in [text.clone(), format!("Bearer {text}"), format!("Bearer ey{text}.x.y")] {
                if let Err(error) = parse(Some(&header)) {
                    let told = format!("{error} {error:?}");
                    prop_assert!(text.len() < 40 || !told.contains(&text));
                }
            }
        }
    }

    #[test]
    fn junk_is_refused_without_a_look_up() {
        assert_eq!(
            parse(Some("Bearer ptc_live_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa_000000")),
            Err(BadCredential::Damaged(environment()))
        );
        assert_eq!(parse(Some("Bearer x")), Err(BadCredential::Foreign(environment())));
    }

    #[test]
    fn a_token_of_chakras_is_told_where_it_belongs_and_how_keys_here_look() {
        let told = parse(Some(&format!("Bearer {}", "aB3".repeat(80)))).expect_err("is Chakra's").to_string();
        assert!(told.contains("ptc_dev_") && told.contains("POST /api/v1/chakra-keys"), "{told}");
        let told = parse(Some("Bearer ptc_dev_abc")).expect_err("is cut").to_string();
        assert!(told.contains("ptc_dev_") && !told.contains("chakra-keys"), "{told}");
    }
}
