//! Keyed fingerprints: they tell whether two secrets are the same without keeping either.

use std::fmt;

use hmac::Mac as _;

use crate::cipher::SecretKey;
use crate::mac_key::{MacKey, mac};

/// The key of fingerprints. Wiped on drop.
///
/// It is the root of [`MacKey`] itself, because databases hold fingerprints that were made with it.
#[derive(Debug)]
pub struct FingerprintSubkey(SecretKey);

impl MacKey {
    /// The key of fingerprints.
    #[must_use]
    pub fn fingerprint_subkey(&self) -> FingerprintSubkey {
        FingerprintSubkey(self.root())
    }
}

impl FingerprintSubkey {
    /// The fingerprint of `secret`: HMAC-SHA256 over purpose and secret, each preceded by its
    /// length as 64 bits, big endian. Fingerprints for different purposes have nothing in common.
    #[must_use]
    pub fn fingerprint(&self, purpose: &str, secret: &str) -> Fingerprint {
        Fingerprint(mac(&self.0, &[purpose.as_bytes(), secret.as_bytes()]).finalize().into_bytes().into())
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

    fn generate() -> FingerprintSubkey {
        MacKey::generate(&mut rand::rng()).fingerprint_subkey()
    }

    #[test]
    fn the_same_secret_has_the_same_fingerprint() {
        let key = generate();
        assert_eq!(key.fingerprint("chakra-key", "secret"), key.fingerprint("chakra-key", "secret"));
        assert_ne!(key.fingerprint("chakra-key", "secret"), key.fingerprint("chakra-key", "Secret"));
    }

    #[test]
    fn purposes_are_separate() {
        let key = generate();
        assert_ne!(key.fingerprint("chakra-key", "secret"), key.fingerprint("team", "secret"));
        assert_ne!(key.fingerprint("chakra-key", "secret"), key.fingerprint("chakra-keys", "ecret"));
        assert_ne!(key.fingerprint("", "chakra-keysecret"), key.fingerprint("chakra-key", "secret"));
    }

    #[test]
    fn keys_are_separate() {
        assert_ne!(generate().fingerprint("chakra-key", "secret"), generate().fingerprint("chakra-key", "secret"));
    }

    /// Made with Python: `hmac.new(bytes([7]*32), pack(">Q", 10)+b"chakra-key"+pack(">Q", 6)+b"secret", "sha256")`.
    /// Databases hold such values: this must never change.
    #[test]
    fn the_value_is_hmac_sha256_over_length_prefixed_parts() {
        let key = MacKey::from_slice(&[7; 32]).expect("32 bytes").fingerprint_subkey();
        assert_eq!(key.fingerprint("chakra-key", "secret").short(), "8316fcd23ac863f1");
    }

    #[test]
    fn debug_shows_no_key() {
        assert_eq!(format!("{:?}", generate()), "FingerprintSubkey(SecretKey(..))");
        assert_eq!(format!("{:?}", Fingerprint([0xab; 32])), "Fingerprint(abababababababab…)");
    }
}
