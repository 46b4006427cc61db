//! Why something sealed does not open.

use crate::data_key::DataKeyVersion;
use crate::keyring::MasterKeyId;

/// Why something sealed does not open. Says nothing about what is inside.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// Too short to be anything sealed.
    #[error("sealed bytes are cut short")]
    Truncated,
    /// Sealed in a format that this version of Portico does not know: a newer one wrote it.
    #[error("sealed bytes have the unknown format {0}")]
    Format(u8),
    /// Sealed under a master key that the settings do not list.
    #[error("master key \"{0}\" is needed, but is not in PORTICO_MASTER_KEYS")]
    UnknownMasterKey(MasterKeyId),
    /// Sealed with another version of the tenant's data key.
    #[error("data key version {needed} is needed, but version {has} was given")]
    Version {
        /// The version that sealed it.
        needed: DataKeyVersion,
        /// The version of the key that was tried.
        has: DataKeyVersion,
    },
    /// Changed, moved from where it was sealed, or sealed with another key. Which of these it is
    /// cannot be told.
    #[error("sealed bytes were changed, moved or sealed with another key")]
    Forged,
}
