//! What of this crate is sealed with a tenant's data key: addresses of hooks, and secrets.

use portico_core::Core;
use portico_core::Error as CoreError;
use portico_domain::TenantId;
use portico_storage::StoredDataKey;
use portico_storage::TenantTx;
use portico_vault::{DataKey, SealedLocation, SecretString, sealed_version};

/// A column that holds sealed values.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Column {
    table: &'static str,
    column: &'static str,
}

/// `hooks.address`.
pub(crate) const ADDRESS: Column = Column { table: "hooks", column: "address" };
/// `webhook_secrets.secret`.
pub(crate) const SECRET: Column = Column { table: "webhook_secrets", column: "secret" };

impl Column {
    /// Seals a value for the row with that id.
    pub(crate) fn seal(self, key: &DataKey, tenant: TenantId, row: &str, value: &SecretString) -> Vec<u8> {
        let Self { table, column } = self;
        key.seal(&SealedLocation { tenant, table, column, row }, value, &mut rand::rng())
    }
}

/// A sealed value that was read together with the key that opens it, so that neither is replaced in between.
#[derive(Debug)]
pub(crate) struct SealedValue {
    column: Column,
    row: String,
    sealed: Vec<u8>,
    /// None: it was replaced between two statements.
    key: Option<StoredDataKey>,
}

impl SealedValue {
    /// The value with its key.
    pub(crate) async fn read(
        tx: &mut TenantTx,
        column: Column,
        row: impl ToString,
        sealed: Vec<u8>,
    ) -> Result<Self, CoreError> {
        let key = tx.data_key(sealed_version(&sealed)?).await?;
        Ok(Self { column, row: row.to_string(), sealed, key })
    }

    /// The value, opened; none when its key was replaced meanwhile: read it again.
    pub(crate) async fn open(&self, core: &Core, tenant: TenantId) -> Result<Option<SecretString>, CoreError> {
        let Some(key) = &self.key else { return Ok(None) };
        let key = core.vault.open(tenant, key).await?;
        let Column { table, column } = self.column;
        let location = SealedLocation { tenant, table, column, row: &self.row };
        Ok(Some(key.open(&location, &self.sealed)?))
    }
}
