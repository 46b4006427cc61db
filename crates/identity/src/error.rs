//! Why a use case of this crate came to nothing.

use portico_auth::{BadCredential, Denied, Refused};
use portico_core::code::{self, Code};
use portico_core::limits::Exceeded;
use portico_core::{Error as CoreError, from_core};
use portico_domain::PermissionSet;
use portico_storage::StorageError;
use portico_vault::{MasterKeyFailure, OpenError};

/// What services of callers and their rights can fail with.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No or a malformed credential.
    #[error(transparent)]
    Credential(#[from] BadCredential),
    /// A well-formed key that does not exist or is revoked.
    #[error("the key is unknown or revoked")]
    UnknownKey,
    /// What looks like a short-lived token and is not one, or whose minter is revoked.
    #[error(
        "the token is not valid here, or what it was minted with is revoked; mint another one with POST /api/v1/tokens"
    )]
    TokenInvalid,
    /// A genuine token that has expired.
    #[error("the token has expired; mint another one with POST /api/v1/tokens")]
    TokenExpired,
    /// The session of a browser that has ended, or never was.
    #[error("the session has ended; sign in again at /console/sign-in")]
    NoSession,
    /// A change with a session's cookie that no page of Portico's sent.
    #[error(
        "a change with a session's cookie needs the header X-CSRF-Token, which GET /api/v1/session tells, and must come from a page of Portico's own"
    )]
    Csrf,
    /// A known key that is not let in.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// It would give more than the caller may do; the field at fault.
    #[error("this would give more than your own key may do; leave it out or use a key that may")]
    MoreThanOwn(&'static str),
    /// It would give permissions that the caller lacks.
    #[error("your own key or role lacks {missing}; leave it out, or let somebody with it do this")]
    Lacks {
        /// The field that asks for them.
        pointer: &'static str,
        /// Which.
        missing: PermissionSet,
    },
    /// No key signs tokens at this moment, though one should: a fault of Portico's.
    #[error("no signing key signs at this moment")]
    NoSigner,
    /// What any service can fail with.
    #[error(transparent)]
    Core(#[from] CoreError),
}

from_core!(Error: StorageError, OpenError, MasterKeyFailure, Denied, Exceeded);

impl Error {
    /// The stable code by which the outside knows it, on the compatible surface; its status too.
    #[must_use]
    pub const fn code(&self) -> Code {
        match self {
            Self::Credential(_) | Self::UnknownKey | Self::NoSession => code::UNAUTHORIZED,
            Self::TokenInvalid => code::TOKEN_INVALID,
            Self::TokenExpired => code::TOKEN_EXPIRED,
            Self::Csrf => code::CSRF_FAILED,
            Self::Refused(Refused::Expired) => code::KEY_EXPIRED,
            Self::Refused(Refused::Address) => code::ADDRESS_NOT_ALLOWED,
            Self::Refused(Refused::Suspended) => code::TENANT_SUSPENDED,
            Self::Refused(Refused::OtherTenant) => code::TENANT_MISMATCH,
            Self::MoreThanOwn(_) | Self::Lacks { .. } => code::MORE_THAN_OWN_PERMISSIONS,
            Self::NoSigner => code::INTERNAL,
            Self::Core(error) => error.code(),
        }
    }

    /// Whether a known caller was told no, as [`CoreError::is_refusal`] says.
    #[must_use]
    pub const fn is_refusal(&self) -> bool {
        match self {
            Self::Refused(_) | Self::MoreThanOwn(_) | Self::Lacks { .. } | Self::Csrf => true,
            Self::Credential(_)
            | Self::UnknownKey
            | Self::TokenInvalid
            | Self::TokenExpired
            | Self::NoSession
            | Self::NoSigner => false,
            Self::Core(error) => error.is_refusal(),
        }
    }
}
