//! The names of master keys.

use std::fmt;
use std::str::FromStr;

/// The id of a master key: 1 to 32 lower-case letters, digits, `_` and `-`, such as `k1`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MasterKeyId(String);

/// A text that is no [`MasterKeyId`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to {ID_LONGEST} lower-case letters, digits, \"_\" and \"-\"")]
pub struct MalformedMasterKeyId;

/// Characters in the longest id.
pub(crate) const ID_LONGEST: usize = 32;

impl MasterKeyId {
    /// The id as the settings spell it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for MasterKeyId {
    type Err = MalformedMasterKeyId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte);
        let fits = (1..=ID_LONGEST).contains(&text.len()) && text.bytes().all(allowed);
        if fits { Ok(Self(text.to_owned())) } else { Err(MalformedMasterKeyId) }
    }
}

impl fmt::Display for MasterKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_short_slugs() {
        for good in ["k", "k1", "2026-07_eu", &"a".repeat(32)] {
            assert_eq!(good.parse::<MasterKeyId>().map(|id| id.to_string()), Ok(good.to_owned()));
        }
        for bad in ["", "K1", "k 1", "k:1", "k,1", "ä", &"a".repeat(33)] {
            assert_eq!(bad.parse::<MasterKeyId>(), Err(MalformedMasterKeyId), "{bad:?}");
        }
    }
}
