//! Everything that Portico keeps, in Postgres.
//!
//! There is no pool to be had: [`Db::begin`] wants a tenant's scope and gives a [`TenantTx`] in which
//! row-level security lets exactly that tenant's rows through; the statements say `tenant_id = $1`
//! all the same. What must look across tenants is in [`system`], and nowhere else. A transaction is
//! short and never spans an outbound call.
//!
//! To add a table: a migration that fences it as `20261123000003_fence_tenants.sql` does (a test
//! finds every table with a `tenant_id` and fails when one is not fenced), and a module here.

mod api_key;
mod audit;
mod chakra_key;
mod changes;
mod customer;
mod data_key;
mod db;
mod error;
mod event;
#[cfg(test)]
mod hostile;
mod learned;
mod lookup;
mod migrate;
mod page;
mod plugin;
mod request;
mod role;
pub mod system;
mod tenant;
mod whatsapp;

pub use api_key::{ApiKeyPatch, ApiKeyUse, NewApiKey, StoredRole};
pub use audit::{AuditHead, NewAuditEntry};
pub use chakra_key::{NewChakraKey, SealedChakraKey};
pub use changes::{Change, Changes};
pub use customer::{CustomerPatch, NewCustomer};
pub use data_key::StoredDataKey;
pub use db::{ConnectError, Db, DbOptions, TenantTx};
pub use error::{Constraint, StorageError};
pub use learned::{Learned, NewLearned};
pub use migrate::{MigrateError, grant_service, migrate};
pub use page::{Page, Rows};
pub use plugin::{NewPlugin, ObservedPlugin, OwnedId, PluginRecord};
pub use request::NewRequest;
pub use system::OperatorRow;
pub use tenant::{NewTenant, TenantPatch, TenantSettingsPatch};
pub use whatsapp::{ObservedPhoneNumber, ObservedWaba};
