//! The tokens that browsers carry: a session's in a cookie, an invitation's in a link. 256 random
//! bits each, so that the hash which is kept needs neither salt nor stretching.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::CryptoRng;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::api_key_secret::SecretHash;

/// Characters of a token: 32 bytes in base64url.
const LEN: usize = 43;

/// A token in full: 32 random bytes in base64url. Wiped on drop.
#[derive(Clone)]
pub struct BrowserToken(SecretString);

impl BrowserToken {
    /// A new random token.
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        let mut bytes = Zeroizing::new([0; 32]);
        rng.fill_bytes(bytes.as_mut_slice());
        Self(SecretString::from(URL_SAFE_NO_PAD.encode(bytes.as_slice())))
    }

    /// Reads a token; none for a text that cannot be one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        (text.len() == LEN && text.bytes().all(plain)).then(|| Self(SecretString::from(text)))
    }

    /// The hash that is stored and looked up. Hashes of one token for two purposes have nothing in common.
    #[must_use]
    pub fn hash(&self, purpose: &str) -> SecretHash {
        let mut hash = Sha256::new();
        hash.update((purpose.len() as u64).to_be_bytes());
        hash.update(purpose);
        hash.update(self.expose());
        SecretHash(hash.finalize().into())
    }

    /// The token in full, for the cookie or the link.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for BrowserToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BrowserToken(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_survives_its_text_form_and_is_of_one_purpose() {
        let token = BrowserToken::generate(&mut rand::rng());
        let read = BrowserToken::parse(token.expose()).expect("is one");
        assert_eq!(read.hash("session"), token.hash("session"));
        assert_ne!(token.hash("session"), token.hash("invitation"));
        assert_ne!(token.hash("session"), BrowserToken::generate(&mut rand::rng()).hash("session"));
    }

    #[test]
    fn every_character_of_the_alphabet_may_stand_in_a_token() {
        let text = format!("-_09azAZ{}", "a".repeat(LEN - 8));
        assert_eq!(BrowserToken::parse(&text).as_ref().map(BrowserToken::expose), Some(&*text));
    }

    #[test]
    fn junk_is_no_token_and_debug_shows_nothing() {
        for text in ["", "a", &"a".repeat(42), &"a".repeat(44), &format!("{}.", "a".repeat(42))] {
            assert!(BrowserToken::parse(text).is_none(), "{text}");
        }
        assert_eq!(format!("{:?}", BrowserToken::parse(&"a".repeat(43))), "Some(BrowserToken(..))");
    }
}
