//! ID tokens: who signed in, as the provider signs it.

use jsonwebtoken::{Algorithm, Header, Validation};
use serde::Deserialize;

use crate::jwks::Key;

/// The signature algorithms that are accepted. `none` and everything with a shared secret are not among them.
pub const ALGORITHMS: &[Algorithm] = &[Algorithm::RS256, Algorithm::PS256, Algorithm::ES256, Algorithm::EdDSA];

/// How far clocks may differ, in seconds.
const LEEWAY: u64 = 60;
/// How old a token may be, in seconds: it was issued for this sign-in a moment ago.
const OLDEST: u64 = 600;
/// How long a token may be, in bytes.
const LONGEST: usize = 16 * 1024;

/// Why an ID token is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadIdToken {
    /// It is no signed token, or its claims are not those of the standard.
    #[error("the ID token is malformed")]
    Malformed,
    /// `none`, a shared secret, or another algorithm that is not allowed.
    #[error("the ID token is signed with an algorithm that is not allowed")]
    Algorithm,
    /// The provider has no key with this id that serves this algorithm.
    #[error("the ID token names no key of the provider")]
    UnknownKey,
    /// The signature does not verify with the provider's key.
    #[error("the ID token's signature is wrong")]
    Signature,
    /// `iss` is another issuer.
    #[error("the ID token is another issuer's")]
    Issuer,
    /// `aud` or `azp` is another client.
    #[error("the ID token is for another client")]
    Audience,
    /// `nonce` is that of another sign-in.
    #[error("the ID token belongs to another sign-in")]
    Nonce,
    /// `exp` has passed, or `iat` is too long ago.
    #[error("the ID token has expired")]
    Expired,
    /// `iat` or `nbf` is in the future: some clock is wrong.
    #[error("the ID token is from the future; look at the clocks of both machines")]
    Future,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

/// The claims of a token that a sign-in needs.
#[derive(Debug, Deserialize)]
pub(crate) struct Claims {
    iss: String,
    pub(crate) sub: String,
    aud: Audience,
    azp: Option<String>,
    exp: f64,
    iat: f64,
    nbf: Option<f64>,
    nonce: Option<String>,
    pub(crate) email: Option<String>,
    /// None where the token does not say.
    #[serde(default)]
    pub(crate) email_verified: Option<Flag>,
    pub(crate) name: Option<String>,
}

/// A boolean, or (as some providers write it) the text "true".
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(from = "serde_json::Value")]
pub(crate) struct Flag(pub(crate) bool);

impl From<serde_json::Value> for Flag {
    fn from(value: serde_json::Value) -> Self {
        Self(value == true || value == "true")
    }
}

/// What the claims must say.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Expected<'a> {
    pub(crate) issuer: &'a str,
    pub(crate) client_id: &'a str,
    pub(crate) nonce: &'a str,
    /// The time, in seconds since 1970.
    pub(crate) now: u64,
}

/// The header of a token, if its algorithm is accepted and nothing in it must be understood.
pub(crate) fn head(token: &str) -> Result<Header, BadIdToken> {
    if token.len() > LONGEST {
        return Err(BadIdToken::Malformed);
    }
    // An algorithm that the library does not know, such as none, is an error of its reader.
    let header = jsonwebtoken::decode_header(token).map_err(|_| BadIdToken::Malformed)?;
    if !ALGORITHMS.contains(&header.alg) {
        return Err(BadIdToken::Algorithm);
    }
    // Nothing that must be understood is.
    if header.crit.is_some() {
        return Err(BadIdToken::Malformed);
    }
    Ok(header)
}

/// The claims of a token that one of these keys signed, if they say what is expected.
pub(crate) fn verify(
    token: &str,
    algorithm: Algorithm,
    keys: &[Key],
    expected: Expected<'_>,
) -> Result<Claims, BadIdToken> {
    if keys.is_empty() {
        return Err(BadIdToken::UnknownKey);
    }
    let mut validation = Validation::new(algorithm);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    let mut why = BadIdToken::Signature;
    for key in keys {
        match jsonwebtoken::decode::<Claims>(token, &key.verifier, &validation) {
            Ok(data) => return data.claims.judge(expected),
            Err(error) if matches!(error.kind(), jsonwebtoken::errors::ErrorKind::Json(_)) => {
                why = BadIdToken::Malformed;
            }
            Err(_) => {}
        }
    }
    Err(why)
}

impl Claims {
    fn judge(self, expected: Expected<'_>) -> Result<Self, BadIdToken> {
        if self.iss != expected.issuer {
            return Err(BadIdToken::Issuer);
        }
        let (ours, others) = match &self.aud {
            Audience::One(one) => (one == expected.client_id, false),
            Audience::Many(many) => (many.iter().any(|one| one == expected.client_id), many.len() > 1),
        };
        let party = self.azp.as_deref().map_or(!others, |azp| azp == expected.client_id);
        if !ours || !party {
            return Err(BadIdToken::Audience);
        }
        if self.nonce.as_deref() != Some(expected.nonce) {
            return Err(BadIdToken::Nonce);
        }
        if self.sub.is_empty() || self.sub.len() > 255 {
            return Err(BadIdToken::Malformed);
        }
        let seconds = |seconds: u64| std::time::Duration::from_secs(seconds).as_secs_f64();
        let (now, leeway) = (seconds(expected.now), seconds(LEEWAY));
        let expired = self.exp <= now - leeway || self.iat <= now - seconds(OLDEST) - leeway;
        let future = self.iat >= now + leeway || self.nbf.is_some_and(|nbf| nbf >= now + leeway);
        match (expired, future) {
            (true, _) => Err(BadIdToken::Expired),
            (_, true) => Err(BadIdToken::Future),
            _ => Ok(self),
        }
    }
}
