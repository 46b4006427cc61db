//! What a request presents.

use portico_vault::{MalformedApiKey, OperatorToken, SecretHash, hash_of};

/// A well-formed credential; nothing is known of its standing yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Credential {
    /// The operator's token.
    Operator,
    /// An API key, by the hash of its secret.
    ApiKey(SecretHash),
}

/// Why a credential is refused without a look-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadCredential {
    /// No `Authorization` header.
    #[error("the header \"Authorization: Bearer <key>\" is missing")]
    Missing,
    /// Another scheme than Bearer, or no token behind it.
    #[error("the Authorization header must be \"Bearer <key>\"")]
    Scheme,
    /// Neither an API key nor the operator's token.
    #[error("the key is not one of Portico's: it must look like ptc_live_… and be copied whole")]
    Malformed,
}

impl Credential {
    /// Reads the value of an `Authorization` header (RFC 6750; the scheme in any case).
    ///
    /// # Errors
    ///
    /// See [`BadCredential`]; the texts hold nothing of the credential.
    pub fn parse(header: Option<&str>, operator: &OperatorToken) -> Result<Self, BadCredential> {
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
            Err(_) => Err(BadCredential::Malformed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use portico_vault::SecretString;

    const KEY: &str = "operator-token-of-at-least-32-characters";

    fn parse(header: Option<&str>) -> Result<Credential, BadCredential> {
        let operator = OperatorToken::parse(SecretString::from(KEY)).expect("is long enough");
        Credential::parse(header, &operator)
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
    fn junk_is_refused_without_a_look_up() {
        assert_eq!(
            parse(Some("Bearer ptc_live_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa_000000")),
            Err(BadCredential::Malformed)
        );
        assert_eq!(parse(Some("Bearer x")), Err(BadCredential::Malformed));
    }
}
