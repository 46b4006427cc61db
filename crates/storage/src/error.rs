//! What can go wrong with storage, as cases that a caller can act on.

use std::sync::Arc;

/// A constraint of the schema that a write broke, as a case that a caller can act on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Constraint {
    /// Another customer of the tenant has this external id.
    CustomerExternalId,
    /// Another Chakra key of the tenant has this name.
    ChakraKeyName,
    /// The tenant has stored this Chakra token already.
    ChakraKeyToken,
    /// Another role of the tenant has this name.
    RoleName,
    /// The role is still given to API keys, members or open invitations.
    RoleInUse,
    /// Another member of the tenant has this e-mail address.
    MemberEmail,
    /// Another member of the tenant is bound to this account at the identity provider.
    MemberIdentity,
    /// An invitation of the tenant for this e-mail address is open.
    InvitationOpen,
    /// A customer to whom an API key should be limited does not exist.
    KeyCustomer,
    /// A row that this one refers to does not exist.
    Reference,
    /// A row with this key exists.
    Duplicate,
}

/// Why a call to storage failed. Constraints are told apart by their names, never by the text of an error.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// A write broke a constraint.
    #[error("a rule of the schema was broken: {0:?}")]
    Broken(Constraint),
    /// The database cannot be reached, or gave no connection in time. The same may work later.
    #[error("the database cannot be reached")]
    Unavailable(#[source] sqlx::Error),
    /// It failed another call, which this one waited for instead of reading the same.
    #[error("the database failed a call that this one waited for")]
    Shared(#[source] Arc<StorageError>),
    /// The database answered too late for its answer to be believed.
    #[error("the database answers too slowly")]
    Slow,
    /// A row holds what no version of this program writes.
    #[error("the column {column} holds an unexpected value: {detail}")]
    Corrupt {
        /// The column, as `table.column`.
        column: &'static str,
        /// What is wrong with the value.
        detail: String,
    },
    /// The database refused a statement for another reason: a fault of this program or of the schema.
    #[error("the database refused a statement")]
    Other(#[source] sqlx::Error),
}

impl StorageError {
    /// The error of a column whose value cannot be read.
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
