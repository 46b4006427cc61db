//! Everything that Portico keeps, in Postgres.
//!
//! The pool is not public: [`Db::begin`] takes a tenant's scope and gives a [`TenantTx`] in which
//! row-level security lets exactly that tenant's rows through; the statements say `tenant_id = $1`
//! all the same. What must read across tenants is in [`system`], in `sign_in` (people who sign in), in
//! `data_key_rotation` and in `api_key_notice` (which tenants have work that is due); and nowhere else. A
//! transaction is short and never spans an outbound call.
//!
//! # Errors
//!
//! Every call that reaches the database fails with [`StorageError::Unavailable`] when it cannot be reached
//! in time or the connection is lost, and with [`StorageError::Other`] when it refuses a statement. Within a
//! transaction nothing is written then: drop the transaction. This is said once, here; what else can happen
//! to a call stands in its own section, above all which [`Constraint`] a write can break.
//!
//! # Adding a table
//!
//! A table takes a migration that fences it as `20261123000003_fence_tenants.sql` does (a test
//! finds every table with a `tenant_id` and fails when one is not fenced), and a module here.

mod api_key;
mod api_key_notice;
mod api_key_rotation;
#[cfg(test)]
mod api_key_tests;
mod audit;
mod audit_walk;
mod backup;
mod chakra_key;
mod chakra_key_use;
mod changes;
mod customer;
mod data_key;
mod data_key_rotation;
mod db;
mod erase;
mod error;
mod event;
mod event_log;
pub mod export;
mod hook;
mod invitation;
mod learned;
mod lookup;
mod member;
mod member_session;
mod migrate;
mod owner;
mod page;
mod partition;
mod plugin;
mod received;
#[cfg(test)]
mod received_tests;
mod replica;
mod request;
mod role;
pub mod sealed;
#[cfg(test)]
mod session_variable_tests;
mod sign_in;
mod signing_key;
pub mod system;
mod team_sharing;
mod tenant;
pub mod turns;
mod whatsapp;

pub use api_key::{ApiKeyCursor, ApiKeyFilter, ApiKeyPatch, ApiKeyUse, NewApiKey, StoredRole};
pub use api_key_notice::{ExpiryNotice, OldSecretNotice};
pub use api_key_rotation::{ApiKeyRotation, OldSecretUses, SecretStatus};
pub use audit::StoredAuditEntry;
pub use backup::{BackupError, BackupSummary, HeldTable, RestoreError, backup, grant_backup, restore};
pub use chakra_key::{ChakraTeam, NewChakraKey, SealedChakraKey};
pub use chakra_key_use::NewKeyUse;
pub use changes::{Change, Changes, HeartbeatChannel, HeartbeatSender};
pub use customer::{CustomerPatch, NewCustomer};
pub use data_key::StoredDataKey;
pub use data_key_rotation::{DataKeyFigures, Roll, StaleDataKey};
pub use db::{ConnectError, Db, DbOptions, PoolState, TenantTx};
pub use erase::Purge;
pub use error::{Constraint, StorageError};
pub use event_log::StoredEvent;
pub use export::{Export, ExportPart};
pub use hook::{NewHook, NewWebhookSecret, StoredHook, StoredWebhookSecret};
pub use invitation::{InvitationGrant, NewInvitation};
pub use learned::{Learned, NewLearned};
pub use member::{MemberPatch, NewMember, OidcAccount, SignInRecord};
pub use member_session::NewSession;
pub use migrate::{MigrateError, Schema, grant_service, migrate};
pub use owner::Ownership;
pub use page::{Page, PageRows};
pub use plugin::{NewPlugin, ObservedPlugin, OwnedId, PluginRecord};
pub use received::{NamedOwners, NewReceivedEvent, Stored};
pub use replica::LiveReplica;
pub use request::NewRequest;
pub use sealed::{OPERATOR_SECRETS, OperatorSecret, SEALED_COLUMNS, SealedColumn, StoredSecret, StoredValue};
pub use sign_in::AttemptLimit;
pub use signing_key::StoredSigningKey;
pub use system::OperatorRow;
pub use tenant::{NewTenant, TenantPatch, TenantSettingsPatch};
pub use whatsapp::{ObservedPhoneNumber, ObservedWaba};
