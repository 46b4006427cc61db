//! The arithmetic of an audit log that shows when it was tampered with.
//!
//! Each entry's hash covers the one before: `hash = SHA-256(previous || entry)`, so anyone who holds
//! the entries can follow the chain without a key. The end of the chain also carries a MAC under a key
//! that never stands in the database in the clear, so whoever can only write to the database can
//! neither shorten a chain nor put a new one in its place.

use hmac::Mac as _;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::fingerprint::MacKey;

/// What stands before the first entry.
pub const GENESIS: [u8; 32] = [0; 32];

const PURPOSE: &[u8] = b"portico/audit/head";

/// The hash of an entry, from the hash of the one before and the exact text of the entry.
#[must_use]
pub fn link(previous: &[u8; 32], entry: &str) -> [u8; 32] {
    Sha256::new().chain_update(previous).chain_update(entry).finalize().into()
}

/// A walk along a chain, entry by entry, that remembers only where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Walk {
    /// The place of the last entry that fitted; 0 before the first.
    pub seq: u64,
    /// Its hash.
    pub hash: [u8; 32],
}

/// One entry of a chain as it is kept.
#[derive(Debug, Clone, Copy)]
pub struct Link<'a> {
    /// Its place.
    pub seq: u64,
    /// The exact text.
    pub entry: &'a str,
    /// What is kept as the hash of the one before.
    pub previous: &'a [u8],
    /// What is kept as its hash.
    pub hash: &'a [u8],
}

/// Why an entry does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Misfit {
    /// It does not give the hash that stands beside it.
    Changed,
    /// There is none at the next place.
    Gap,
    /// It is whole in itself, but follows another entry than the one before it.
    Elsewhere,
}

impl Default for Walk {
    fn default() -> Self {
        Self { seq: 0, hash: GENESIS }
    }
}

impl Walk {
    /// Takes the entry at the next place.
    ///
    /// # Errors
    ///
    /// [`Misfit`]; the walk stays where it was.
    pub fn step(&mut self, next: Link<'_>) -> Result<(), Misfit> {
        if next.seq != self.seq + 1 {
            return Err(Misfit::Gap);
        }
        let own: [u8; 32] = next.previous.try_into().map_err(|_| Misfit::Changed)?;
        let hash = link(&own, next.entry);
        if hash != next.hash {
            return Err(Misfit::Changed);
        }
        if own != self.hash {
            return Err(Misfit::Elsewhere);
        }
        *self = Self { seq: next.seq, hash };
        Ok(())
    }
}

impl MacKey {
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
    fn a_walk_takes_each_entry_in_its_place_only() {
        let one = link(&GENESIS, "1");
        let two = link(&one, "2");
        let row = |seq, entry, previous, hash| Link { seq, entry, previous, hash };
        let mut walk = Walk::default();
        assert_eq!(walk.step(row(1, "x", &GENESIS, &one)), Err(Misfit::Changed));
        assert_eq!(walk.step(row(1, "1", &two, &one)), Err(Misfit::Changed));
        assert_eq!(walk.step(row(1, "1", &GENESIS[..31], &one)), Err(Misfit::Changed));
        assert_eq!(walk.step(row(2, "1", &GENESIS, &one)), Err(Misfit::Gap));
        assert_eq!(walk.step(row(1, "2", &one, &two)), Err(Misfit::Elsewhere));
        assert_eq!(walk, Walk::default());
        assert_eq!(walk.step(row(1, "1", &GENESIS, &one)), Ok(()));
        assert_eq!(walk.step(row(2, "2", &one, &two)), Ok(()));
        assert_eq!(walk, Walk { seq: 2, hash: two });
    }

    #[test]
    fn a_head_is_bound_to_chain_length_hash_and_key() {
        let key = MacKey::generate(&mut rand::rng());
        let (chain, hash) = ([1; 16], link(&GENESIS, "x"));
        let mac = key.audit_head(&chain, 7, &hash);
        assert!(key.is_audit_head(&chain, 7, &hash, &mac));
        assert!(!key.is_audit_head(&[2; 16], 7, &hash, &mac));
        assert!(!key.is_audit_head(&chain, 8, &hash, &mac));
        assert!(!key.is_audit_head(&chain, 7, &GENESIS, &mac));
        assert!(!key.is_audit_head(&chain, 7, &hash, &mac[..31]));
        let other = MacKey::generate(&mut rand::rng());
        assert!(!other.is_audit_head(&chain, 7, &hash, &mac));
    }
}
