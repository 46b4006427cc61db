//! Why a use case came to nothing, in the cases that all services share. Each crate above has an enum of its own
//! that holds this one.

use std::fmt;

use portico_auth::Denied;
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

/// One field of a request that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Where: a JSON pointer into the body, or the name of a header or parameter.
    pub pointer: String,
    /// What is wrong and how to mend it.
    pub detail: String,
}

/// What is wrong where, in one text.
fn told(faults: &[Fault]) -> String {
    faults.iter().map(|fault| format!("{} {}", fault.pointer, fault.detail)).collect::<Vec<_>>().join("; ")
}

/// What any service can fail with.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The caller may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// It does not exist, or not for this caller.
    #[error("not found")]
    Missing(Thing),
    /// Fields of the request are wrong: all that are known to be, at least one.
    #[error("{}", told(.0))]
    Invalid(Vec<Fault>),
    /// Settings of the request that have no effect yet: JSON pointers into the body.
    #[error("{} has no effect yet, and is not taken; leave it out", .0.join(", "))]
    NotOffered(Vec<&'static str>),
    /// The query is wrong.
    #[error("{0}")]
    Query(String),
    /// A header is wrong.
    #[error("the header {0} {1}")]
    Header(&'static str, String),
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
    /// Too much at once: how the limit stands that was reached.
    #[error(
        "{} is reached ({} in {} s); repeat it after {} s",
        .0.kind.what(), .0.quota.most, .0.quota.window.as_secs(), .0.retry_after_seconds().unwrap_or(1)
    )]
    RateLimited(Box<LimitState>),
    /// Too many calls of the tenant to the management API are under way.
    #[error("too many management calls of this tenant are under way; wait for some to end and repeat")]
    TenantBusy,
    /// Too many calls on Chakra's paths of one tenant are under way.
    #[error("too many calls of this tenant are under way, and none ended for five seconds; wait for some and repeat")]
    TenantCallsBusy,
    /// So much is under way, whoever asked for it, that this has to wait.
    #[error("Portico is busy with other work of this kind; repeat the call later")]
    Busy,
    /// The database fails.
    #[error("the database cannot be reached")]
    Database(#[source] StorageError),
    /// A sealed value does not open.
    #[error("a sealed value does not open")]
    Vault(#[source] OpenError),
    /// A master key is not at hand (its provider does not serve, or this replica does not list it), and what it
    /// would open is not in memory.
    #[error("the vault's master key cannot be used now; nothing was done, so repeat it later")]
    VaultUnavailable(#[source] OpenError),
}

impl From<Exceeded> for Error {
    fn from(Exceeded(state): Exceeded) -> Self {
        Self::RateLimited(state)
    }
}

impl From<MasterKeyFailure> for Error {
    fn from(failure: MasterKeyFailure) -> Self {
        Self::VaultUnavailable(failure.into())
    }
}

impl From<OpenError> for Error {
    fn from(error: OpenError) -> Self {
        if error.is_of_master_key() { Self::VaultUnavailable(error) } else { Self::Vault(error) }
    }
}

impl Error {
    /// Whether a known caller was told no, rather than that something is wrong or missing: such an
    /// attempt at management is written into the audit log.
    #[must_use]
    pub const fn is_refusal(&self) -> bool {
        matches!(
            self,
            Self::Denied(
                Denied::Permission(_)
                    | Denied::TokenPermission(_)
                    | Denied::Limited
                    | Denied::OperatorOnly
                    | Denied::NotForOperator
                    | Denied::NotForToken
                    | Denied::OldSecret
            )
        )
    }

    /// A field of the request is wrong.
    pub fn invalid(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::Invalid(vec![Fault { pointer: pointer.into(), detail: detail.into() }])
    }
}

/// What is wrong with a request's body, on either surface.
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
    /// The body arrives more slowly than bodies must.
    #[error("the body arrives too slowly: send it without pauses of ten seconds, and 16 KiB in a second or more")]
    TooSlow,
    /// What came is no head of a request.
    #[error("the head of the request is malformed: send HTTP/1.1, with one Host and at most one Content-Length")]
    MalformedHead,
    /// The head of the request is longer than allowed.
    #[error("the head of the request is longer than 64 KiB, or has more than 100 headers")]
    HeadTooLarge,
}

impl RequestError {
    /// The stable code, whose status the answer has.
    #[must_use]
    pub const fn code(&self) -> Code {
        match self {
            Self::Body(_) => code::BODY_MALFORMED,
            Self::TooLarge(_) => code::BODY_TOO_LARGE,
            Self::ContentType(_) => code::CONTENT_TYPE_UNSUPPORTED,
            Self::TooSlow => code::REQUEST_TOO_SLOW,
            Self::MalformedHead => code::REQUEST_MALFORMED,
            Self::HeadTooLarge => code::HEAD_TOO_LARGE,
        }
    }
}

/// An error and its causes, in one line.
#[derive(Debug)]
pub struct Causes<'e>(pub &'e (dyn std::error::Error + 'static));

impl fmt::Display for Causes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut next = self.0.source();
        while let Some(cause) = next {
            write!(f, ": {cause}")?;
            next = cause.source();
        }
        Ok(())
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

impl Error {
    /// The stable code by which the outside knows it, on the compatible surface; its status too.
    #[must_use]
    pub const fn code(&self) -> Code {
        match self {
            Self::Denied(Denied::NotForOperator) => code::NOT_FOR_OPERATOR,
            Self::Denied(Denied::OldSecret) => code::OLD_SECRET,
            Self::Denied(Denied::Permission(_) | Denied::TokenPermission(_) | Denied::NotForToken) => {
                code::PERMISSION_DENIED
            }
            Self::Denied(Denied::Limited) => code::KEY_LIMITED,
            Self::Denied(Denied::NoTenant) => code::TENANT_REQUIRED,
            Self::Denied(Denied::OperatorOnly) => code::OPERATOR_ONLY,
            Self::Missing(thing) => thing.missing_code(),
            Self::Invalid(_) => code::BODY_MALFORMED,
            Self::NotOffered(_) => code::FIELD_NOT_OFFERED,
            Self::Query(_) => code::QUERY_MALFORMED,
            Self::Header(..) => code::HEADER_MALFORMED,
            Self::Conflict { code, .. } => *code,
            Self::RateLimited(_) => code::RATE_LIMITED,
            Self::TenantBusy => code::TENANT_BUSY,
            Self::TenantCallsBusy => code::TENANT_CALLS_BUSY,
            Self::Busy => code::BUSY,
            Self::Database(_) => code::DATABASE_UNAVAILABLE,
            Self::Vault(_) => code::INTERNAL,
            Self::VaultUnavailable(_) => code::VAULT_UNAVAILABLE,
        }
    }
}

/// Lets `?` turn what makes a core error into the error of a crate above, which holds it in its case `Core`:
/// `from_core!(Error: StorageError, Denied);`.
#[macro_export]
macro_rules! from_core {
    ($error:ty: $($lower:ty),+ $(,)?) => {
        $(
            impl From<$lower> for $error {
                fn from(lower: $lower) -> Self {
                    Self::Core($crate::Error::from(lower))
                }
            }
        )+
    };
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
