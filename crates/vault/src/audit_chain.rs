//! The arithmetic of an audit log that shows when it was tampered with.
//!
//! Each entry's hash covers the one before: `hash = SHA-256(previous || entry)`, so anyone who holds
//! the entries can follow the chain without a key. The end of the chain also carries a MAC under a key
//! that never stands in the database in the clear, so whoever can only write to the database can
//! neither shorten a chain nor put a new one in its place.

use hmac::Mac as _;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::fingerprint::FingerprintKey;

/// What stands before the first entry.
pub const GENESIS: [u8; 32] = [0; 32];

const PURPOSE: &[u8] = b"portico/audit/head";

/// The hash of an entry, from the hash of the one before and the exact text of the entry.
#[must_use]
pub fn link(previous: &[u8; 32], entry: &str) -> [u8; 32] {
    Sha256::new().chain_update(previous).chain_update(entry).finalize().into()
}

impl FingerprintKey {
    /// The MAC of a chain's end: whose chain, how many entries, and the last one's hash.
    #[must_use]
    pub fn audit_head(&self, chain: &[u8; 16], seq: u64, hash: &[u8; 32]) -> [u8; 32] {
        let mut mac = self.mac();
        for part in [PURPOSE, chain, &seq.to_be_bytes(), hash] {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }

    /// Whether `mac` is that of this end.
    #[must_use]
    pub fn is_audit_head(&self, chain: &[u8; 16], seq: u64, hash: &[u8; 32], mac: &[u8]) -> bool {
        self.audit_head(chain, seq, hash).as_slice().ct_eq(mac).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_the_plain_sha_256_of_both_texts() {
        let expected: [u8; 32] = Sha256::digest([&GENESIS[..], b"{\"a\":1}"].concat()).into();
        assert_eq!(link(&GENESIS, "{\"a\":1}"), expected);
        assert_ne!(link(&GENESIS, "{\"a\":2}"), expected);
        assert_ne!(link(&expected, "{\"a\":1}"), expected);
    }

    #[test]
    fn a_head_is_bound_to_chain_length_hash_and_key() {
        let key = FingerprintKey::generate(&mut rand::rng());
        let (chain, hash) = ([1; 16], link(&GENESIS, "x"));
        let mac = key.audit_head(&chain, 7, &hash);
        assert!(key.is_audit_head(&chain, 7, &hash, &mac));
        assert!(!key.is_audit_head(&[2; 16], 7, &hash, &mac));
        assert!(!key.is_audit_head(&chain, 8, &hash, &mac));
        assert!(!key.is_audit_head(&chain, 7, &GENESIS, &mac));
        assert!(!key.is_audit_head(&chain, 7, &hash, &mac[..31]));
        let other = FingerprintKey::generate(&mut rand::rng());
        assert!(!other.is_audit_head(&chain, 7, &hash, &mac));
    }
}
