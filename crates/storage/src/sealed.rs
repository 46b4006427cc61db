//! The columns that hold sealed bytes: two registers, which `vault status` counts and
//! `vault rotate` walks.
//!
//! * [`SEALED_COLUMNS`]: columns of tenants' rows, sealed with the tenant's data key.
//! * [`OPERATOR_SECRETS`]: what is the operator's own, sealed straight under the master keys. (The data
//!   keys are too; they have a table of their own.)
//!
//! To add either, add a line here, seal for the location or purpose that the line names, and let the service update
//! the column. A test fails for a column of bytes that stands in neither register and is not named
//! there as something else.

use portico_domain::{ChakraKeyId, HookId, TenantId, WebhookSecretId};
use portico_vault::Purpose;
use sqlx::{AssertSqlSafe, Row as _};
use uuid::Uuid;

use crate::db::{Db, TenantTx};
use crate::error::StorageError;

/// A column of tenants' rows that holds values sealed by [`portico_vault::DataKey::seal`].
#[derive(Debug)]
pub struct SealedColumn {
    /// The table's name.
    pub table: &'static str,
    /// The column, of type `bytea`; null where a row has no such value.
    pub column: &'static str,
    /// The column of type `uuid` that is the row's key within its tenant.
    pub key: &'static str,
    /// That key as [`portico_vault::SealedLocation::row`] has it.
    pub row: fn(Uuid) -> String,
}

/// The register of columns that are sealed with tenants' data keys.
pub const SEALED_COLUMNS: &[SealedColumn] = &[
    SealedColumn {
        table: "chakra_keys",
        column: "access_token",
        key: "chakra_key_id",
        row: |id| ChakraKeyId::from_uuid(id).to_string(),
    },
    SealedColumn { table: "hooks", column: "address", key: "hook_id", row: |id| HookId::from_uuid(id).to_string() },
    SealedColumn {
        table: "webhook_secrets",
        column: "secret",
        key: "webhook_secret_id",
        row: |id| WebhookSecretId::from_uuid(id).to_string(),
    },
];

/// A column of the operator's rows that holds what [`portico_vault::MasterKeys::seal`] made.
#[derive(Debug)]
pub struct OperatorSecret {
    /// The table's name.
    pub table: &'static str,
    /// The column, of type `bytea`; null where a row has no such value.
    pub column: &'static str,
    /// The table's primary key, one column.
    pub key: &'static str,
    /// What it is sealed for, by table, column and the key as text: [`Purpose::operator_secret`] for
    /// everything new.
    pub purpose: fn(&Self, &str) -> Purpose,
}

/// The register of columns that are sealed straight under the master keys.
pub const OPERATOR_SECRETS: &[OperatorSecret] = &[
    OperatorSecret { table: "operator", column: "canary", key: "singleton", purpose: |_, _| Purpose::canary() },
    OperatorSecret {
        table: "operator",
        column: "fingerprint_key",
        key: "singleton",
        purpose: |_, _| Purpose::mac_key(),
    },
    OperatorSecret {
        table: "signing_keys",
        column: "private_key",
        key: "signing_key_id",
        purpose: |secret, row| Purpose::operator_secret(secret.table, secret.column, row),
    },
];

/// A value of one of the [`OPERATOR_SECRETS`].
#[derive(Debug, Clone)]
pub struct StoredSecret {
    /// The column that it stands in.
    pub secret: &'static OperatorSecret,
    /// Its row's primary key, as text.
    pub row: String,
    /// What [`portico_vault::MasterKeys::open`] takes.
    pub sealed: Vec<u8>,
}

impl StoredSecret {
    /// The purpose that it is sealed for.
    #[must_use]
    pub fn purpose(&self) -> Purpose {
        (self.secret.purpose)(self.secret, &self.row)
    }
}

/// A value of one of the [`SEALED_COLUMNS`], in a tenant's row.
#[derive(Debug, Clone)]
pub struct StoredValue {
    /// The row's key within its tenant.
    pub key: Uuid,
    /// What [`portico_vault::DataKey::open`] takes.
    pub sealed: Vec<u8>,
}

/// The data key version that a sealed value names, in SQL. See [`portico_vault::sealed_version`].
fn version_of(column: &str) -> String {
    format!("('x' || encode(substr({column}, 2, 4), 'hex'))::bit(32)::int")
}

impl Db {
    /// Every value of [`OPERATOR_SECRETS`], sealed as it is.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn operator_secrets(&self) -> Result<Vec<StoredSecret>, StorageError> {
        let mut all = Vec::new();
        let mut tx = self.begin_for(TenantId::OPERATOR).await?;
        for secret in OPERATOR_SECRETS {
            let OperatorSecret { table, column, key, .. } = secret;
            let text = format!("select {key}::text, {column} from {table} where {column} is not null order by {key}");
            let rows = sqlx::query(AssertSqlSafe(text)).fetch_all(&mut *tx.tx).await?;
            for row in rows {
                all.push(StoredSecret { secret, row: row.try_get(0)?, sealed: row.try_get(1)? });
            }
        }
        Ok(all)
    }

    /// Stores other sealed bytes for a value; false when it is not as it was in `before` any more.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn replace_operator_secret(&self, before: &StoredSecret, sealed: &[u8]) -> Result<bool, StorageError> {
        let OperatorSecret { table, column, key, .. } = before.secret;
        let text = format!("update {table} set {column} = $1 where {key}::text = $2 and {column} = $3");
        let mut tx = self.begin_for(TenantId::OPERATOR).await?;
        let done = sqlx::query(AssertSqlSafe(text))
            .bind(sealed)
            .bind(&before.row)
            .bind(&before.sealed)
            .execute(&mut *tx.tx)
            .await?;
        tx.commit().await?;
        Ok(done.rows_affected() == 1)
    }
}

impl TenantTx {
    /// Values of a column that a data key older than `newest` sealed, at most `most`, with their rows locked
    /// until the transaction ends.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn lock_old_values(
        &mut self,
        column: &SealedColumn,
        newest: portico_vault::DataKeyVersion,
        most: u16,
    ) -> Result<Vec<StoredValue>, StorageError> {
        let SealedColumn { table, column, key, .. } = column;
        let text = format!(
            "select {key}, {column} from {table} where tenant_id = $1 and {column} is not null and {} < $2 \
             order by {key} limit $3 for update",
            version_of(column)
        );
        let rows = sqlx::query(AssertSqlSafe(text))
            .bind(self.tenant.uuid())
            .bind(newest.0.cast_signed())
            .bind(i64::from(most))
            .fetch_all(&mut *self.tx)
            .await?;
        rows.iter().map(|row| Ok(StoredValue { key: row.try_get(0)?, sealed: row.try_get(1)? })).collect()
    }

    /// Stores other sealed bytes for a value that [`lock_old_values`](Self::lock_old_values) gave.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn replace_value(&mut self, column: &SealedColumn, key: Uuid, sealed: &[u8]) -> Result<(), StorageError> {
        let SealedColumn { table, column, key: key_column, .. } = column;
        let text = format!("update {table} set {column} = $3 where tenant_id = $1 and {key_column} = $2");
        sqlx::query(AssertSqlSafe(text)).bind(self.tenant.uuid()).bind(key).bind(sealed).execute(&mut *self.tx).await?;
        Ok(())
    }

    /// Deletes the data keys older than `newest` that no sealed value needs, and gives how many.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn delete_unneeded_data_keys(
        &mut self,
        newest: portico_vault::DataKeyVersion,
    ) -> Result<u64, StorageError> {
        // Whoever seals counts the seal in the key's row first. So once these rows are held, everything
        // that was sealed with one of them is committed, and nothing more will be; only a statement
        // after this one is sure to see it all.
        let mut old = sqlx::query_scalar!(
            "select version from data_keys where tenant_id = $1 and version < $2 order by version for update",
            self.tenant.uuid(),
            newest.0.cast_signed()
        )
        .fetch_all(&mut *self.tx)
        .await?;
        for SealedColumn { table, column, .. } in SEALED_COLUMNS {
            let text = format!(
                "select distinct {} from {table} where tenant_id = $1 and {column} is not null",
                version_of(column)
            );
            let needed: Vec<i32> =
                sqlx::query_scalar(AssertSqlSafe(text)).bind(self.tenant.uuid()).fetch_all(&mut *self.tx).await?;
            old.retain(|version| !needed.contains(version));
        }
        let done =
            sqlx::query!("delete from data_keys where tenant_id = $1 and version = any($2)", self.tenant.uuid(), &old)
                .execute(&mut *self.tx)
                .await?;
        Ok(done.rows_affected())
    }
}
