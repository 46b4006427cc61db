//! The arithmetic of an audit log that shows when it was tampered with.
//!
//! Each entry's hash covers the one before: `hash = SHA-256(previous || entry)`, so anyone who holds
//! the entries can follow the chain without a key. The end of the chain also carries a MAC under a key
//! that never stands in the database in the clear, so whoever can only write to the database can
//! neither shorten a chain nor put a new one in its place.

use hmac::Mac as _;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::cipher::SecretKey;
use crate::mac_key::{MacKey, mac};

/// The hash that the first entry of a chain follows.
pub const GENESIS: [u8; 32] = [0; 32];

/// The first part of the list from which the MAC of a chain's end is made.
const LABEL: &[u8] = b"portico/audit/head";

/// The hash of an entry, from the hash of the one before and the exact text of the entry.
#[must_use]
pub fn link(previous: &[u8; 32], entry: &str) -> [u8; 32] {
    Sha256::new().chain_update(previous).chain_update(entry).finalize().into()
}

/// A walk along a chain, entry by entry, that remembers only how far it got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Walk {
    /// The number of the last entry that fits; 0 before the first.
    pub seq: u64,
    /// The hash of that entry; [`GENESIS`] before the first.
    pub hash: [u8; 32],
}

/// One entry of a chain as it is kept.
#[derive(Debug, Clone, Copy)]
pub struct Link<'a> {
    /// Its number, counted from 1.
    pub seq: u64,
    /// The exact text that was hashed.
    pub entry: &'a str,
    /// The stored hash of the entry before.
    pub previous: &'a [u8],
    /// The stored hash of this entry.
    pub hash: &'a [u8],
}

/// Why an entry does not continue the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BrokenLink {
    /// Its text does not give its stored hash.
    Changed,
    /// Its number is not the next one.
    Gap,
    /// Its text gives its stored hash, but it follows another entry than the one before it.
    OutOfOrder,
}

impl Default for Walk {
    fn default() -> Self {
        Self { seq: 0, hash: GENESIS }
    }
}

impl Walk {
    /// Goes on to the next entry.
    ///
    /// # Errors
    ///
    /// [`BrokenLink`]; the walk stays where it was.
    pub fn step(&mut self, next: Link<'_>) -> Result<(), BrokenLink> {
        if next.seq != self.seq + 1 {
            return Err(BrokenLink::Gap);
        }
        let own: [u8; 32] = next.previous.try_into().map_err(|_| BrokenLink::Changed)?;
        let hash = link(&own, next.entry);
        if hash != next.hash {
            return Err(BrokenLink::Changed);
        }
        if own != self.hash {
            return Err(BrokenLink::OutOfOrder);
        }
        *self = Self { seq: next.seq, hash };
        Ok(())
    }
}

/// The key that authenticates the ends of audit chains. Wiped on drop.
///
/// It is the root of [`MacKey`] itself, because databases hold ends that were authenticated with it.
#[derive(Debug)]
pub struct AuditChainKey(SecretKey);

impl MacKey {
    /// The key that authenticates the ends of audit chains.
    #[must_use]
    pub fn audit_chain_key(&self) -> AuditChainKey {
        AuditChainKey(self.root())
    }
}

impl AuditChainKey {
    /// The MAC of a chain's end: whose chain, how many entries, and the last one's hash.
    #[must_use]
    pub fn head_mac(&self, chain: &[u8; 16], seq: u64, hash: &[u8; 32]) -> [u8; 32] {
        mac(&self.0, &[LABEL, chain, &seq.to_be_bytes(), hash]).finalize().into_bytes().into()
    }

    /// Whether `presented` is the MAC of this end. Compares in constant time.
    #[must_use]
    pub fn is_head_mac(&self, chain: &[u8; 16], seq: u64, hash: &[u8; 32], presented: &[u8]) -> bool {
        self.head_mac(chain, seq, hash).as_slice().ct_eq(presented).into()
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
    fn a_walk_takes_each_entry_in_order_only() {
        let one = link(&GENESIS, "1");
        let two = link(&one, "2");
        let row = |seq, entry, previous, hash| Link { seq, entry, previous, hash };
        let mut walk = Walk::default();
        assert_eq!(walk.step(row(1, "x", &GENESIS, &one)), Err(BrokenLink::Changed));
        assert_eq!(walk.step(row(1, "1", &two, &one)), Err(BrokenLink::Changed));
        assert_eq!(walk.step(row(1, "1", &GENESIS[..31], &one)), Err(BrokenLink::Changed));
        assert_eq!(walk.step(row(2, "1", &GENESIS, &one)), Err(BrokenLink::Gap));
        assert_eq!(walk.step(row(1, "2", &one, &two)), Err(BrokenLink::OutOfOrder));
        assert_eq!(walk, Walk::default());
        assert_eq!(walk.step(row(1, "1", &GENESIS, &one)), Ok(()));
        assert_eq!(walk.step(row(2, "2", &one, &two)), Ok(()));
        assert_eq!(walk, Walk { seq: 2, hash: two });
    }

    #[test]
    fn a_head_is_bound_to_chain_length_hash_and_key() {
        let key = MacKey::generate(&mut rand::rng()).audit_chain_key();
        let (chain, hash) = ([1; 16], link(&GENESIS, "x"));
        let mac = key.head_mac(&chain, 7, &hash);
        assert!(key.is_head_mac(&chain, 7, &hash, &mac));
        assert!(!key.is_head_mac(&[2; 16], 7, &hash, &mac));
        assert!(!key.is_head_mac(&chain, 8, &hash, &mac));
        assert!(!key.is_head_mac(&chain, 7, &GENESIS, &mac));
        assert!(!key.is_head_mac(&chain, 7, &hash, &mac[..31]));
        let other = MacKey::generate(&mut rand::rng()).audit_chain_key();
        assert!(!other.is_head_mac(&chain, 7, &hash, &mac));
    }

    /// Made with Python: `hmac.new(bytes([7]*32), parts, "sha256")` with `pack(">Q", len(part)) + part` of
    /// `b"portico/audit/head"`, `bytes([1]*16)`, `pack(">Q", 7)` and `bytes([2]*32)`. Databases hold such
    /// values: this must never change.
    #[test]
    fn a_head_is_authenticated_as_databases_hold_it() {
        let key = MacKey::from_slice(&[7; 32]).expect("32 bytes").audit_chain_key();
        let expected = [
            0x43, 0x8c, 0xd6, 0xbd, 0x01, 0xe7, 0x51, 0x5d, 0x10, 0xb0, 0xde, 0x5a, 0x2e, 0xc8, 0x83, 0xf6, 0xc0, 0xc4,
            0xd8, 0xae, 0xd5, 0xf2, 0x6d, 0x49, 0x95, 0x24, 0xac, 0xab, 0xd1, 0xba, 0xf6, 0xc2,
        ];
        assert_eq!(key.head_mac(&[1; 16], 7, &[2; 32]), expected);
    }
}
