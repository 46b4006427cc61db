//! Plugins: who owns them, what Chakra said of them, and which configuration the tenant wants.

use portico_auth::CustomerReach;
use portico_domain::{CustomerId, Plugin, PluginId, PluginStatus};
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::db::TenantTx;
use crate::error::StorageError;
use crate::page::{Page, PageRows};
use crate::system::uuids;

/// A plugin that Chakra made, to be recorded.
#[derive(Debug, Clone)]
pub struct NewPlugin {
    /// Chakra's id of it.
    pub id: PluginId,
    /// The customer for whom it was made.
    pub customer: CustomerId,
    /// Its name at Chakra.
    pub name: String,
}

/// What Chakra last said of a plugin.
#[derive(Debug, Clone, Hash)]
pub struct ObservedPlugin {
    /// Its name at Chakra.
    pub name: String,
    /// Whether Chakra has it switched on.
    pub is_active: bool,
    /// Whether it has a WABA.
    pub status: PluginStatus,
}

/// A plugin with the configuration that the tenant wants and the one that Chakra has.
#[derive(Debug, Clone)]
pub struct PluginRecord {
    /// The plugin as the API shows it.
    pub plugin: Plugin,
    /// The configuration that the tenant wants, as Chakra writes it.
    pub desired: Value,
    /// The configuration that Chakra last told; none: it was not asked yet.
    pub observed: Option<Value>,
    /// Counts changes of `desired`.
    pub version: i64,
}

/// Who owns an id: a plugin, or something that belongs to one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OwnedId {
    /// The plugin's customer.
    pub customer: CustomerId,
    /// The plugin that it belongs to (itself, for a plugin).
    pub plugin: PluginId,
    /// Whether calls may use it: false for a phone number that the tenant deactivated, else true.
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
                plugin_id: PluginId::from_uuid(row.plugin_id),
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
    /// [`StorageError::Broken`] when it is recorded already (`Duplicate`), or its customer is gone
    /// (`Reference`).
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

    /// A page of the plugins within reach, in order of their ids; with a customer only those of that one.
    ///
    /// # Errors
    ///
    /// [`StorageError::Corrupt`] when a row cannot be read, else as [every call](crate#errors).
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

    /// The plugin with that id, if it is within reach.
    ///
    /// # Errors
    ///
    /// [`StorageError::Corrupt`] when a row cannot be read, else as [every call](crate#errors).
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

    /// Who owns a plugin; none when the tenant has no such plugin.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
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

    /// Notes that a connect token for a plugin was given out just now.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn note_connect(&mut self, id: PluginId) -> Result<(), StorageError> {
        sqlx::query!(
            "update plugins set connect_began_at = now() where tenant_id = $1 and plugin_id = $2",
            self.tenant.uuid(),
            id.uuid()
        )
        .execute(&mut *self.tx)
        .await?;
        Ok(())
    }

    /// Plugins within reach for which a connect token was given out within a day, the latest first, with the status
    /// of each; at most `limit`.
    ///
    /// # Errors
    ///
    /// [`StorageError::Corrupt`] when a row cannot be read, else as [every call](crate#errors).
    pub async fn connecting_plugins(
        &mut self,
        reach: CustomerReach<'_>,
        limit: i64,
    ) -> Result<Vec<(PluginId, PluginStatus)>, StorageError> {
        let reached = uuids(reach, CustomerId::uuid);
        let rows = sqlx::query!(
            r#"
            select
                plugin_id,
                status
            from plugins
            where tenant_id = $1
                and ($2::uuid[] is null or customer_id = any($2))
                and connect_began_at > now() - interval '1 day'
            order by connect_began_at desc
            limit $3
            "#,
            self.tenant.uuid(),
            reached.as_deref(),
            limit
        )
        .fetch_all(&mut *self.tx)
        .await?;
        let status =
            |text: &str| text.parse::<PluginStatus>().map_err(|error| StorageError::corrupt("plugins.status", error));
        rows.into_iter().map(|row| Ok((PluginId::from_uuid(row.plugin_id), status(&row.status)?))).collect()
    }

    /// Records what Chakra said of a plugin; false when there is no such plugin.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
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

    /// Changes a plugin's status alone.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
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

    /// Changes the configuration that the tenant wants, if its version is still `version` (`None`: whatever it
    /// is). Gives the new version; none when the version is another, or there is no such plugin.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
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

    /// Records the configuration that Chakra has.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
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

    /// Deletes the record of a plugin with its WABAs and numbers; false when there is none.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn delete_plugin(&mut self, id: PluginId) -> Result<bool, StorageError> {
        let done =
            sqlx::query!("delete from plugins where tenant_id = $1 and plugin_id = $2", self.tenant.uuid(), id.uuid())
                .execute(&mut *self.tx)
                .await?;
        Ok(done.rows_affected() == 1)
    }
}
