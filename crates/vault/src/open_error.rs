//! Why something sealed does not open, and why a master key does not serve.

use crate::data_key_version::DataKeyVersion;
use crate::master_key_id::MasterKeyId;

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
    /// The master key is listed, but its provider fails. What is sealed may be in order.
    #[error(transparent)]
    MasterKey(#[from] MasterKeyFailure),
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

impl OpenError {
    /// Whether a master key is at fault rather than what was to be opened, which may be in order.
    #[must_use]
    pub const fn is_of_master_key(&self) -> bool {
        matches!(self, Self::MasterKey(_) | Self::UnknownMasterKey(_))
    }
}

/// Why a master key that is listed cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MasterKeyFailure {
    /// Its provider cannot be reached, is sealed itself, or did not answer in time.
    #[error("master key \"{id}\" cannot be reached: {reason}")]
    Unreachable {
        /// The key that cannot be used.
        id: MasterKeyId,
        /// What happened, in words for the operator.
        reason: String,
    },
    /// Its provider answered, and does not do it.
    #[error("master key \"{id}\" is refused by its provider: {reason}")]
    Refused {
        /// The key that cannot be used.
        id: MasterKeyId,
        /// What the provider answered, in words for the operator.
        reason: String,
    },
}

impl MasterKeyFailure {
    /// The key that cannot be used.
    #[must_use]
    pub const fn id(&self) -> &MasterKeyId {
        match self {
            Self::Unreachable { id, .. } | Self::Refused { id, .. } => id,
        }
    }
}
