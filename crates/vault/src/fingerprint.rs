//! Keyed fingerprints: they tell whether two secrets are the same without keeping either.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use rand::CryptoRng;
use sha2::Sha256;

use crate::cipher::SecretKey;

/// The key beneath every message authentication code of an installation. Wiped on drop; without it a
/// fingerprint cannot be searched for by trying likely secrets.
pub struct MacKey(SecretKey);

impl MacKey {
    /// A new random key. Replacing the key makes earlier fingerprints useless.
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        Self(SecretKey::generate(rng))
    }

    /// The fingerprint of `secret`: HMAC-SHA256 over purpose and secret, each preceded by its
    /// length as 64 bits, big endian. Fingerprints for different purposes have nothing in common.
    #[must_use]
    pub fn fingerprint(&self, purpose: &str, secret: &str) -> Fingerprint {
        let mut mac = self.mac();
        for part in [purpose, secret] {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part.as_bytes());
        }
        Fingerprint(mac.finalize().into_bytes().into())
    }

    pub(crate) fn mac(&self) -> Hmac<Sha256> {
        Hmac::new_from_slice(self.0.expose()).expect("HMAC takes a key of any length")
    }

    /// The key that `bytes` are, if there are 32.
    pub(crate) fn from_slice(bytes: &[u8]) -> Option<Self> {
        SecretKey::from_slice(bytes).map(Self)
    }

    /// The bytes of the key, for sealing.
    pub(crate) fn expose(&self) -> &[u8] {
        self.0.expose()
    }
}

impl fmt::Debug for MacKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MacKey(..)")
    }
}

/// What identifies a secret without revealing it. Safe to store and to show.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint(pub [u8; 32]);

impl Fingerprint {
    /// The first 16 hexadecimal digits, lower case, for people to compare.
    #[must_use]
    pub fn short(&self) -> String {
        self.0[..8].iter().flat_map(|byte| [byte >> 4, byte & 15]).map(hex_digit).collect()
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({}…)", self.short())
    }
}

fn hex_digit(nibble: u8) -> char {
    char::from(b"0123456789abcdef"[usize::from(nibble & 15)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_secret_has_the_same_fingerprint() {
        let key = MacKey::generate(&mut rand::rng());
        assert_eq!(key.fingerprint("chakra-key", "secret"), key.fingerprint("chakra-key", "secret"));
        assert_ne!(key.fingerprint("chakra-key", "secret"), key.fingerprint("chakra-key", "Secret"));
    }

    #[test]
    fn purposes_are_separate() {
        let key = MacKey::generate(&mut rand::rng());
        assert_ne!(key.fingerprint("chakra-key", "secret"), key.fingerprint("team", "secret"));
        assert_ne!(key.fingerprint("chakra-key", "secret"), key.fingerprint("chakra-keys", "ecret"));
        assert_ne!(key.fingerprint("", "chakra-keysecret"), key.fingerprint("chakra-key", "secret"));
    }

    #[test]
    fn keys_are_separate() {
        let rng = &mut rand::rng();
        let (one, two) = (MacKey::generate(rng), MacKey::generate(rng));
        assert_ne!(one.fingerprint("chakra-key", "secret"), two.fingerprint("chakra-key", "secret"));
    }

    /// Made with Python: `hmac.new(bytes([7]*32), pack(">Q", 10)+b"chakra-key"+pack(">Q", 6)+b"secret", "sha256")`.
    #[test]
    fn the_value_is_hmac_sha256_over_length_prefixed_parts() {
        let key = MacKey::from_slice(&[7; 32]).expect("32 bytes");
        assert_eq!(key.fingerprint("chakra-key", "secret").short(), "8316fcd23ac863f1");
    }

    #[test]
    fn debug_shows_no_key() {
        let key = MacKey::from_slice(&[7; 32]).expect("32 bytes");
        assert_eq!(format!("{key:?}"), "MacKey(..)");
        assert_eq!(format!("{:?}", Fingerprint([0xab; 32])), "Fingerprint(abababababababab…)");
    }
}
