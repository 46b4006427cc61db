//! Plugins, and whose they are.

use portico_auth::CustomerReach;
use portico_domain::{CustomerId, Plugin, PluginId, PluginStatus};
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::db::TenantTx;
use crate::error::StorageError;
use crate::page::{Page, PageRows};
use crate::system::uuids;

/// A plugin that Chakra made.
#[derive(Debug, Clone)]
pub struct NewPlugin {
    /// Chakra's id.
    pub id: PluginId,
    /// Whose it is.
    pub customer: CustomerId,
    /// Its name at Chakra.
    pub name: String,
}

/// What Chakra last said of a plugin.
#[derive(Debug, Clone)]
pub struct ObservedPlugin {
    /// Its name.
    pub name: String,
    /// Whether it is switched on.
    pub is_active: bool,
    /// Whether it has a WABA.
    pub status: PluginStatus,
}

/// A plugin with what the tenant wants of its configuration and what Chakra has.
#[derive(Debug, Clone)]
pub struct PluginRecord {
    /// The plugin.
    pub plugin: Plugin,
    /// What the tenant wants.
    pub desired: Value,
    /// What Chakra last said.
    pub observed: Option<Value>,
    /// Counts changes of what the tenant wants.
    pub version: i64,
}

/// Whose an id is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OwnedId {
    /// The customer.
    pub customer: CustomerId,
    /// The plugin that it belongs to (itself, for a plugin).
    pub plugin: PluginId,
    /// Whether the tenant lets calls use it.
    pub is_active: bool,
}

#[derive(Debug)]
struct PluginRow {
    plugin_id: Uuid,
    customer_id: Uuid,
    name: String,
    status: String,
    is_active: bool,
    desired: Value,
    observed: Option<Value>,
    version: i64,
    synced_at: Option<OffsetDateTime>,
    created_at: OffsetDateTime,
    updated_at: OffsetDateTime,
}

impl TryFrom<PluginRow> for PluginRecord {
    type Error = StorageError;

    fn try_from(row: PluginRow) -> Result<Self, StorageError> {
        Ok(Self {
            plugin: Plugin {
                id: PluginId::from_uuid(row.plugin_id),
                customer_id: CustomerId::from_uuid(row.customer_id),
                name: row.name,
                status: row.status.parse().map_err(|error| StorageError::corrupt("plugins.status", error))?,
                is_active: row.is_active,
                synced_at: row.synced_at,
                created_at: row.created_at,
                updated_at: row.updated_at,
            },
            desired: row.desired,
            observed: row.observed,
            version: row.version,
        })
    }
}

impl TenantTx {
    /// Records a plugin that Chakra made.
    ///
    /// # Errors
    ///
    /// [`StorageError::Broken`] when it is recorded already, or its customer is gone.
    pub async fn insert_plugin(&mut self, new: &NewPlugin) -> Result<(), StorageError> {
        sqlx::query!(
            "insert into plugins (tenant_id, plugin_id, customer_id, name) values ($1, $2, $3, $4)",
            self.tenant.uuid(),
            new.id.uuid(),
            new.customer.uuid(),
            new.name
        )
        .execute(&mut *self.tx)
        .await?;
        Ok(())
    }

    /// A page of the plugins within reach, in order of their ids, or of one customer.
    ///
    /// # Errors
    ///
    /// [`StorageError`] when the database fails.
    pub async fn plugins(
        &mut self,
        reach: CustomerReach<'_>,
        customer: Option<CustomerId>,
        page: Page<PluginId>,
    ) -> Result<PageRows<Plugin>, StorageError> {
        let reached = uuids(reach, CustomerId::uuid);
        let rows = sqlx::query_as!(
            PluginRow,
            r#"
            select
                plugin_id,
                customer_id,
                name,
                status,
                is_active,
                desired,
                observed,
                version,
                synced_at,
                created_at,
                updated_at
            from plugins
            where tenant_id = $1
                and ($2::uuid[] is null or customer_id = any($2))
                and ($3::uuid is null or customer_id = $3)
                and ($4::uuid is null or plugin_id > $4)
            order by plugin_id
            limit $5
            "#,
            self.tenant.uuid(),
            reached.as_deref(),
            customer.map(CustomerId::uuid),
            page.after.map(PluginId::uuid),
            page.fetch()
        )
        .fetch_all(&mut *self.tx)
        .await?;
        let plugins = rows.into_iter().map(|row| PluginRecord::try_from(row).map(|record| record.plugin));
        Ok(page.cut(plugins.collect::<Result<_, _>>()?))
    }

    /// One plugin within reach.
    ///
    /// # Errors
    ///
    /// [`StorageError`] when the database fails.
    pub async fn plugin(
        &mut self,
        reach: CustomerReach<'_>,
        id: PluginId,
    ) -> Result<Option<PluginRecord>, StorageError> {
        let reached = uuids(reach, CustomerId::uuid);
        sqlx::query_as!(
            PluginRow,
            r#"
            select
                plugin_id,
                customer_id,
                name,
                status,
                is_active,
                desired,
                observed,
                version,
                synced_at,
                created_at,
                updated_at
            from plugins
            where tenant_id = $1
                and ($2::uuid[] is null or customer_id = any($2))
                and plugin_id = $3
            "#,
            self.tenant.uuid(),
            reached.as_deref(),
            id.uuid()
        )
        .fetch_optional(&mut *self.tx)
        .await?
        .map(PluginRecord::try_from)
        .transpose()
    }

    /// Whose a plugin is.
    ///
    /// # Errors
    ///
    /// [`StorageError`] when the database fails.
    pub async fn owner_of_plugin(&mut self, id: PluginId) -> Result<Option<OwnedId>, StorageError> {
        let customer = sqlx::query_scalar!(
            "select customer_id from plugins where tenant_id = $1 and plugin_id = $2",
            self.tenant.uuid(),
            id.uuid()
        )
        .fetch_optional(&mut *self.tx)
        .await?;
        Ok(customer.map(|customer| OwnedId { customer: CustomerId::from_uuid(customer), plugin: id, is_active: true }))
    }

    /// Writes down what Chakra said of a plugin; false when there is no such record.
    ///
    /// # Errors
    ///
    /// [`StorageError`] when the database fails.
    pub async fn observe_plugin(&mut self, id: PluginId, seen: &ObservedPlugin) -> Result<bool, StorageError> {
        let done = sqlx::query!(
            r#"
            update plugins set
                name = $3,
                is_active = $4,
                status = $5,
                synced_at = now(),
                updated_at = now()
            where tenant_id = $1 and plugin_id = $2
            "#,
            self.tenant.uuid(),
            id.uuid(),
            seen.name,
            seen.is_active,
            seen.status.as_str()
        )
        .execute(&mut *self.tx)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Changes only a plugin's status.
    ///
    /// # Errors
    ///
    /// [`StorageError`] when the database fails.
    pub async fn set_plugin_status(&mut self, id: PluginId, status: PluginStatus) -> Result<(), StorageError> {
        sqlx::query!(
            "update plugins set status = $3, updated_at = now() where tenant_id = $1 and plugin_id = $2",
            self.tenant.uuid(),
            id.uuid(),
            status.as_str()
        )
        .execute(&mut *self.tx)
        .await?;
        Ok(())
    }

    /// Changes what the tenant wants of a plugin's configuration, if `version` still is the one it
    /// read (`None`: whatever it is). Gives the new version, or nothing when it changed meanwhile.
    ///
    /// # Errors
    ///
    /// [`StorageError`] when the database fails.
    pub async fn set_desired(
        &mut self,
        id: PluginId,
        version: Option<i64>,
        desired: &Value,
    ) -> Result<Option<i64>, StorageError> {
        Ok(sqlx::query_scalar!(
            r#"
            update plugins set desired = $4, version = version + 1, updated_at = now()
            where tenant_id = $1 and plugin_id = $2 and ($3::bigint is null or version = $3)
            returning version
            "#,
            self.tenant.uuid(),
            id.uuid(),
            version,
            desired
        )
        .fetch_optional(&mut *self.tx)
        .await?)
    }

    /// Writes down the configuration that Chakra has.
    ///
    /// # Errors
    ///
    /// [`StorageError`] when the database fails.
    pub async fn set_observed(&mut self, id: PluginId, observed: &Value) -> Result<(), StorageError> {
        sqlx::query!(
            "update plugins set observed = $3, synced_at = now(), updated_at = now() where tenant_id = $1 and plugin_id = $2",
            self.tenant.uuid(),
            id.uuid(),
            observed
        )
        .execute(&mut *self.tx)
        .await?;
        Ok(())
    }

    /// Forgets a plugin with its WABAs and numbers; false when there is none.
    ///
    /// # Errors
    ///
    /// [`StorageError`] when the database fails.
    pub async fn delete_plugin(&mut self, id: PluginId) -> Result<bool, StorageError> {
        let done =
            sqlx::query!("delete from plugins where tenant_id = $1 and plugin_id = $2", self.tenant.uuid(), id.uuid())
                .execute(&mut *self.tx)
                .await?;
        Ok(done.rows_affected() == 1)
    }
}
