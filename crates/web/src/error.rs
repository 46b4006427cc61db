//! Every error that a handler can meet, in one enum: those of the services, and what is wrong with a request itself.

use portico_auth::Denied;
use portico_connections::Error as ConnectionsError;
use portico_core::Error as CoreError;
use portico_core::code::{self, Code};
use portico_core::limits::Exceeded;
use portico_gateway::Error as GatewayError;
use portico_identity::Error as IdentityError;

/// What is wrong with a request's body, before any service sees it.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// The body is no JSON, or no object.
    #[error("{0}")]
    Body(String),
    /// The body is longer than allowed, in bytes.
    #[error("the body is longer than {0} bytes")]
    TooLarge(usize),
    /// The content type is not one that the operation takes.
    #[error("the Content-Type must be {0}")]
    ContentType(&'static str),
}

impl RequestError {
    /// The stable code, whose status the answer has.
    #[must_use]
    pub const fn code(&self) -> Code {
        match self {
            Self::Body(_) => code::BODY_MALFORMED,
            Self::TooLarge(_) => code::BODY_TOO_LARGE,
            Self::ContentType(_) => code::CONTENT_TYPE_UNSUPPORTED,
        }
    }
}

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
            Self::Gateway(error) => error.code(),
            Self::Request(error) => error.code(),
        }
    }

    /// Whether a known caller was told no, rather than that something is wrong or missing: such an attempt at
    /// management is written into the audit log.
    #[must_use]
    pub const fn is_refusal(&self) -> bool {
        match self {
            Self::Core(error)
            | Self::Connections(ConnectionsError::Core(error))
            | Self::Gateway(GatewayError::Core(error) | GatewayError::Connections(ConnectionsError::Core(error))) => {
                error.is_refusal()
            }
            Self::Identity(error) | Self::Gateway(GatewayError::Identity(error)) => error.is_refusal(),
            Self::Connections(_) | Self::Gateway(_) | Self::Request(_) => false,
        }
    }
}
