//! The installation's key for message authentication codes (MACs), and how each purpose gets its own.
//!
//! One random key of 256 bits, the root, is stored, sealed under the master keys. Nobody is handed the root:
//! every purpose has a subkey with a type of its own, so that what was made for one purpose cannot be taken
//! for another's, and handing over the wrong key does not compile.
//!
//! | subkey | purpose | key | what it makes is kept |
//! |---|---|---|---|
//! | [`TicketKey`](crate::TicketKey) | texts that leave with a browser and come back | derived | nowhere |
//! | [`CsrfKey`](crate::CsrfKey) | tokens against cross-site request forgery | derived | nowhere |
//! | [`ThrottleKey`](crate::ThrottleKey) | the buckets in which attempts are counted | derived | until the count is forgotten |
//! | [`FingerprintSubkey`](crate::FingerprintSubkey) | fingerprints of Chakra keys and teams | the root | for good |
//! | [`AuditChainKey`](crate::AuditChainKey) | the ends of audit chains | the root | for good |
//!
//! A derived subkey is HKDF-Expand of RFC 5869 with SHA-256, the root as pseudorandom key and the
//! purpose's label as info: `HMAC-SHA256(root, label || 0x01)`, 32 bytes. The extracting step is left out,
//! as section 3.3 allows, because the root is uniformly random.
//!
//! The last two use the root itself, because databases hold what it made before there were subkeys, and
//! neither can be made anew: a Chakra key's fingerprint needs the opened key, and a new end of an audit
//! chain would vouch for whatever stands in the database by then. They stay apart by what they feed to the
//! MAC. All feed it lists of parts, each preceded by its length as 64 bits, big endian; a fingerprint's
//! list has two parts, a chain's end four, and no two lists have the same encoding. A label is none of
//! these: a list begins with a zero byte, for no part has 2⁵⁶ bytes, and a label with a letter.
//!
//! To add a purpose, write a type like [`TicketKey`](crate::TicketKey) with a label that no other has.

use hmac::{Hmac, KeyInit, Mac};
use rand::CryptoRng;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::cipher::{KEY_LEN, SecretKey};

/// The key from which every MAC of an installation comes. Wiped on drop; without it nobody can search
/// for what a fingerprint stands for by trying likely secrets. Replacing it makes all earlier MACs useless.
#[derive(Debug)]
pub struct MacKey(SecretKey);

impl MacKey {
    /// A new random key.
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        Self(SecretKey::generate(rng))
    }

    /// The subkey of a purpose, by the purpose's label.
    pub(crate) fn derive(&self, label: &str) -> SecretKey {
        let mut mac = keyed(&self.0);
        mac.update(label.as_bytes());
        mac.update(&[1]);
        let bytes: Zeroizing<[u8; KEY_LEN]> = Zeroizing::new(mac.finalize().into_bytes().into());
        SecretKey::from_slice(bytes.as_slice()).expect("SHA-256 gives as many bytes as a key has")
    }

    /// The root as the key of a purpose that is older than subkeys. No new purpose may use it.
    pub(crate) fn root(&self) -> SecretKey {
        SecretKey::from_slice(self.0.expose()).expect("it has as many bytes as it has")
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

/// HMAC-SHA256 over a list of parts, each preceded by its length as 64 bits, big endian.
pub(crate) fn mac(key: &SecretKey, parts: &[&[u8]]) -> Hmac<Sha256> {
    let mut mac = keyed(key);
    for part in parts {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part);
    }
    mac
}

fn keyed(key: &SecretKey) -> Hmac<Sha256> {
    Hmac::new_from_slice(key.expose()).expect("HMAC takes a key of any length")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The root of every test vector.
    fn root() -> MacKey {
        MacKey::from_slice(&[7; 32]).expect("32 bytes")
    }

    /// Made with Python: `hmac.new(bytes([7]*32), label + b"\x01", "sha256").digest()`.
    #[test]
    fn a_subkey_is_hkdf_expand_of_the_root_with_the_label() {
        let expected = [
            0xbd, 0x27, 0xae, 0x47, 0x03, 0x87, 0x29, 0x68, 0x40, 0xa1, 0x56, 0xed, 0x68, 0x10, 0x69, 0xb7, 0xec, 0x41,
            0xea, 0x06, 0xe6, 0x54, 0x79, 0xb7, 0x77, 0x80, 0xb3, 0xea, 0x3e, 0x31, 0x28, 0x4b,
        ];
        assert_eq!(root().derive("portico/mac-key/ticket").expose(), &expected);
    }

    #[test]
    fn labels_roots_and_the_root_itself_give_different_keys() {
        let subkey = |key: &MacKey, label: &str| *key.derive(label).expose();
        assert_ne!(subkey(&root(), "a"), subkey(&root(), "b"));
        assert_ne!(subkey(&root(), "a"), subkey(&MacKey::generate(&mut rand::rng()), "a"));
        assert_ne!(subkey(&root(), "a"), *root().root().expose());
        assert_eq!(root().root().expose(), &[7; 32]);
    }

    /// Made with Python: `hmac.new(bytes([7]*32), pack(">Q", 10)+b"chakra-key"+pack(">Q", 6)+b"secret", "sha256")`.
    #[test]
    fn a_mac_is_hmac_sha256_over_length_prefixed_parts() {
        let value = mac(&root().root(), &[b"chakra-key", b"secret"]).finalize().into_bytes();
        assert_eq!(value[..8], [0x83, 0x16, 0xfc, 0xd2, 0x3a, 0xc8, 0x63, 0xf1]);
        let other = mac(&root().root(), &[b"chakra-keys", b"ecret"]).finalize().into_bytes();
        assert_ne!(value, other, "what stands between the parts counts");
    }

    #[test]
    fn debug_shows_no_key() {
        assert_eq!(format!("{:?}", root()), "MacKey(SecretKey(..))");
    }
}
