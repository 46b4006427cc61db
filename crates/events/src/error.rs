//! What receiving and showing events can fail with.

use portico_auth::Denied;
use portico_core::code::{self, Code};
use portico_core::{Error as CoreError, RequestError, from_core};
use portico_storage::StorageError;
use portico_vault::OpenError;

/// Why a use case of this crate came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// What was posted is not signed rightly, or there is no such hook: nobody is told which.
    #[error(
        "there is no such hook, or the body is not signed with a secret that is in force; set it with PUT /api/v1/webhook-secret"
    )]
    NotSigned,
    /// The body is no JSON, or longer than a hook takes.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// The data key that seals a value was replaced whenever it was about to be read.
    #[error("the data key of a hook was replaced at every attempt to read it")]
    DataKeyReplaced,
    /// What any service can fail with.
    #[error(transparent)]
    Core(#[from] CoreError),
}

from_core!(Error: StorageError, OpenError, Denied);

impl Error {
    /// The stable code by which the outside knows it; its status too.
    #[must_use]
    pub const fn code(&self) -> Code {
        match self {
            Self::NotSigned => code::SIGNATURE_INVALID,
            Self::Request(error) => error.code(),
            Self::DataKeyReplaced => code::INTERNAL,
            Self::Core(error) => error.code(),
        }
    }

    /// Whether a known caller was told no, as [`CoreError::is_refusal`] says. Whoever posts to a hook is nobody known.
    #[must_use]
    pub const fn is_refusal(&self) -> bool {
        match self {
            Self::NotSigned | Self::Request(_) | Self::DataKeyReplaced => false,
            Self::Core(error) => error.is_refusal(),
        }
    }
}
