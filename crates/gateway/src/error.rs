//! Why a compatible call came to nothing.

use portico_auth::Denied;
use portico_chakra::{NoRoute, UpstreamError};
use portico_connections::Error as ConnectionsError;
use portico_core::code::{self, Code};
use portico_core::limits::Exceeded;
use portico_core::{Error as CoreError, RequestError, from_core};
use portico_identity::Error as IdentityError;
use portico_storage::StorageError;

/// What a call on the compatible surface can fail with.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The path leads nowhere.
    #[error(transparent)]
    NoRoute(#[from] NoRoute),
    /// Of the body itself.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// Ids that each exist do not belong together.
    #[error("{0}")]
    Mismatch(String),
    /// The call reaches a whole Chakra team in which another tenant may be.
    #[error(
        "the call reaches the whole Chakra team, which is not known to be this tenant's alone; use a call that names a plugin, a phone number, a WABA or an id from an answer"
    )]
    TeamWide,
    /// The tenant switched the phone number off.
    #[error("the phone number is not active; switch it on with PATCH /api/v1/phone-numbers/{{id}}")]
    InactiveNumber,
    /// Chakra failed with something that its clients cannot read: a page, a plain text, nothing.
    #[error("Chakra answered {status}{words}")]
    UpstreamUnreadable {
        /// Chakra's status.
        status: u16,
        /// Its words, if it had any: a colon and a short text.
        words: String,
        /// When Chakra wants to be asked again.
        retry_after: Option<http::HeaderValue>,
    },
    /// The caller is not let in.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// Chakra failed, or what is connected to it does not fit.
    #[error(transparent)]
    Connections(#[from] ConnectionsError),
    /// What any service can fail with.
    #[error(transparent)]
    Core(#[from] CoreError),
}

from_core!(Error: StorageError, Denied, Exceeded);

impl From<UpstreamError> for Error {
    fn from(error: UpstreamError) -> Self {
        Self::Connections(error.into())
    }
}

impl Error {
    /// The HTTP status on the compatible surface: that of the code, or Chakra's own where its words are passed on.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::UpstreamUnreadable { status, .. } => *status,
            _ => self.code().status,
        }
    }

    /// The stable code by which the outside knows it, on the compatible surface.
    #[must_use]
    pub const fn code(&self) -> Code {
        match self {
            Self::NoRoute(NoRoute::Unknown) => code::NOT_FOUND,
            Self::NoRoute(NoRoute::NotOffered(_)) => code::NOT_OFFERED,
            Self::NoRoute(NoRoute::Method(_)) => code::METHOD_NOT_ALLOWED,
            Self::NoRoute(NoRoute::Segment(_) | NoRoute::SlashAtEnd | NoRoute::Credential(_) | NoRoute::Version) => {
                code::PATH_NOT_ALLOWED
            }
            Self::Request(error) => error.code(),
            Self::Mismatch(_) => code::IDS_DO_NOT_MATCH,
            Self::TeamWide => code::TEAM_WIDE_REFUSED,
            Self::InactiveNumber => code::PHONE_NUMBER_INACTIVE,
            Self::UpstreamUnreadable { .. } => code::UPSTREAM_WORDLESS,
            Self::Identity(error) => error.code(),
            Self::Connections(error) => error.code(),
            Self::Core(error) => error.code(),
        }
    }

    /// Whether a known caller was told no, as [`CoreError::is_refusal`] says.
    #[must_use]
    pub const fn is_refusal(&self) -> bool {
        match self {
            Self::NoRoute(_)
            | Self::Request(_)
            | Self::Mismatch(_)
            | Self::InactiveNumber
            | Self::UpstreamUnreadable { .. } => false,
            Self::TeamWide => true,
            Self::Identity(error) => error.is_refusal(),
            Self::Connections(error) => error.is_refusal(),
            Self::Core(error) => error.is_refusal(),
        }
    }
}
