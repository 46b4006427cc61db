//! A tenant's data keys, wrapped by a master key, and how much each has sealed.

use std::time::Duration;

use portico_vault::{DataKeyVersion, WrappedKey};

use crate::data_key_rotation::seconds;
use crate::db::TenantTx;
use crate::error::StorageError;

/// A wrapped data key, how often it has sealed, and how old it is.
#[derive(Debug, Clone)]
pub struct StoredDataKey {
    /// Which of the tenant's data keys.
    pub version: DataKeyVersion,
    /// What [`portico_vault::MasterKeys::unwrap_data_key`] takes.
    pub wrapped: Vec<u8>,
    /// How many values it has sealed, for [`portico_vault::DataKey::is_due`].
    pub seals: u64,
    /// How long ago it was stored, by the database's clock.
    pub age: Duration,
}

#[derive(Debug)]
struct DataKeyRow {
    version: i32,
    wrapped: Vec<u8>,
    seals: i64,
    age: i64,
}

impl TryFrom<DataKeyRow> for StoredDataKey {
    type Error = StorageError;

    fn try_from(row: DataKeyRow) -> Result<Self, StorageError> {
        let version = u32::try_from(row.version).map_err(|error| StorageError::corrupt("data_keys.version", error))?;
        Ok(Self {
            version: DataKeyVersion(version),
            wrapped: row.wrapped,
            seals: u64::try_from(row.seals).map_err(|error| StorageError::corrupt("data_keys.seals", error))?,
            age: seconds(row.age),
        })
    }
}

impl TenantTx {
    /// Stores a tenant's first data key.
    ///
    /// # Errors
    ///
    /// [`StorageError::Broken`] when the tenant has a key of that version (`Duplicate`).
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

    /// Stores the data key that follows `newest`. False when another replica was faster, or the tenant's data
    /// keys are gone: a tenant without any must never get one again.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn insert_next_data_key(
        &mut self,
        newest: DataKeyVersion,
        key: &WrappedKey,
    ) -> Result<bool, StorageError> {
        let done = sqlx::query!(
            r#"
            insert into data_keys (tenant_id, version, master_key, wrapped)
            select tenant_id, version + 1, $3, $4 from data_keys where tenant_id = $1 and version = $2 for update
            on conflict do nothing
            "#,
            self.tenant.uuid(),
            newest.0.cast_signed(),
            key.master_key.as_str(),
            key.bytes
        )
        .execute(&mut *self.tx)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// The tenant's data key that seals; none once the tenant is erased.
    ///
    /// # Errors
    ///
    /// [`StorageError::Corrupt`] when a row cannot be read, else as [every call](crate#errors).
    pub async fn newest_data_key(&mut self) -> Result<Option<StoredDataKey>, StorageError> {
        sqlx::query_as!(
            DataKeyRow,
            r#"
            select version, wrapped, seals, extract(epoch from now() - created_at)::bigint as "age!"
            from data_keys
            where tenant_id = $1
            order by version desc
            limit 1
            "#,
            self.tenant.uuid()
        )
        .fetch_optional(&mut *self.tx)
        .await?
        .map(StoredDataKey::try_from)
        .transpose()
    }

    /// Counts seals of a data key, and locks the key until the transaction ends. False when it is gone.
    /// Whatever is sealed must be counted first, in the transaction that stores it.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn count_seals(&mut self, version: DataKeyVersion, seals: u32) -> Result<bool, StorageError> {
        let done = sqlx::query!(
            "update data_keys set seals = seals + $3 where tenant_id = $1 and version = $2",
            self.tenant.uuid(),
            version.0.cast_signed(),
            i64::from(seals)
        )
        .execute(&mut *self.tx)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// The data key of that version, if it is not deleted.
    ///
    /// # Errors
    ///
    /// [`StorageError::Corrupt`] when a row cannot be read, else as [every call](crate#errors).
    pub async fn data_key(&mut self, version: DataKeyVersion) -> Result<Option<StoredDataKey>, StorageError> {
        sqlx::query_as!(
            DataKeyRow,
            r#"
            select version, wrapped, seals, extract(epoch from now() - created_at)::bigint as "age!"
            from data_keys
            where tenant_id = $1 and version = $2
            "#,
            self.tenant.uuid(),
            version.0.cast_signed()
        )
        .fetch_optional(&mut *self.tx)
        .await?
        .map(StoredDataKey::try_from)
        .transpose()
    }
}
