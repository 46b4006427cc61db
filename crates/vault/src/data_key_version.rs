//! The versions of a tenant's data key.

use std::fmt;

/// Which of a tenant's data keys, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DataKeyVersion(pub u32);

impl DataKeyVersion {
    /// The version of a tenant's first data key.
    pub const FIRST: Self = Self(1);

    /// The version of the key that replaces this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for DataKeyVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
