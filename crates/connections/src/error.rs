//! Why a use case of this crate came to nothing.

use portico_auth::Denied;
use portico_chakra::{CallError, UpstreamError};
use portico_core::code::{self, Code};
use portico_core::{Error as CoreError, Thing, from_core};
use portico_storage::StorageError;
use portico_vault::{MasterKeyFailure, OpenError};

/// What services of Chakra keys, customers and plugins can fail with.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The tenant has no Chakra key to call with.
    #[error("the tenant has no Chakra key; store one with POST /api/v1/chakra-keys")]
    NoChakraKey,
    /// The tenant has Chakra keys, and calls use none of them.
    #[error(
        "the tenant has Chakra keys, but none of them is the default, which calls use; choose one with POST /api/v1/chakra-keys/{{id}}/set-default"
    )]
    NoDefaultChakraKey,
    /// Chakra refuses the stored key.
    #[error("Chakra refuses the stored key; replace it with POST /api/v1/chakra-keys/{{id}}/replace")]
    ChakraKeyRefused,
    /// Chakra takes the stored key, whose role there lacks a permission for this call; with Chakra's words.
    #[error(
        "the stored Chakra key lacks a permission for this call at Chakra ({}); give its access role there the permission, or use a key that has it",
        said(.0)
    )]
    ChakraKeyLacksPermission(String),
    /// Chakra gave no answer.
    #[error(transparent)]
    Upstream(#[from] UpstreamError),
    /// Chakra said no to a call of Portico's own.
    #[error("Chakra refused it: {0}")]
    Rejected(String),
    /// Chakra's answer cannot be read.
    #[error("Chakra's answer cannot be read")]
    UpstreamMalformed,
    /// Chakra gave a plugin that it just made an id that is recorded already.
    #[error("Chakra's answer cannot be read")]
    PluginIdTaken,
    /// A change without word of what it is based on.
    #[error("send If-Match with the ETag of the configuration that you read")]
    PreconditionRequired,
    /// It changed meanwhile.
    #[error("the configuration changed meanwhile; read it again and repeat the change")]
    PreconditionFailed,
    /// The data key that seals a Chakra key was replaced whenever it was about to be read.
    #[error("the data key of a Chakra key was replaced at every attempt to read it")]
    DataKeyReplaced,
    /// What any service can fail with.
    #[error(transparent)]
    Core(#[from] CoreError),
}

/// What Chakra said, or that it said nothing.
fn said(words: &str) -> &str {
    if words.is_empty() { "it does not say which" } else { words }
}

from_core!(Error: StorageError, OpenError, MasterKeyFailure, Denied);

impl From<CallError> for Error {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Upstream(error) => Self::Upstream(error),
            CallError::KeyRefused => Self::ChakraKeyRefused,
            CallError::LacksPermission(words) => Self::ChakraKeyLacksPermission(words),
            CallError::NotFound => Self::Core(CoreError::Missing(Thing::Plugin)),
            CallError::Rejected { text, .. } => Self::Rejected(text),
            CallError::Malformed(_) => Self::UpstreamMalformed,
        }
    }
}

impl Error {
    /// The stable code by which the outside knows it, on the compatible surface; its status too.
    #[must_use]
    pub const fn code(&self) -> Code {
        match self {
            Self::NoChakraKey | Self::NoDefaultChakraKey => code::CHAKRA_KEY_MISSING,
            Self::ChakraKeyRefused => code::CHAKRA_KEY_REFUSED,
            Self::ChakraKeyLacksPermission(_) => code::CHAKRA_KEY_LACKS_PERMISSION,
            Self::Upstream(UpstreamError::Unreachable(_)) => code::UPSTREAM_UNREACHABLE,
            Self::Upstream(UpstreamError::Timeout) => code::UPSTREAM_TIMEOUT,
            Self::Upstream(UpstreamError::TooLong | UpstreamError::Withheld)
            | Self::UpstreamMalformed
            | Self::PluginIdTaken => code::UPSTREAM_GARBLED,
            Self::Rejected(_) => code::UPSTREAM_REJECTED,
            Self::PreconditionRequired => code::PRECONDITION_REQUIRED,
            Self::PreconditionFailed => code::PRECONDITION_FAILED,
            Self::DataKeyReplaced => code::INTERNAL,
            Self::Core(error) => error.code(),
        }
    }

    /// Whether a known caller was told no, as [`CoreError::is_refusal`] says.
    #[must_use]
    pub const fn is_refusal(&self) -> bool {
        match self {
            Self::NoChakraKey
            | Self::NoDefaultChakraKey
            | Self::ChakraKeyRefused
            | Self::ChakraKeyLacksPermission(_)
            | Self::Upstream(_)
            | Self::Rejected(_)
            | Self::UpstreamMalformed
            | Self::PluginIdTaken
            | Self::PreconditionRequired
            | Self::PreconditionFailed
            | Self::DataKeyReplaced => false,
            Self::Core(error) => error.is_refusal(),
        }
    }
}
