//! Why a use case or a call came to nothing, as cases that the outside is told about.

use portico_auth::{BadCredential, Denied, Refused};
use portico_chakra::{CallError, NoRoute, UpstreamError};
use portico_storage::{Constraint, StorageError};
use portico_vault::{MasterKeyFailure, OpenError};

use crate::code::{self, Code};
use crate::limits::{Exceeded, LimitState};

/// What kind of thing is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Thing {
    /// A tenant.
    Tenant,
    /// An API key.
    ApiKey,
    /// A Chakra key.
    ChakraKey,
    /// A customer.
    Customer,
    /// A plugin.
    Plugin,
    /// A WABA.
    Waba,
    /// A phone number.
    PhoneNumber,
    /// A role.
    Role,
    /// A member.
    Member,
    /// An invitation.
    Invitation,
    /// A session.
    Session,
    /// Something whose owner is learned: a message, a group, a call.
    Resource(&'static str),
}

/// A failure, with all that the outside may know of it.
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
    /// The caller may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The path leads nowhere.
    #[error(transparent)]
    NoRoute(#[from] NoRoute),
    /// It does not exist, or not for this caller.
    #[error("not found")]
    Missing(Thing),
    /// A field of the request is wrong.
    #[error("{detail}")]
    Invalid {
        /// Where: a JSON pointer into the body, or the name of a header or parameter.
        pointer: String,
        /// What is wrong and how to mend it.
        detail: String,
    },
    /// The body is no JSON, or no object.
    #[error("{0}")]
    Body(String),
    /// The body is longer than allowed, in bytes.
    #[error("the body is longer than {0} bytes")]
    TooLarge(usize),
    /// The content type is not one that the operation takes.
    #[error("the Content-Type must be {0}")]
    ContentType(&'static str),
    /// The query is wrong.
    #[error("{0}")]
    Query(String),
    /// A header is wrong.
    #[error("the header {0} {1}")]
    Header(&'static str, String),
    /// Ids that each exist do not belong together.
    #[error("{0}")]
    Mismatch(String),
    /// The tenant switched the phone number off.
    #[error("the phone number is not active; switch it on with PATCH /api/v1/phone-numbers/{{id}}")]
    InactiveNumber,
    /// Too much at once: how the limit stands that was reached.
    #[error(
        "{} is reached ({} in {} s); repeat it after {} s",
        .0.kind.what(), .0.quota.most, .0.quota.window.as_secs(), .0.retry_after_seconds().unwrap_or(1)
    )]
    RateLimited(Box<LimitState>),
    /// Too many calls of the tenant to the management API are under way.
    #[error("too many management calls of this tenant are under way; wait for some to end and repeat")]
    TenantBusy,
    /// It would give more than the caller may do; the field at fault.
    #[error("this would give more than your own key may do; leave it out or use a key that may")]
    MoreThanOwn(&'static str),
    /// It contradicts what is there.
    #[error("{detail}")]
    Conflict {
        /// The stable code.
        code: Code,
        /// The field at fault, if it is one.
        pointer: Option<&'static str>,
        /// What is wrong and how to mend it.
        detail: &'static str,
    },
    /// A change without word of what it is based on.
    #[error("send If-Match with the ETag of the configuration that you read")]
    PreconditionRequired,
    /// It changed meanwhile.
    #[error("the configuration changed meanwhile; read it again and repeat the change")]
    PreconditionFailed,
    /// The tenant has no Chakra key to call with.
    #[error("the tenant has no Chakra key; store one with POST /api/v1/chakra-keys")]
    NoChakraKey,
    /// Chakra refuses the stored key.
    #[error("Chakra refuses the stored key; replace it with POST /api/v1/chakra-keys/{{id}}/replace")]
    ChakraKeyRefused,
    /// Chakra gave no answer.
    #[error(transparent)]
    UpstreamError(#[from] UpstreamError),
    /// Chakra said no to a call of Portico's own.
    #[error("Chakra refused it: {0}")]
    Rejected(String),
    /// Chakra's answer cannot be read.
    #[error("Chakra's answer cannot be read")]
    Garbled,
    /// Chakra failed with something that its clients cannot read: a page, a plain text, nothing.
    #[error("Chakra answered {status}{words}")]
    Wordless {
        /// Chakra's status.
        status: u16,
        /// Its words, if it had any: a colon and a short text.
        words: String,
        /// When Chakra wants to be asked again.
        retry_after: Option<http::HeaderValue>,
    },
    /// So much is under way, whoever asked for it, that this has to wait.
    #[error("Portico is busy with other work of this kind; repeat the call later")]
    Busy,
    /// The database fails.
    #[error("the database cannot be reached")]
    Database(#[source] StorageError),
    /// A sealed value does not open.
    #[error("a sealed value does not open")]
    Vault(#[source] OpenError),
    /// A master key's provider does not serve, and what it would open is not in memory.
    #[error("the vault's master key cannot be reached now; nothing was done, so repeat it later")]
    VaultUnavailable(#[source] MasterKeyFailure),
}

impl From<Exceeded> for Error {
    fn from(Exceeded(state): Exceeded) -> Self {
        Self::RateLimited(state)
    }
}

impl From<MasterKeyFailure> for Error {
    fn from(failure: MasterKeyFailure) -> Self {
        Self::VaultUnavailable(failure)
    }
}

impl From<OpenError> for Error {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::MasterKey(failure) => failure.into(),
            error => Self::Vault(error),
        }
    }
}

impl Error {
    /// Whether a known caller was told no, rather than that something is wrong or missing: such an
    /// attempt at management is written into the audit log.
    #[must_use]
    pub const fn is_refusal(&self) -> bool {
        matches!(
            self,
            Self::Refused(_)
                | Self::Denied(
                    Denied::Permission(_)
                        | Denied::TokenPermission(_)
                        | Denied::Limited
                        | Denied::OperatorOnly
                        | Denied::NotForOperator
                        | Denied::NotForToken
                        | Denied::OldSecret
                )
                | Self::MoreThanOwn(_)
                | Self::Csrf
        )
    }

    /// A field of the request is wrong.
    pub fn invalid(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::Invalid { pointer: pointer.into(), detail: detail.into() }
    }
}

impl From<StorageError> for Error {
    fn from(error: StorageError) -> Self {
        let StorageError::Broken(constraint) = error else { return Self::Database(error) };
        let (code, pointer, detail) = match constraint {
            Constraint::CustomerExternalId => (
                code::CUSTOMER_EXTERNAL_ID_TAKEN,
                Some("/external_id"),
                "another customer has this external_id; use PUT /api/v1/customers/by-external-id/{external_id} to get or make one",
            ),
            Constraint::ChakraKeyName => {
                (code::CHAKRA_KEY_NAME_TAKEN, Some("/name"), "another Chakra key has this name; choose another")
            }
            Constraint::ChakraKeyToken => (
                code::CHAKRA_KEY_TOKEN_TAKEN,
                Some("/access_token"),
                "this access token is stored already; use that Chakra key",
            ),
            Constraint::RoleName => {
                (code::ROLE_NAME_TAKEN, Some("/name"), "another role has this name; choose another")
            }
            Constraint::RoleInUse => (
                code::ROLE_IN_USE,
                None,
                "API keys, members or open invitations still have this role; give them another one or end them first",
            ),
            Constraint::MemberEmail => {
                (code::MEMBER_EXISTS, Some("/email"), "somebody with this address is a member already")
            }
            Constraint::MemberIdentity => (code::CHANGED_MEANWHILE, None, "the account belongs to another member"),
            Constraint::InvitationOpen => (
                code::INVITATION_OPEN,
                Some("/email"),
                "this address has an open invitation; take it back with DELETE /api/v1/invitations/{id} to invite anew",
            ),
            Constraint::KeyCustomer => return Self::invalid("/customers", "names a customer that does not exist"),
            Constraint::Reference | Constraint::Duplicate => {
                (code::CHANGED_MEANWHILE, None, "what this refers to changed meanwhile; read it again and repeat")
            }
        };
        Self::Conflict { code, pointer, detail }
    }
}

impl From<CallError> for Error {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Upstream(error) => Self::UpstreamError(error),
            CallError::KeyRefused => Self::ChakraKeyRefused,
            CallError::NotFound => Self::Missing(Thing::Plugin),
            CallError::Rejected { text, .. } => Self::Rejected(text),
            CallError::Malformed(_) => Self::Garbled,
        }
    }
}

impl Error {
    /// The HTTP status on the compatible surface: that of the code, or Chakra's own where its words are passed.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            Self::Wordless { status, .. } => *status,
            _ => self.code().status,
        }
    }

    /// The stable code by which the outside knows it, on the compatible surface.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::TokenInvalid => code::TOKEN_INVALID,
            Self::TokenExpired => code::TOKEN_EXPIRED,
            Self::Credential(_) | Self::UnknownKey | Self::NoSession => code::UNAUTHORIZED,
            Self::Csrf => code::CSRF_FAILED,
            Self::Refused(Refused::Expired) => code::KEY_EXPIRED,
            Self::Refused(Refused::Address) => code::ADDRESS_NOT_ALLOWED,
            Self::Refused(Refused::Suspended) => code::TENANT_SUSPENDED,
            Self::Denied(Denied::NotForOperator) => code::NOT_FOR_OPERATOR,
            Self::Denied(Denied::OldSecret) => code::OLD_SECRET,
            Self::Denied(Denied::Permission(_) | Denied::TokenPermission(_) | Denied::NotForToken) => {
                code::PERMISSION_DENIED
            }
            Self::Denied(Denied::Limited) => code::KEY_LIMITED,
            Self::Denied(Denied::NoTenant) => code::TENANT_REQUIRED,
            Self::Denied(Denied::OperatorOnly) => code::OPERATOR_ONLY,
            Self::RateLimited(_) => code::RATE_LIMITED,
            Self::TenantBusy => code::TENANT_BUSY,
            Self::MoreThanOwn(_) => code::MORE_THAN_OWN_PERMISSIONS,
            Self::NoRoute(NoRoute::Unknown) => code::NOT_FOUND,
            Self::NoRoute(NoRoute::NotOffered(_)) => code::NOT_OFFERED,
            Self::NoRoute(NoRoute::Method(_)) => code::METHOD_NOT_ALLOWED,
            Self::NoRoute(NoRoute::Segment(_) | NoRoute::Version) => code::PATH_NOT_ALLOWED,
            Self::Missing(thing) => thing.missing_code(),
            Self::Invalid { .. } | Self::Body(_) => code::BODY_MALFORMED,
            Self::TooLarge(_) => code::BODY_TOO_LARGE,
            Self::ContentType(_) => code::CONTENT_TYPE_UNSUPPORTED,
            Self::Query(_) => code::QUERY_MALFORMED,
            Self::Header(..) => code::HEADER_MALFORMED,
            Self::Mismatch(_) => code::IDS_DO_NOT_MATCH,
            Self::InactiveNumber => code::PHONE_NUMBER_INACTIVE,
            Self::Conflict { code, .. } => *code,
            Self::PreconditionRequired => code::PRECONDITION_REQUIRED,
            Self::PreconditionFailed => code::PRECONDITION_FAILED,
            Self::NoChakraKey => code::CHAKRA_KEY_MISSING,
            Self::ChakraKeyRefused => code::CHAKRA_KEY_REFUSED,
            Self::UpstreamError(UpstreamError::Unreachable(_)) => code::UPSTREAM_UNREACHABLE,
            Self::UpstreamError(UpstreamError::Timeout) => code::UPSTREAM_TIMEOUT,
            Self::UpstreamError(UpstreamError::TooLong) | Self::Garbled => code::UPSTREAM_GARBLED,
            Self::Wordless { .. } => code::UPSTREAM_WORDLESS,
            Self::Rejected(_) => code::UPSTREAM_REJECTED,
            Self::Database(_) => code::DATABASE_UNAVAILABLE,
            Self::Busy => code::BUSY,
            Self::Vault(_) => code::INTERNAL,
            Self::VaultUnavailable(_) => code::VAULT_UNAVAILABLE,
        }
    }
}

impl Thing {
    /// The code of its absence on the compatible surface.
    #[must_use]
    pub const fn missing_code(self) -> Code {
        match self {
            Self::Plugin => code::PLUGIN_NOT_FOUND,
            Self::Waba => code::WABA_NOT_FOUND,
            Self::PhoneNumber => code::PHONE_NUMBER_NOT_FOUND,
            Self::Tenant
            | Self::ApiKey
            | Self::ChakraKey
            | Self::Customer
            | Self::Role
            | Self::Member
            | Self::Invitation
            | Self::Session
            | Self::Resource(_) => code::RESOURCE_NOT_FOUND,
        }
    }
}
