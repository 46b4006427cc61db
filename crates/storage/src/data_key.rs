//! A tenant's data keys, wrapped.

use portico_vault::{DataKeyVersion, WrappedKey};

use crate::db::TenantTx;
use crate::error::StorageError;

/// A wrapped data key and how often it has sealed.
#[derive(Debug, Clone)]
pub struct StoredDataKey {
    /// Its version.
    pub version: DataKeyVersion,
    /// The wrapped bytes.
    pub wrapped: Vec<u8>,
    /// How often it has sealed.
    pub seals: u64,
}

fn stored(version: i32, wrapped: Vec<u8>, seals: i64) -> Result<StoredDataKey, StorageError> {
    Ok(StoredDataKey {
        version: DataKeyVersion(
            u32::try_from(version).map_err(|error| StorageError::corrupt("data_keys.version", error))?,
        ),
        wrapped,
        seals: u64::try_from(seals).map_err(|error| StorageError::corrupt("data_keys.seals", error))?,
    })
}

impl TenantTx {
    /// Stores a new data key.
    ///
    /// # Errors
    ///
    /// [`StorageError`] when the database fails or the version exists.
    pub async fn insert_data_key(&mut self, version: DataKeyVersion, key: &WrappedKey) -> Result<(), StorageError> {
        sqlx::query!(
            "insert into data_keys (tenant_id, version, master_key, wrapped) values ($1, $2, $3, $4)",
            self.tenant.uuid(),
            version.0.cast_signed(),
            key.master_key.as_str(),
            key.bytes
        )
        .execute(&mut *self.tx)
        .await?;
        Ok(())
    }

    /// The newest data key, counted as having sealed once more.
    ///
    /// # Errors
    ///
    /// [`StorageError`] when the database fails.
    pub async fn data_key_for_sealing(&mut self) -> Result<Option<StoredDataKey>, StorageError> {
        sqlx::query!(
            r#"
            update data_keys set seals = seals + 1
            where tenant_id = $1 and version = (select max(version) from data_keys where tenant_id = $1)
            returning version, wrapped, seals
            "#,
            self.tenant.uuid()
        )
        .fetch_optional(&mut *self.tx)
        .await?
        .map(|row| stored(row.version, row.wrapped, row.seals))
        .transpose()
    }

    /// The data key of that version.
    ///
    /// # Errors
    ///
    /// [`StorageError`] when the database fails.
    pub async fn data_key(&mut self, version: DataKeyVersion) -> Result<Option<StoredDataKey>, StorageError> {
        sqlx::query!(
            "select version, wrapped, seals from data_keys where tenant_id = $1 and version = $2",
            self.tenant.uuid(),
            version.0.cast_signed()
        )
        .fetch_optional(&mut *self.tx)
        .await?
        .map(|row| stored(row.version, row.wrapped, row.seals))
        .transpose()
    }
}
