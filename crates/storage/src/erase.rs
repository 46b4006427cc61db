//! Erasing a tenant: at once what opens or proves anything, and the rest in batches.
//!
//! Which table is which, and in which order they go, stands in the table `table_registry`, which the two
//! functions of the schema called here read. `migrations/README.md` says how a new table is registered;
//! `tests/table_registry` fails for one that is not.

use portico_domain::TenantId;

use crate::db::TenantTx;
use crate::error::StorageError;

/// What one step of a purge did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purge {
    /// So many rows of one table were deleted; there may be more.
    Rows(u64),
    /// Nothing of the tenant is left: its row in `tenants` went with this step.
    Finished,
    /// The tenant is not erased, or another transaction is purging it at this moment.
    NotOurs,
}

impl TenantTx {
    /// Holds the tenant's row against other changes of it; false when there is none.
    ///
    /// # Errors
    ///
    /// [`StorageError`] when the database fails.
    pub async fn lock_tenant(&mut self) -> Result<bool, StorageError> {
        let row = sqlx::query!(
            r#"select 1 as "one!" from tenants where tenant_id = $1 for no key update"#,
            self.tenant.uuid()
        )
        .fetch_optional(&mut *self.tx)
        .await?;
        Ok(row.is_some())
    }

    /// Marks the tenant as erased and destroys its data keys, its Chakra keys and every hash that a
    /// secret is recognised by: all that is registered as `at_once`, and the columns registered to be
    /// cleared. From here on nobody sees the tenant. False when there is none. Everything else waits for
    /// [`Self::purge_tenant`], however much it is.
    ///
    /// # Errors
    ///
    /// [`StorageError`] when the database fails, or when a table that may hold the tenant's rows is not
    /// registered; then nothing is erased.
    pub async fn erase_tenant(&mut self) -> Result<bool, StorageError> {
        Ok(sqlx::query_scalar!(r#"select erase_tenant() as "done!""#).fetch_one(&mut *self.tx).await?)
    }

    /// Deletes at most so many rows of one table of the erased tenant (of a partitioned table, of each of
    /// its partitions). Call it in a transaction of its own until it is [`Purge::Finished`].
    ///
    /// # Errors
    ///
    /// [`StorageError`] when the database fails, or when all else is gone and a table that may hold the
    /// tenant's rows is not registered.
    pub async fn purge_tenant(&mut self, most: u16) -> Result<Purge, StorageError> {
        let gone = sqlx::query_scalar!("select purge_tenant($1)", i32::from(most)).fetch_one(&mut *self.tx).await?;
        Ok(match gone {
            None => Purge::NotOurs,
            Some(0) => Purge::Finished,
            Some(rows) => Purge::Rows(rows.cast_unsigned()),
        })
    }

    /// Turns the transaction from its tenant to the operator's own audit log, for what it says there last.
    ///
    /// # Errors
    ///
    /// [`StorageError`] when the database fails.
    pub async fn turn_to_operator(&mut self) -> Result<(), StorageError> {
        self.tenant = TenantId::OPERATOR;
        sqlx::query("select set_config('portico.tenant_id', $1, true)")
            .bind(self.tenant.uuid().to_string())
            .execute(&mut *self.tx)
            .await?;
        Ok(())
    }
}
