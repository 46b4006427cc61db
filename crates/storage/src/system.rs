//! Reading across tenants: each call here uses one of the schema's `resolve_…` functions, or touches only
//! the operator's own row.

use portico_domain::{ApiKeyId, PluginId, Tenant, TenantId};
use uuid::Uuid;

use crate::db::{Db, TenantTx};
use crate::error::StorageError;
use crate::page::{Page, PageRows};
use crate::tenant::TenantRow;

/// The operator's own row: everything in it is sealed.
#[derive(Debug, Clone)]
pub struct OperatorRow {
    /// What proves at every start that the master keys are those of before.
    pub canary: Vec<u8>,
    /// The installation's [`MacKey`](portico_vault::MacKey); the column has the name of its first use.
    pub fingerprint_key: Vec<u8>,
}

impl Db {
    /// Succeeds when the database answers.
    ///
    /// # Errors
    ///
    /// [`StorageError::Unavailable`] when it does not.
    pub async fn ping(&self) -> Result<(), StorageError> {
        sqlx::query!(r#"select 1 as "one!""#).fetch_one(&mut *self.reading().await?).await?;
        Ok(())
    }

    /// The operator's row; none before the first start of this installation.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn operator(&self) -> Result<Option<OperatorRow>, StorageError> {
        Ok(sqlx::query_as!(OperatorRow, "select canary, fingerprint_key from operator")
            .fetch_optional(&mut *self.reading().await?)
            .await?)
    }

    /// Stores the operator's row unless another replica was faster, and gives the one that is stored.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn ensure_operator(&self, row: &OperatorRow) -> Result<OperatorRow, StorageError> {
        let mut tx = self.writing().await?;
        sqlx::query!(
            "insert into operator (canary, fingerprint_key) values ($1, $2) on conflict do nothing",
            row.canary,
            row.fingerprint_key
        )
        .execute(&mut *tx)
        .await?;
        let row =
            sqlx::query_as!(OperatorRow, "select canary, fingerprint_key from operator").fetch_one(&mut *tx).await?;
        tx.commit().await?;
        Ok(row)
    }

    /// The tenant and the id of the API key with this hash, be it the hash of its present or of an old
    /// secret.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn resolve_api_key(&self, hash: &[u8; 32]) -> Result<Option<(TenantId, ApiKeyId)>, StorageError> {
        let row = sqlx::query!(
            r#"select tenant_id as "tenant_id!", api_key_id as "api_key_id!" from resolve_api_key($1)"#,
            &hash[..]
        )
        .fetch_optional(&mut *self.reading().await?)
        .await?;
        Ok(row.map(|row| (TenantId::from_uuid(row.tenant_id), ApiKeyId::from_uuid(row.api_key_id))))
    }

    /// A page of all tenants, oldest first.
    ///
    /// # Errors
    ///
    /// [`StorageError::Corrupt`] when a row cannot be read, else as [every call](crate#errors).
    pub async fn tenants(&self, page: Page<TenantId>) -> Result<PageRows<Tenant>, StorageError> {
        let most = i32::from(page.limit) + 1;
        let rows = sqlx::query_as!(
            TenantRow,
            r#"
            select
                tenant_id as "tenant_id!",
                name as "name!",
                status as "status!",
                limits as "limits!",
                created_at as "created_at!",
                updated_at as "updated_at!"
            from resolve_tenants($1, $2)
            "#,
            page.after.map(TenantId::uuid),
            most
        )
        .fetch_all(&mut *self.reading().await?)
        .await?;
        let tenants = rows.into_iter().map(Tenant::try_from).collect::<Result<_, _>>()?;
        Ok(page.cut(tenants))
    }

    /// Erased tenants of which rows are left, at most `most`.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn erased_tenants(&self, most: u16) -> Result<Vec<TenantId>, StorageError> {
        let rows =
            sqlx::query_scalar!(r#"select tenant_id as "tenant_id!" from resolve_erased(null, $1)"#, i32::from(most))
                .fetch_all(&mut *self.reading().await?)
                .await?;
        Ok(rows.into_iter().map(TenantId::from_uuid).collect())
    }

    /// The next tenants that have an audit chain, or should have one, at most `most`, in order of id; `after`
    /// is the last one of the page before. The operator's own chain is not among them.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn audit_chains(&self, after: Option<TenantId>, most: u16) -> Result<Vec<TenantId>, StorageError> {
        let rows = sqlx::query_scalar!(
            r#"select tenant_id as "tenant_id!" from resolve_audit_chains($1, $2)"#,
            after.map(TenantId::uuid),
            i32::from(most)
        )
        .fetch_all(&mut *self.reading().await?)
        .await?;
        Ok(rows.into_iter().map(TenantId::from_uuid).collect())
    }

    /// Begins a transaction of a tenant for work that no caller asked for: loading an authenticated key,
    /// writing the request log, storing what Chakra answered.
    ///
    /// # Errors
    ///
    /// [`StorageError::Unavailable`] when no connection is to be had within 5 s.
    pub async fn begin_system(&self, tenant: TenantId) -> Result<TenantTx, StorageError> {
        self.begin_for(tenant).await
    }
}

impl TenantTx {
    /// Whether another tenant owns the plugin. Locks the plugin's id until the transaction ends, so that
    /// nobody else takes it meanwhile.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn plugin_is_taken(&mut self, plugin: PluginId) -> Result<bool, StorageError> {
        let (high, low) = plugin.uuid().as_u64_pair();
        sqlx::query!("select pg_advisory_xact_lock($1)", (high ^ low).cast_signed()).fetch_one(&mut *self.tx).await?;
        let taken = sqlx::query_scalar!(
            r#"select resolve_plugin_taken($1, $2) as "taken!""#,
            plugin.uuid(),
            self.tenant.uuid()
        )
        .fetch_one(&mut *self.tx)
        .await?;
        Ok(taken)
    }

    /// Whether another tenant may be in the Chakra team with this fingerprint: it holds or held a key of it, or has one
    /// whose team is not known.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn team_is_shared(&mut self, team: &[u8]) -> Result<bool, StorageError> {
        Ok(sqlx::query_scalar!(r#"select resolve_team_shared($1, $2) as "shared!""#, team, self.tenant.uuid())
            .fetch_one(&mut *self.tx)
            .await?)
    }

    /// Whether another tenant holds the Chakra team with this fingerprint, so that this one may not store a key of
    /// it: the other held it first, and the operator does not let the two share it. Until the transaction ends,
    /// nobody else becomes a holder by asking so.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn team_is_taken(&mut self, team: &[u8; 32]) -> Result<bool, StorageError> {
        sqlx::query!("select pg_advisory_xact_lock(hashtextextended(encode($1, 'hex'), 0))", &team[..])
            .fetch_one(&mut *self.tx)
            .await?;
        Ok(sqlx::query_scalar!(r#"select resolve_team_taken($1, $2) as "taken!""#, &team[..], self.tenant.uuid())
            .fetch_one(&mut *self.tx)
            .await?)
    }
}

/// The UUIDs of typed ids, as statements take them.
pub(crate) fn uuids<T: Copy>(ids: Option<&[T]>, uuid: impl Fn(T) -> Uuid) -> Option<Vec<Uuid>> {
    ids.map(|ids| ids.iter().copied().map(uuid).collect())
}
