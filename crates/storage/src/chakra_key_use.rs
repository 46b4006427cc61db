//! Who opened and used a tenant's Chakra keys.

use portico_domain::{ChakraKeyId, ChakraKeyUse, KeyCaller, KeyUseCursor};
use time::{Date, OffsetDateTime};

use crate::db::TenantTx;
use crate::error::StorageError;
use crate::page::{Page, PageRows};

/// What one caller did with one Chakra key on one day, to be added to what is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewKeyUse {
    /// The key that was used.
    pub key: ChakraKeyId,
    /// The day, in UTC.
    pub day: Date,
    /// On whose behalf it was used.
    pub caller: KeyCaller,
    /// How often the key was taken out of the vault.
    pub openings: u64,
    /// How many calls to Chakra were made with it.
    pub calls: u64,
    /// When the last opening or call was.
    pub last_at: OffsetDateTime,
}

impl TenantTx {
    /// Adds uses to what is recorded. `all` must hold one entry at most for each key, day and caller.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn add_chakra_key_uses(&mut self, all: &[NewKeyUse]) -> Result<(), StorageError> {
        // In one order on every replica, so that two do not wait for each other.
        let mut all = all.to_vec();
        all.sort_unstable_by_key(|one| (one.key.uuid(), one.day, one.caller.kind(), one.caller.uuid()));
        macro_rules! column {
            ($one:ident => $value:expr) => {
                &all.iter().map(|$one| $value).collect::<Vec<_>>()
            };
        }
        sqlx::query!(
            r#"
            insert into chakra_key_uses
                (tenant_id, chakra_key_id, day, caller_kind, caller_id, openings, calls, last_at)
            select $1, u.*
            from unnest($2::uuid[], $3::date[], $4::text[], $5::uuid[], $6::bigint[], $7::bigint[], $8::timestamptz[]) as u
            on conflict (tenant_id, chakra_key_id, day, caller_kind, caller_id) do update set
                openings = chakra_key_uses.openings + excluded.openings,
                calls = chakra_key_uses.calls + excluded.calls,
                last_at = greatest(chakra_key_uses.last_at, excluded.last_at)
            "#,
            self.tenant.uuid(),
            column!(one => one.key.uuid()),
            column!(one => one.day),
            column!(one => one.caller.kind().to_owned()),
            column!(one => one.caller.uuid()),
            column!(one => one.openings.cast_signed()),
            column!(one => one.calls.cast_signed()),
            column!(one => one.last_at)
        )
        .execute(&mut *self.tx)
        .await?;
        Ok(())
    }

    /// Whether a call was made with the key in the last 24 hours. What replicas counted in the last moments may be
    /// missing.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn is_chakra_key_in_use(&mut self, key: ChakraKeyId) -> Result<bool, StorageError> {
        Ok(sqlx::query_scalar!(
            r#"
            select exists (
                select 1 from chakra_key_uses
                where tenant_id = $1 and chakra_key_id = $2 and calls > 0 and last_at > now() - interval '1 day'
            ) as "exists!"
            "#,
            self.tenant.uuid(),
            key.uuid()
        )
        .fetch_one(&mut *self.tx)
        .await?)
    }

    /// A page of a key's uses, the latest days first.
    ///
    /// # Errors
    ///
    /// [`StorageError::Corrupt`] when a row cannot be read, else as [every call](crate#errors).
    pub async fn chakra_key_uses(
        &mut self,
        key: ChakraKeyId,
        page: Page<KeyUseCursor>,
    ) -> Result<PageRows<ChakraKeyUse>, StorageError> {
        let rows = sqlx::query!(
            r#"
            select
                day,
                caller_kind,
                caller_id,
                openings,
                calls,
                last_at
            from chakra_key_uses
            where tenant_id = $1 and chakra_key_id = $2
                and ($3::date is null or day < $3 or day = $3 and (caller_kind, caller_id) > ($4, $5))
            order by day desc, caller_kind, caller_id
            limit $6
            "#,
            self.tenant.uuid(),
            key.uuid(),
            page.after.map(|cursor| cursor.day),
            page.after.map(|cursor| cursor.caller.kind()),
            page.after.map(|cursor| cursor.caller.uuid()),
            page.fetch()
        )
        .fetch_all(&mut *self.tx)
        .await?;
        let read = |kind: &str, id| {
            KeyCaller::of(kind, id).ok_or_else(|| StorageError::corrupt("chakra_key_uses.caller_kind", kind))
        };
        let mut uses = Vec::with_capacity(rows.len());
        for row in rows {
            let cursor = KeyUseCursor { day: row.day, caller: read(&row.caller_kind, row.caller_id)? };
            let (openings, calls) = (row.openings.cast_unsigned(), row.calls.cast_unsigned());
            uses.push(ChakraKeyUse::new(cursor, openings, calls, row.last_at));
        }
        Ok(page.cut(uses))
    }
}
