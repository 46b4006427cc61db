//! The buckets in which attempts are counted: by whom or from where, without keeping either.

use hmac::Mac as _;

use crate::cipher::SecretKey;
use crate::mac_key::{MacKey, mac};

/// The key of throttling buckets. Wiped on drop.
#[derive(Debug)]
pub struct ThrottleKey(SecretKey);

impl MacKey {
    /// The key of throttling buckets.
    #[must_use]
    pub fn throttle_key(&self) -> ThrottleKey {
        ThrottleKey(self.derive("portico/mac-key/throttle"))
    }
}

impl ThrottleKey {
    /// The bucket of what is counted, such as an address, among those of its kind: HMAC-SHA256 over kind
    /// and text. Buckets of different kinds have nothing in common.
    #[must_use]
    pub fn bucket(&self, kind: &str, text: &str) -> [u8; 32] {
        mac(&self.0, &[kind.as_bytes(), text.as_bytes()]).finalize().into_bytes().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_is_one_kind_s_and_one_text_s() {
        let key = MacKey::generate(&mut rand::rng()).throttle_key();
        assert_eq!(key.bucket("by address", "192.0.2.7"), key.bucket("by address", "192.0.2.7"));
        assert_ne!(key.bucket("by address", "192.0.2.7"), key.bucket("by address", "192.0.2.8"));
        assert_ne!(key.bucket("by address", "192.0.2.7"), key.bucket("by member", "192.0.2.7"));
        let other = MacKey::generate(&mut rand::rng()).throttle_key();
        assert_ne!(key.bucket("by address", "192.0.2.7"), other.bucket("by address", "192.0.2.7"));
    }

    #[test]
    fn a_bucket_is_not_the_fingerprint_of_the_same_text() {
        let root = MacKey::generate(&mut rand::rng());
        assert_ne!(root.throttle_key().bucket("kind", "text"), root.fingerprint_subkey().fingerprint("kind", "text").0);
    }

    /// Made with Python from the root `bytes([7]*32)`: the key is
    /// `hmac.new(root, b"portico/mac-key/throttle\x01", "sha256")`, and the bucket is HMAC-SHA256 with it over
    /// `pack(">Q", 18)+b"sign-in by address"+pack(">Q", 9)+b"192.0.2.7"`.
    #[test]
    fn a_bucket_is_made_with_the_subkey_of_throttling() {
        let key = MacKey::from_slice(&[7; 32]).expect("32 bytes").throttle_key();
        let bucket = key.bucket("sign-in by address", "192.0.2.7");
        assert_eq!(bucket[..8], [0xec, 0x6e, 0x09, 0x1e, 0xbc, 0x7b, 0x07, 0x73]);
    }
}
