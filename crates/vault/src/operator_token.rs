//! The token of whoever runs this Portico.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// Fewest characters of an operator token.
pub const OPERATOR_TOKEN_MIN_LEN: usize = 32;

/// Why a text is refused as operator token. The texts quote nothing of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WeakOperatorToken {
    /// Shorter than [`OPERATOR_TOKEN_MIN_LEN`]: it could be guessed.
    #[error("must have at least {OPERATOR_TOKEN_MIN_LEN} characters; \"openssl rand -hex 32\" makes a good one")]
    Short,
    /// Holds a space, a control character or something outside ASCII, which a header cannot carry
    /// unchanged.
    #[error("must consist of visible ASCII characters only")]
    Invisible,
}

/// The token of whoever runs this Portico, kept only as a hash.
pub struct OperatorToken(Zeroizing<[u8; 32]>);

impl OperatorToken {
    /// Hashes the token of the settings, which is wiped.
    ///
    /// # Errors
    ///
    /// [`WeakOperatorToken`] if it is too short or could not travel in a header.
    #[expect(clippy::needless_pass_by_value, reason = "the plain token ends here, wiped on drop")]
    pub fn parse(text: SecretString) -> Result<Self, WeakOperatorToken> {
        let token = text.expose_secret();
        if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(WeakOperatorToken::Invisible);
        }
        if token.len() < OPERATOR_TOKEN_MIN_LEN {
            return Err(WeakOperatorToken::Short);
        }
        Ok(Self(digest(token)))
    }

    /// Whether `presented` is this token. How long that takes depends only on the length of
    /// `presented`.
    #[must_use]
    pub fn matches(&self, presented: &str) -> bool {
        self.0.as_slice().ct_eq(digest(presented).as_slice()).into()
    }
}

impl fmt::Debug for OperatorToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OperatorToken(..)")
    }
}

fn digest(token: &str) -> Zeroizing<[u8; 32]> {
    Zeroizing::new(Sha256::digest(token).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "0123456789abcdef0123456789ABCDE~";

    fn parse(text: &str) -> Result<OperatorToken, WeakOperatorToken> {
        OperatorToken::parse(SecretString::from(text))
    }

    #[test]
    fn only_the_same_token_matches() {
        let token = parse(TOKEN).expect("long enough");
        assert!(token.matches(TOKEN));
        for other in ["", &TOKEN[..31], &TOKEN.to_lowercase(), &format!("{TOKEN} "), &format!("{TOKEN}{TOKEN}")] {
            assert!(!token.matches(other), "{other:?}");
        }
    }

    #[test]
    fn a_short_token_is_refused() {
        assert_eq!(parse(&TOKEN[..31]).err(), Some(WeakOperatorToken::Short));
        assert_eq!(parse("").err(), Some(WeakOperatorToken::Short));
    }

    #[test]
    fn what_no_header_carries_is_refused() {
        for odd in [" ", "\n", "\u{7f}", "ä", "\0"] {
            assert_eq!(parse(&format!("{TOKEN}{odd}")).err(), Some(WeakOperatorToken::Invisible), "{odd:?}");
        }
    }

    #[test]
    fn debug_shows_nothing() {
        assert_eq!(format!("{:?}", parse(TOKEN).expect("long enough")), "OperatorToken(..)");
    }
}
