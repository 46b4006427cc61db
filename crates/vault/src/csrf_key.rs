//! Tokens against cross-site request forgery: a page sends one along with a request, and it belongs to
//! the cookie that the browser sends by itself. Nothing is stored; a token is a MAC of the cookie's value.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac as _};
use sha2::Sha256;

use crate::cipher::SecretKey;
use crate::mac_key::{MacKey, mac};

/// The key of CSRF tokens. Wiped on drop.
#[derive(Debug)]
pub struct CsrfKey(SecretKey);

impl MacKey {
    /// The key of CSRF tokens.
    #[must_use]
    pub fn csrf_key(&self) -> CsrfKey {
        CsrfKey(self.derive("portico/mac-key/csrf"))
    }
}

impl CsrfKey {
    /// The token that belongs to a cookie, by the cookie's value, for that purpose: HMAC-SHA256 over both,
    /// in base64url without padding (43 characters).
    #[must_use]
    pub fn token(&self, purpose: &str, cookie: &str) -> String {
        URL_SAFE_NO_PAD.encode(self.tag(purpose, cookie).finalize().into_bytes())
    }

    /// Whether `presented` is the token that belongs to the cookie. Compares in constant time.
    #[must_use]
    pub fn is_token(&self, purpose: &str, cookie: &str, presented: &str) -> bool {
        let tag = URL_SAFE_NO_PAD.decode(presented);
        tag.is_ok_and(|tag| self.tag(purpose, cookie).verify_slice(&tag).is_ok())
    }

    fn tag(&self, purpose: &str, cookie: &str) -> Hmac<Sha256> {
        mac(&self.0, &[purpose.as_bytes(), cookie.as_bytes()])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_belongs_to_one_cookie_purpose_and_key() {
        let key = MacKey::generate(&mut rand::rng()).csrf_key();
        let token = key.token("session", "cookie");
        assert!(key.is_token("session", "cookie", &token));
        for (purpose, cookie, presented) in [
            ("form", "cookie", &*token),
            ("session", "other", &token),
            ("session", "cookie", ""),
            ("session", "cookie", "*"),
            ("session", "cookie", &token[..40]),
        ] {
            assert!(!key.is_token(purpose, cookie, presented), "{purpose} {cookie} {presented}");
        }
        assert!(!MacKey::generate(&mut rand::rng()).csrf_key().is_token("session", "cookie", &token));
    }

    #[test]
    fn a_ticket_s_signature_is_no_csrf_token() {
        let root = MacKey::generate(&mut rand::rng());
        let ticket = root.ticket_key().sign("session", "cookie");
        let (_, signature) = ticket.split_once('.').expect("two parts");
        assert!(!root.csrf_key().is_token("session", "cookie", signature));
    }

    /// Made with Python from the root `bytes([7]*32)`: the key is
    /// `hmac.new(root, b"portico/mac-key/csrf\x01", "sha256")`, and the token is HMAC-SHA256 with it over
    /// `pack(">Q", 7)+b"session"+pack(">Q", 5)+b"token"`.
    #[test]
    fn a_token_is_made_with_the_subkey_of_csrf_tokens() {
        let key = MacKey::from_slice(&[7; 32]).expect("32 bytes").csrf_key();
        assert_eq!(key.token("session", "token"), "xY9jS6hYDwH4X2FzVzRbDhlUcJcBMOEEkrdpue-iPJw");
    }
}
