//! The rotation of API keys: the secrets that were replaced, and who still uses them.

use std::net::IpAddr;

use portico_domain::{ApiKey, ApiKeyId, OldSecret, OldSecretId, OldSecretUse};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::db::TenantTx;
use crate::error::StorageError;
use crate::page::{Page, PageRows};

/// A key's new secret, and what becomes of the present one.
#[derive(Debug)]
pub struct ApiKeyRotation {
    /// SHA-256 of the new secret.
    pub secret_hash: [u8; 32],
    /// The beginning of the new secret, by which people recognise it.
    pub prefix: String,
    /// The moment of the rotation.
    pub at: OffsetDateTime,
    /// From when on the present secret is refused, and when to look whether it is still used; none: it is
    /// refused at once, and every earlier one with it.
    pub overlap: Option<(OffsetDateTime, OffsetDateTime)>,
}

/// What a secret is to its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretStatus {
    /// The secret that the key has now.
    Present,
    /// A secret that a rotation replaced.
    Old {
        /// The id that the rotation gave it.
        id: OldSecretId,
        /// From when on it is refused.
        expires_at: OffsetDateTime,
    },
}

/// Uses of an old secret from one address for one operation, to be recorded.
#[derive(Debug, Clone)]
pub struct OldSecretUses {
    /// The old secret that was presented.
    pub id: OldSecretId,
    /// The caller's address; none where it is not known.
    pub address: Option<IpAddr>,
    /// The catalogue's operation of a compatible call, or method and path template of Portico's own API.
    pub operation: String,
    /// How many uses there were.
    pub uses: u64,
    /// When the first of them was.
    pub first_at: OffsetDateTime,
    /// When the last of them was.
    pub last_at: OffsetDateTime,
}

impl TenantTx {
    /// Gives a key another secret; false when there is no such key or it is revoked.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn rotate_api_key(&mut self, id: ApiKeyId, rotation: &ApiKeyRotation) -> Result<bool, StorageError> {
        if let Some((expires_at, notice_at)) = rotation.overlap {
            sqlx::query!(
                r#"
                insert into api_key_old_secrets
                    (tenant_id, old_secret_id, api_key_id, secret_hash, prefix, created_at, rotated_at, expires_at, notice_at)
                select tenant_id, $3, api_key_id, secret_hash, prefix, secret_created_at, $4, $5, $6
                from api_keys
                where tenant_id = $1 and api_key_id = $2 and revoked_at is null
                "#,
                self.tenant.uuid(),
                id.uuid(),
                OldSecretId::generate().uuid(),
                rotation.at,
                expires_at,
                notice_at
            )
            .execute(&mut *self.tx)
            .await?;
        } else {
            sqlx::query!(
                r#"
                update api_key_old_secrets set expires_at = $3
                where tenant_id = $1 and api_key_id = $2 and expires_at > $3
                "#,
                self.tenant.uuid(),
                id.uuid(),
                rotation.at
            )
            .execute(&mut *self.tx)
            .await?;
        }
        let done = sqlx::query!(
            r#"
            update api_keys set
                secret_hash = $3,
                prefix = $4,
                secret_created_at = $5,
                rotated_at = $5,
                -- What the present secret minted must not outlive it. With an overlap both go on.
                tokens_not_before = case when $6 then tokens_not_before else greatest(tokens_not_before, $5) end,
                updated_at = now()
            where tenant_id = $1 and api_key_id = $2 and revoked_at is null
            "#,
            self.tenant.uuid(),
            id.uuid(),
            &rotation.secret_hash[..],
            rotation.prefix,
            rotation.at,
            rotation.overlap.is_some()
        )
        .execute(&mut *self.tx)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// What the secret with that hash is to the key; none when it never was the key's, or is forgotten. An
    /// old one may have expired.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn secret_status(&mut self, id: ApiKeyId, hash: &[u8; 32]) -> Result<Option<SecretStatus>, StorageError> {
        let row = sqlx::query!(
            r#"
            select null::uuid as old_secret_id, null::timestamptz as expires_at
            from api_keys
            where tenant_id = $1 and api_key_id = $2 and secret_hash = $3
            union all
            select old_secret_id, expires_at
            from api_key_old_secrets
            where tenant_id = $1 and api_key_id = $2 and secret_hash = $3
            "#,
            self.tenant.uuid(),
            id.uuid(),
            &hash[..]
        )
        .fetch_optional(&mut *self.tx)
        .await?;
        Ok(row.map(|row| match (row.old_secret_id, row.expires_at) {
            (Some(id), Some(expires_at)) => SecretStatus::Old { id: OldSecretId::from_uuid(id), expires_at },
            _ => SecretStatus::Present,
        }))
    }

    /// Fills in the old secrets of these keys that are not forgotten yet, newest first.
    pub(crate) async fn add_old_secrets(&mut self, keys: &mut [ApiKey]) -> Result<(), StorageError> {
        let ids: Vec<Uuid> = keys.iter().map(|key| key.id.uuid()).collect();
        let rows = sqlx::query!(
            r#"
            select
                o.api_key_id,
                o.old_secret_id,
                o.prefix,
                o.created_at,
                o.rotated_at,
                o.expires_at,
                max(u.last_used_at) as last_used_at,
                coalesce(sum(u.uses), 0)::bigint as "uses!"
            from api_key_old_secrets o
            left join api_key_old_secret_uses u on u.tenant_id = o.tenant_id and u.old_secret_id = o.old_secret_id
            where o.tenant_id = $1 and o.api_key_id = any($2)
            group by o.tenant_id, o.old_secret_id
            order by o.old_secret_id desc
            "#,
            self.tenant.uuid(),
            &ids
        )
        .fetch_all(&mut *self.tx)
        .await?;
        for row in rows {
            if let Some(key) = keys.iter_mut().find(|key| key.id.uuid() == row.api_key_id) {
                key.old_secrets.push(OldSecret {
                    id: OldSecretId::from_uuid(row.old_secret_id),
                    prefix: row.prefix,
                    created_at: row.created_at,
                    rotated_at: row.rotated_at,
                    expires_at: row.expires_at,
                    last_used_at: row.last_used_at,
                    uses: row.uses.cast_unsigned(),
                });
            }
        }
        Ok(())
    }

    /// Adds uses of old secrets; those of secrets that are gone are passed over. Of each secret the first
    /// hundred pairs of address and operation are told apart, and the rest is counted together. Two replicas
    /// that write at once may tell some more apart.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn record_old_secret_uses(&mut self, all: &[OldSecretUses]) -> Result<(), StorageError> {
        let ids: Vec<Uuid> = all.iter().map(|used| used.id.uuid()).collect();
        let addresses: Vec<String> = all.iter().map(|used| address(used.address)).collect();
        let operations: Vec<String> = all.iter().map(|used| used.operation.clone()).collect();
        let uses: Vec<i64> = all.iter().map(|used| used.uses.cast_signed()).collect();
        let first: Vec<OffsetDateTime> = all.iter().map(|used| used.first_at).collect();
        let last: Vec<OffsetDateTime> = all.iter().map(|used| used.last_at).collect();
        let use_ids: Vec<Uuid> = all.iter().map(|_| Uuid::now_v7()).collect();
        sqlx::query!(
            r#"
            with given as (
                select
                    u.*,
                    exists (
                        select 1 from api_key_old_secret_uses k
                        where k.tenant_id = $1 and k.old_secret_id = u.id and k.address = u.address and k.operation = u.operation
                    ) as is_known,
                    (select count(*) from api_key_old_secret_uses k where k.tenant_id = $1 and k.old_secret_id = u.id)
                        + row_number() over (partition by u.id order by u.use_id) as place
                from unnest($2::uuid[], $3::text[], $4::text[], $5::bigint[], $6::timestamptz[], $7::timestamptz[], $8::uuid[])
                    as u (id, address, operation, uses, first_at, last_at, use_id)
                join api_key_old_secrets o on o.tenant_id = $1 and o.old_secret_id = u.id
            ),
            placed as (
                select
                    id,
                    case when is_known or place <= 100 then address else '' end as address,
                    case when is_known or place <= 100 then operation else '' end as operation,
                    uses,
                    first_at,
                    last_at,
                    use_id
                from given
            )
            insert into api_key_old_secret_uses
                (tenant_id, old_secret_id, address, operation, use_id, uses, first_used_at, last_used_at)
            select $1, id, address, operation, min(use_id::text)::uuid, sum(uses)::bigint, min(first_at), max(last_at)
            from placed
            group by id, address, operation
            order by id, address, operation
            on conflict (tenant_id, old_secret_id, address, operation) do update set
                uses = api_key_old_secret_uses.uses + excluded.uses,
                last_used_at = greatest(api_key_old_secret_uses.last_used_at, excluded.last_used_at)
            "#,
            self.tenant.uuid(),
            &ids,
            &addresses,
            &operations,
            &uses,
            &first,
            &last,
            &use_ids
        )
        .execute(&mut *self.tx)
        .await?;
        Ok(())
    }

    /// A page of who still uses the old secrets of a key, in the order in which they were first seen. The
    /// cursor is the id of a use.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn old_secret_uses(
        &mut self,
        key: ApiKeyId,
        page: Page<Uuid>,
    ) -> Result<PageRows<(Uuid, OldSecretUse)>, StorageError> {
        let rows = sqlx::query!(
            r#"
            select
                u.use_id,
                o.old_secret_id,
                o.prefix,
                u.address,
                u.operation,
                u.first_used_at,
                u.last_used_at,
                u.uses
            from api_key_old_secret_uses u
            join api_key_old_secrets o on o.tenant_id = u.tenant_id and o.old_secret_id = u.old_secret_id
            where u.tenant_id = $1 and o.api_key_id = $2 and ($3::uuid is null or u.use_id > $3)
            order by u.use_id
            limit $4
            "#,
            self.tenant.uuid(),
            key.uuid(),
            page.after,
            page.fetch()
        )
        .fetch_all(&mut *self.tx)
        .await?;
        let uses = rows.into_iter().map(|row| {
            let used = OldSecretUse {
                old_secret_id: OldSecretId::from_uuid(row.old_secret_id),
                prefix: row.prefix,
                address: some(row.address),
                operation: some(row.operation),
                first_used_at: row.first_used_at,
                last_used_at: row.last_used_at,
                uses: row.uses.cast_unsigned(),
            };
            (row.use_id, used)
        });
        Ok(page.cut(uses.collect()))
    }
}

fn address(address: Option<IpAddr>) -> String {
    address.map(|address| address.to_canonical().to_string()).unwrap_or_default()
}

fn some(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}
