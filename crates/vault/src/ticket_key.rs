//! Tickets: texts that leave with a browser and come back, signed for one purpose, so that nobody else
//! can have made them. They are not secret from whoever carries them.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac as _};
use sha2::Sha256;

use crate::cipher::SecretKey;
use crate::mac_key::{MacKey, mac};

/// The key that signs tickets. Wiped on drop.
#[derive(Debug)]
pub struct TicketKey(SecretKey);

impl MacKey {
    /// The key that signs tickets.
    #[must_use]
    pub fn ticket_key(&self) -> TicketKey {
        TicketKey(self.derive("portico/mac-key/ticket"))
    }
}

impl TicketKey {
    /// `text` and its signature for that purpose, in characters that a cookie may hold:
    /// `<text>.<HMAC-SHA256 over purpose and text>`, both in base64url without padding.
    #[must_use]
    pub fn sign(&self, purpose: &str, text: &str) -> String {
        let tag = self.tag(purpose, text).finalize().into_bytes();
        format!("{}.{}", URL_SAFE_NO_PAD.encode(text), URL_SAFE_NO_PAD.encode(tag))
    }

    /// The text of `ticket`, if it was signed with this key for that purpose. Compares in constant time.
    #[must_use]
    pub fn verify(&self, purpose: &str, ticket: &str) -> Option<String> {
        let (text, tag) = ticket.split_once('.')?;
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
        let tag = URL_SAFE_NO_PAD.decode(tag).ok()?;
        self.tag(purpose, &text).verify_slice(&tag).is_ok().then_some(text)
    }

    fn tag(&self, purpose: &str, text: &str) -> Hmac<Sha256> {
        mac(&self.0, &[purpose.as_bytes(), text.as_bytes()])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn generate() -> TicketKey {
        MacKey::generate(&mut rand::rng()).ticket_key()
    }

    #[test]
    fn a_signed_text_comes_back_for_its_purpose_only() {
        let key = generate();
        let ticket = key.sign("choice", "text with; odd, \"characters\" ä");
        assert_eq!(key.verify("choice", &ticket).as_deref(), Some("text with; odd, \"characters\" ä"));
        assert!(ticket.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)));
        assert_eq!(key.verify("state", &ticket), None);
        assert_eq!(generate().verify("choice", &ticket), None);
        let (_, tag) = ticket.split_once('.').expect("two parts");
        for forged in ["", ".", "a.b", &format!("YQ.{tag}"), &ticket[..ticket.len() - 4]] {
            assert_eq!(key.verify("choice", forged), None, "{forged}");
        }
    }

    /// Made with Python from the root `bytes([7]*32)`: the key is
    /// `hmac.new(root, b"portico/mac-key/ticket\x01", "sha256")`, and the signature is HMAC-SHA256 with it over
    /// `pack(">Q", 6)+b"choice"+pack(">Q", 4)+b"text"`.
    #[test]
    fn a_ticket_is_signed_with_the_subkey_of_tickets() {
        let key = MacKey::from_slice(&[7; 32]).expect("32 bytes").ticket_key();
        assert_eq!(key.sign("choice", "text"), "dGV4dA.qhBUDMhTZavQ0xd4cpkL7gESQOjfr-pvZzbf1btnDoc");
    }
}
