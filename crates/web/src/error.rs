//! Every error that a handler can meet, in one enum: those of the services, and what is wrong with a request itself.

use portico_auth::Denied;
use portico_connections::Error as ConnectionsError;
use portico_core::code::Code;
use portico_core::limits::Exceeded;
use portico_core::{Error as CoreError, RequestError};
use portico_events::Error as EventsError;
use portico_gateway::Error as GatewayError;
use portico_identity::Error as IdentityError;

/// Why a request came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// What any service can fail with.
    #[error(transparent)]
    Core(#[from] CoreError),
    /// Of callers and their rights.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// Of Chakra keys, customers and plugins.
    #[error(transparent)]
    Connections(#[from] ConnectionsError),
    /// Of events.
    #[error(transparent)]
    Events(#[from] EventsError),
    /// Of a compatible call.
    #[error(transparent)]
    Gateway(#[from] GatewayError),
    /// Of the request itself.
    #[error(transparent)]
    Request(#[from] RequestError),
}

portico_core::from_core!(AppError: Denied, Exceeded);

impl AppError {
    /// The stable code on the compatible surface, by which the audit log names a refusal.
    #[must_use]
    pub const fn code(&self) -> Code {
        match self {
            Self::Core(error) => error.code(),
            Self::Identity(error) => error.code(),
            Self::Connections(error) => error.code(),
            Self::Events(error) => error.code(),
            Self::Gateway(error) => error.code(),
            Self::Request(error) => error.code(),
        }
    }

    /// Whether a known caller was told no, rather than that something is wrong or missing: such an attempt at
    /// management is written into the audit log.
    #[must_use]
    pub const fn is_refusal(&self) -> bool {
        match self {
            Self::Core(error) => error.is_refusal(),
            Self::Identity(error) => error.is_refusal(),
            Self::Connections(error) => error.is_refusal(),
            Self::Events(error) => error.is_refusal(),
            Self::Gateway(error) => error.is_refusal(),
            Self::Request(_) => false,
        }
    }
}
