//! Texts that leave with a browser and come back: signed for one purpose, so that nobody else can
//! have made them. They are not secret from whoever carries them.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::Mac as _;

use crate::fingerprint::MacKey;

impl MacKey {
    /// `text` and its signature for that purpose, in characters that a cookie may hold.
    #[must_use]
    pub fn sign(&self, purpose: &str, text: &str) -> String {
        let tag = self.tag(purpose, text).finalize().into_bytes();
        format!("{}.{}", URL_SAFE_NO_PAD.encode(text), URL_SAFE_NO_PAD.encode(tag))
    }

    /// The text, if it was signed with this key for that purpose. Compares in constant time.
    #[must_use]
    pub fn signed(&self, purpose: &str, signed: &str) -> Option<String> {
        let (text, tag) = signed.split_once('.')?;
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
        let tag = URL_SAFE_NO_PAD.decode(tag).ok()?;
        self.tag(purpose, &text).verify_slice(&tag).is_ok().then_some(text)
    }

    /// The signature of `text` alone, for a form that is sent along with it.
    #[must_use]
    pub fn counterpart(&self, purpose: &str, text: &str) -> String {
        URL_SAFE_NO_PAD.encode(self.tag(purpose, text).finalize().into_bytes())
    }

    /// Whether `presented` is the counterpart of `text`. Compares in constant time.
    #[must_use]
    pub fn is_counterpart(&self, purpose: &str, text: &str, presented: &str) -> bool {
        let tag = URL_SAFE_NO_PAD.decode(presented);
        tag.is_ok_and(|tag| self.tag(purpose, text).verify_slice(&tag).is_ok())
    }

    fn tag(&self, purpose: &str, text: &str) -> hmac::Hmac<sha2::Sha256> {
        let mut mac = self.mac();
        for part in ["portico signed text", purpose, text] {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part.as_bytes());
        }
        mac
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signed_text_comes_back_for_its_purpose_only() {
        let key = MacKey::generate(&mut rand::rng());
        let signed = key.sign("choice", "text with; odd, \"characters\" ä");
        assert_eq!(key.signed("choice", &signed).as_deref(), Some("text with; odd, \"characters\" ä"));
        assert!(signed.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)));
        assert_eq!(key.signed("state", &signed), None);
        assert_eq!(MacKey::generate(&mut rand::rng()).signed("choice", &signed), None);
        let (_, tag) = signed.split_once('.').expect("two parts");
        for forged in ["", ".", "a.b", &format!("YQ.{tag}"), &signed[..signed.len() - 4]] {
            assert_eq!(key.signed("choice", forged), None, "{forged}");
        }
    }

    #[test]
    fn a_counterpart_belongs_to_one_text() {
        let key = MacKey::generate(&mut rand::rng());
        let counterpart = key.counterpart("csrf", "session");
        assert!(key.is_counterpart("csrf", "session", &counterpart));
        for (purpose, text, presented) in [
            ("form", "session", &*counterpart),
            ("csrf", "other", &counterpart),
            ("csrf", "session", ""),
            ("csrf", "session", "*"),
        ] {
            assert!(!key.is_counterpart(purpose, text, presented));
        }
    }
}
