//! Notices that API keys or old secrets are about to end.
//!
//! Each row holds when its next notice is due (`notice_at`). A replica claims the row, writes the event and
//! moves `notice_at` on in one transaction; others skip the row meanwhile. So each notice is written once,
//! whatever the number of replicas and restarts.

use portico_domain::{ApiKeyId, Name, OldSecretId, TenantId};
use time::{Duration, OffsetDateTime};

use crate::db::{Db, TenantTx};
use crate::error::StorageError;

/// How long before its end the first notice of a key is due.
const FIRST: Duration = Duration::days(30);

/// When the first notice of a key with this end is due; none for a key without an end.
pub(crate) fn first_notice(expires_at: Option<OffsetDateTime>) -> Option<OffsetDateTime> {
    expires_at.map(|end| end.checked_sub(FIRST).unwrap_or(end))
}

/// A key of whose end a notice is due.
#[derive(Debug, Clone)]
pub struct ExpiryNotice {
    /// The key that ends.
    pub id: ApiKeyId,
    /// What people call it.
    pub name: Name,
    /// When it ends.
    pub expires_at: OffsetDateTime,
}

/// An old secret of which it is due to look whether it is still used.
#[derive(Debug, Clone)]
pub struct OldSecretNotice {
    /// The old secret.
    pub id: OldSecretId,
    /// Its beginning, by which people recognise it.
    pub prefix: String,
    /// The key that had it.
    pub api_key: ApiKeyId,
    /// What people call that key.
    pub name: Name,
    /// Whether the key is revoked, and the secret with it.
    pub is_revoked: bool,
    /// When another secret took its place.
    pub rotated_at: OffsetDateTime,
    /// From when on it is refused.
    pub expires_at: OffsetDateTime,
    /// When it was last used since it was replaced; none: never.
    pub last_used_at: Option<OffsetDateTime>,
    /// How often it was used since it was replaced.
    pub uses: u64,
}

impl Db {
    /// The tenants in which a notice of a key or an old secret is due at that moment: a hundred at most.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn tenants_with_key_notices(&self, at: OffsetDateTime) -> Result<Vec<TenantId>, StorageError> {
        let rows = sqlx::query_scalar!(r#"select tenant_id as "tenant_id!" from resolve_key_notices($1, 100)"#, at)
            .fetch_all(&mut *self.reading().await?)
            .await?;
        Ok(rows.into_iter().map(TenantId::from_uuid).collect())
    }
}

impl TenantTx {
    /// Claims a notice that is due at that moment: locks its key until the transaction ends, and passes over
    /// those that others have claimed. None when none is left.
    ///
    /// # Errors
    ///
    /// [`StorageError::Corrupt`] when a row cannot be read, else as [every call](crate#errors).
    pub async fn claim_expiry_notice(&mut self, at: OffsetDateTime) -> Result<Option<ExpiryNotice>, StorageError> {
        let row = sqlx::query!(
            r#"
            select api_key_id, name, expires_at as "expires_at!"
            from api_keys
            where tenant_id = $1 and notice_at <= $2 and expires_at is not null
            order by notice_at
            limit 1
            for no key update skip locked
            "#,
            self.tenant.uuid(),
            at
        )
        .fetch_optional(&mut *self.tx)
        .await?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(ExpiryNotice {
            id: ApiKeyId::from_uuid(row.api_key_id),
            name: row.name.parse().map_err(|error| StorageError::corrupt("api_keys.name", error))?,
            expires_at: row.expires_at,
        }))
    }

    /// When the next notice of a claimed key is due; none: never again.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn schedule_expiry_notice(
        &mut self,
        id: ApiKeyId,
        next: Option<OffsetDateTime>,
    ) -> Result<(), StorageError> {
        sqlx::query!(
            "update api_keys set notice_at = $3 where tenant_id = $1 and api_key_id = $2",
            self.tenant.uuid(),
            id.uuid(),
            next
        )
        .execute(&mut *self.tx)
        .await?;
        Ok(())
    }

    /// Claims an old secret at which it is due to look at that moment, like
    /// [`claim_expiry_notice`](Self::claim_expiry_notice).
    ///
    /// # Errors
    ///
    /// [`StorageError::Corrupt`] when a row cannot be read, else as [every call](crate#errors).
    pub async fn claim_old_secret_notice(
        &mut self,
        at: OffsetDateTime,
    ) -> Result<Option<OldSecretNotice>, StorageError> {
        let row = sqlx::query!(
            r#"
            select
                o.old_secret_id,
                o.prefix,
                o.api_key_id,
                k.name,
                k.revoked_at is not null as "is_revoked!",
                o.rotated_at,
                o.expires_at,
                (
                    select max(u.last_used_at) from api_key_old_secret_uses u
                    where u.tenant_id = o.tenant_id and u.old_secret_id = o.old_secret_id
                ) as last_used_at,
                (
                    select coalesce(sum(u.uses), 0)::bigint from api_key_old_secret_uses u
                    where u.tenant_id = o.tenant_id and u.old_secret_id = o.old_secret_id
                ) as "uses!"
            from api_key_old_secrets o
            join api_keys k on k.tenant_id = o.tenant_id and k.api_key_id = o.api_key_id
            where o.tenant_id = $1 and o.notice_at <= $2
            order by o.notice_at
            limit 1
            for no key update of o skip locked
            "#,
            self.tenant.uuid(),
            at
        )
        .fetch_optional(&mut *self.tx)
        .await?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(OldSecretNotice {
            id: OldSecretId::from_uuid(row.old_secret_id),
            prefix: row.prefix,
            api_key: ApiKeyId::from_uuid(row.api_key_id),
            name: row.name.parse().map_err(|error| StorageError::corrupt("api_keys.name", error))?,
            is_revoked: row.is_revoked,
            rotated_at: row.rotated_at,
            expires_at: row.expires_at,
            last_used_at: row.last_used_at,
            uses: row.uses.cast_unsigned(),
        }))
    }

    /// When it is due to look at a claimed old secret again; none: it is deleted, and its uses with it.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn schedule_old_secret_notice(
        &mut self,
        id: OldSecretId,
        next: Option<OffsetDateTime>,
    ) -> Result<(), StorageError> {
        let (tenant, id) = (self.tenant.uuid(), id.uuid());
        match next {
            Some(next) => {
                sqlx::query!(
                    "update api_key_old_secrets set notice_at = $3 where tenant_id = $1 and old_secret_id = $2",
                    tenant,
                    id,
                    next
                )
                .execute(&mut *self.tx)
                .await?
            }
            None => {
                sqlx::query!("delete from api_key_old_secrets where tenant_id = $1 and old_secret_id = $2", tenant, id)
                    .execute(&mut *self.tx)
                    .await?
            }
        };
        Ok(())
    }
}
