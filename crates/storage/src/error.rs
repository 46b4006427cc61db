//! What can go wrong with storage, as cases that a caller can act on.

/// A rule of the schema that a write broke.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Constraint {
    /// A customer with this external id exists.
    CustomerExternalId,
    /// A Chakra key with this name exists.
    ChakraKeyName,
    /// The same Chakra token is stored already.
    ChakraKeyToken,
    /// A role with this name exists.
    RoleName,
    /// The role is still given to API keys, members or open invitations.
    RoleInUse,
    /// A member with this e-mail address exists.
    MemberEmail,
    /// Another member is bound to this account at the identity provider.
    MemberIdentity,
    /// An open invitation for this e-mail address exists.
    InvitationOpen,
    /// A customer that the key should be limited to does not exist.
    KeyCustomer,
    /// A row that this one refers to is gone.
    Reference,
    /// A row with this id exists.
    Duplicate,
}

/// Why a call to storage failed.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// A write broke a rule.
    #[error("a rule of the schema was broken: {0:?}")]
    Broken(Constraint),
    /// The database cannot be reached, or took too long.
    #[error("the database cannot be reached")]
    Unavailable(#[source] sqlx::Error),
    /// The database answered too late for its answer to be believed.
    #[error("the database answers too slowly")]
    Slow,
    /// A row holds what no version of this program writes.
    #[error("the column {column} holds an unexpected value: {detail}")]
    Corrupt {
        /// The column.
        column: &'static str,
        /// What is wrong with it.
        detail: String,
    },
    /// Anything else.
    #[error("the database refused a statement")]
    Other(#[source] sqlx::Error),
}

impl StorageError {
    /// A row that cannot be read.
    pub(crate) fn corrupt(column: &'static str, detail: impl std::fmt::Display) -> Self {
        Self::Corrupt { column, detail: format!("{detail}") }
    }
}

impl From<sqlx::Error> for StorageError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Database(database) => {
                let broken = match database.constraint() {
                    Some("customers_external_id") => Constraint::CustomerExternalId,
                    Some("chakra_keys_name") => Constraint::ChakraKeyName,
                    Some("chakra_keys_fingerprint") => Constraint::ChakraKeyToken,
                    Some("roles_name") => Constraint::RoleName,
                    Some("api_keys_role" | "members_role" | "invitations_role") => Constraint::RoleInUse,
                    Some("members_email") => Constraint::MemberEmail,
                    Some("members_identity") => Constraint::MemberIdentity,
                    Some("invitations_open") => Constraint::InvitationOpen,
                    Some("api_key_customers_customer") => Constraint::KeyCustomer,
                    _ if database.is_foreign_key_violation() => Constraint::Reference,
                    _ if database.is_unique_violation() => Constraint::Duplicate,
                    _ => return Self::Other(error),
                };
                Self::Broken(broken)
            }
            sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::Tls(_) => {
                Self::Unavailable(error)
            }
            _ => Self::Other(error),
        }
    }
}
