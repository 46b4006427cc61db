//! Hooks, which Chakra posts events to, and what it signs them with.

use portico_domain::{CustomerId, HookId, PluginId, TenantId, WebhookSecretId};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::db::{Db, TenantTx};
use crate::error::StorageError;

/// A hook to insert.
#[derive(Debug, Clone)]
pub struct NewHook {
    /// The id, which the caller generates; the sealed address is bound to it.
    pub id: HookId,
    /// The plugin whose events come to it.
    pub plugin: PluginId,
    /// SHA-256 of the address.
    pub address_hash: [u8; 32],
    /// The last segment of its address, sealed with the tenant's data key.
    pub address: Vec<u8>,
}

/// A hook as it is kept.
#[derive(Debug, Clone)]
pub struct StoredHook {
    /// Its id.
    pub id: HookId,
    /// The plugin whose events come to it.
    pub plugin: PluginId,
    /// The plugin's customer.
    pub customer: CustomerId,
    /// The sealed address.
    pub address: Vec<u8>,
    /// When it was made.
    pub created_at: OffsetDateTime,
    /// When it ends; none: it is in force until it is replaced.
    pub expires_at: Option<OffsetDateTime>,
    /// When the first event came; none: none yet.
    pub first_event_at: Option<OffsetDateTime>,
}

/// A secret to insert.
#[derive(Debug, Clone)]
pub struct NewWebhookSecret {
    /// The id, which the caller generates; the sealed secret is bound to it.
    pub id: WebhookSecretId,
    /// Sealed with the tenant's data key.
    pub secret: Vec<u8>,
    /// The first digits of its keyed fingerprint.
    pub fingerprint: String,
}

/// A secret as it is kept.
#[derive(Debug, Clone)]
pub struct StoredWebhookSecret {
    /// Its id.
    pub id: WebhookSecretId,
    /// Sealed with the tenant's data key.
    pub secret: Vec<u8>,
    /// The first digits of its keyed fingerprint.
    pub fingerprint: String,
    /// When it was set.
    pub created_at: OffsetDateTime,
    /// When it ends; none: it is in force until it is replaced.
    pub expires_at: Option<OffsetDateTime>,
}

struct HookRow {
    hook_id: Uuid,
    plugin_id: Uuid,
    customer_id: Uuid,
    address: Vec<u8>,
    created_at: OffsetDateTime,
    expires_at: Option<OffsetDateTime>,
    first_event_at: Option<OffsetDateTime>,
}

impl From<HookRow> for StoredHook {
    fn from(row: HookRow) -> Self {
        Self {
            id: HookId::from_uuid(row.hook_id),
            plugin: PluginId::from_uuid(row.plugin_id),
            customer: CustomerId::from_uuid(row.customer_id),
            address: row.address,
            created_at: row.created_at,
            expires_at: row.expires_at,
            first_event_at: row.first_event_at,
        }
    }
}

impl Db {
    /// Whose hook has the address with this hash.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn resolve_hook(&self, hash: &[u8; 32]) -> Result<Option<(TenantId, HookId)>, StorageError> {
        let row =
            sqlx::query!(r#"select tenant_id as "tenant_id!", hook_id as "hook_id!" from resolve_hook($1)"#, &hash[..])
                .fetch_optional(&mut *self.reading().await?)
                .await?;
        Ok(row.map(|row| (TenantId::from_uuid(row.tenant_id), HookId::from_uuid(row.hook_id))))
    }
}

impl TenantTx {
    /// Stores a hook.
    ///
    /// # Errors
    ///
    /// [`StorageError::Broken`] when there is no such plugin (`Reference`).
    pub async fn insert_hook(&mut self, new: &NewHook) -> Result<(), StorageError> {
        sqlx::query!(
            "insert into hooks (tenant_id, hook_id, plugin_id, address_hash, address) values ($1, $2, $3, $4, $5)",
            self.tenant.uuid(),
            new.id.uuid(),
            new.plugin.uuid(),
            &new.address_hash[..],
            new.address
        )
        .execute(&mut *self.tx)
        .await?;
        Ok(())
    }

    /// The hooks of a plugin that have not ended by then, newest first.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn hooks_of(&mut self, plugin: PluginId, at: OffsetDateTime) -> Result<Vec<StoredHook>, StorageError> {
        let rows = sqlx::query_as!(
            HookRow,
            r#"
            select
                h.hook_id,
                h.plugin_id,
                p.customer_id,
                h.address,
                h.created_at,
                h.expires_at,
                h.first_event_at
            from hooks h
            join plugins p on p.tenant_id = $1 and p.plugin_id = h.plugin_id
            where h.tenant_id = $1 and h.plugin_id = $2 and (h.expires_at is null or h.expires_at > $3)
            order by h.created_at desc, h.hook_id desc
            "#,
            self.tenant.uuid(),
            plugin.uuid(),
            at
        )
        .fetch_all(&mut *self.tx)
        .await?;
        Ok(rows.into_iter().map(StoredHook::from).collect())
    }

    /// One hook that has not ended by then.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn hook(&mut self, id: HookId, at: OffsetDateTime) -> Result<Option<StoredHook>, StorageError> {
        let row = sqlx::query_as!(
            HookRow,
            r#"
            select
                h.hook_id,
                h.plugin_id,
                p.customer_id,
                h.address,
                h.created_at,
                h.expires_at,
                h.first_event_at
            from hooks h
            join plugins p on p.tenant_id = $1 and p.plugin_id = h.plugin_id
            where h.tenant_id = $1 and h.hook_id = $2 and (h.expires_at is null or h.expires_at > $3)
            "#,
            self.tenant.uuid(),
            id.uuid(),
            at
        )
        .fetch_optional(&mut *self.tx)
        .await?;
        Ok(row.map(StoredHook::from))
    }

    /// Locks a plugin's row until the transaction ends, so that its hooks change one after the other; false when there
    /// is none.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn lock_plugin(&mut self, id: PluginId) -> Result<bool, StorageError> {
        let row = sqlx::query_scalar!(
            r#"select 1 as "one!" from plugins where tenant_id = $1 and plugin_id = $2 for no key update"#,
            self.tenant.uuid(),
            id.uuid()
        )
        .fetch_optional(&mut *self.tx)
        .await?;
        Ok(row.is_some())
    }

    /// Deletes the hooks of a plugin that are replaced already and not over yet.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn end_replaced_hooks(&mut self, plugin: PluginId) -> Result<(), StorageError> {
        sqlx::query!(
            "delete from hooks where tenant_id = $1 and plugin_id = $2 and expires_at is not null",
            self.tenant.uuid(),
            plugin.uuid()
        )
        .execute(&mut *self.tx)
        .await?;
        Ok(())
    }

    /// Has the hooks of a plugin end then at the latest, and deletes those that ended by `now`.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn end_hooks(
        &mut self,
        plugin: PluginId,
        at: OffsetDateTime,
        now: OffsetDateTime,
    ) -> Result<(), StorageError> {
        sqlx::query!(
            "update hooks set expires_at = $3 where tenant_id = $1 and plugin_id = $2 and (expires_at is null or expires_at > $3)",
            self.tenant.uuid(),
            plugin.uuid(),
            at
        )
        .execute(&mut *self.tx)
        .await?;
        sqlx::query!(
            "delete from hooks where tenant_id = $1 and plugin_id = $2 and expires_at <= $3",
            self.tenant.uuid(),
            plugin.uuid(),
            now
        )
        .execute(&mut *self.tx)
        .await?;
        Ok(())
    }

    /// Notes that the first event came to a hook, unless that was noted before.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn note_first_event(&mut self, id: HookId, at: OffsetDateTime) -> Result<(), StorageError> {
        sqlx::query!(
            "update hooks set first_event_at = $3 where tenant_id = $1 and hook_id = $2 and first_event_at is null",
            self.tenant.uuid(),
            id.uuid(),
            at
        )
        .execute(&mut *self.tx)
        .await?;
        Ok(())
    }

    /// Stores a secret.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn insert_webhook_secret(&mut self, new: &NewWebhookSecret) -> Result<(), StorageError> {
        sqlx::query!(
            "insert into webhook_secrets (tenant_id, webhook_secret_id, secret, fingerprint) values ($1, $2, $3, $4)",
            self.tenant.uuid(),
            new.id.uuid(),
            new.secret,
            new.fingerprint
        )
        .execute(&mut *self.tx)
        .await?;
        Ok(())
    }

    /// The tenant's secrets that have not ended by then, newest first.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn webhook_secrets(&mut self, at: OffsetDateTime) -> Result<Vec<StoredWebhookSecret>, StorageError> {
        let rows = sqlx::query!(
            r#"
            select
                webhook_secret_id,
                secret,
                fingerprint,
                created_at,
                expires_at
            from webhook_secrets
            where tenant_id = $1 and (expires_at is null or expires_at > $2)
            order by created_at desc, webhook_secret_id desc
            "#,
            self.tenant.uuid(),
            at
        )
        .fetch_all(&mut *self.tx)
        .await?;
        let secrets = rows.into_iter().map(|row| StoredWebhookSecret {
            id: WebhookSecretId::from_uuid(row.webhook_secret_id),
            secret: row.secret,
            fingerprint: row.fingerprint,
            created_at: row.created_at,
            expires_at: row.expires_at,
        });
        Ok(secrets.collect())
    }

    /// Has the newest secret end then at the latest, and deletes every older one: at most two are in force.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn end_webhook_secrets(&mut self, at: OffsetDateTime, now: OffsetDateTime) -> Result<(), StorageError> {
        sqlx::query!(
            r#"
            delete from webhook_secrets
            where tenant_id = $1 and (expires_at <= $2 or webhook_secret_id <> (
                select webhook_secret_id from webhook_secrets where tenant_id = $1
                order by created_at desc, webhook_secret_id desc limit 1
            ))
            "#,
            self.tenant.uuid(),
            now
        )
        .execute(&mut *self.tx)
        .await?;
        sqlx::query!(
            "update webhook_secrets set expires_at = $2 where tenant_id = $1 and (expires_at is null or expires_at > $2)",
            self.tenant.uuid(),
            at
        )
        .execute(&mut *self.tx)
        .await?;
        sqlx::query!("delete from webhook_secrets where tenant_id = $1 and expires_at <= $2", self.tenant.uuid(), now)
            .execute(&mut *self.tx)
            .await?;
        Ok(())
    }

    /// Until when the tenant's hooks take what is not signed rightly; none: they do not.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn hooks_log_only_until(&mut self) -> Result<Option<OffsetDateTime>, StorageError> {
        let row =
            sqlx::query_scalar!("select log_only_until from webhook_settings where tenant_id = $1", self.tenant.uuid())
                .fetch_optional(&mut *self.tx)
                .await?;
        Ok(row.flatten())
    }

    /// Says until when the tenant's hooks take what is not signed rightly.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn set_hooks_log_only_until(&mut self, until: Option<OffsetDateTime>) -> Result<(), StorageError> {
        sqlx::query!(
            r#"
            insert into webhook_settings (tenant_id, log_only_until) values ($1, $2)
            on conflict (tenant_id) do update set log_only_until = excluded.log_only_until, updated_at = now()
            "#,
            self.tenant.uuid(),
            until
        )
        .execute(&mut *self.tx)
        .await?;
        Ok(())
    }
}
