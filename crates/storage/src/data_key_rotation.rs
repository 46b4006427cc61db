//! The data keys of all tenants, for `vault status` and `vault rotate`: which master key wraps them, and
//! which are due for a new version.

use std::time::Duration;

use portico_domain::TenantId;
use portico_vault::{DataKeyVersion, MasterKeyId, WrappedKey};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::db::Db;
use crate::error::StorageError;

/// A data key that is not wrapped by the master key that seals now, but by an older one.
#[derive(Debug, Clone)]
pub struct StaleDataKey {
    /// The tenant whose data key it is.
    pub tenant: TenantId,
    /// Which of the tenant's data keys.
    pub version: DataKeyVersion,
    /// The key as the older master key wrapped it.
    pub wrapped: Vec<u8>,
}

/// Counts of data keys over all tenants. `ages`, `seals` and `most_seals` are those of the newest key of
/// every tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DataKeyFigures {
    /// Tenants that have a data key.
    pub tenants: u64,
    /// Data keys of all versions.
    pub versions: u64,
    /// How many are younger than 30, 60 and 90 days, and how many are older.
    pub ages: [u64; 4],
    /// How many have sealed fewer than 2¹⁶, 2²⁰ and 2²⁴ values, and how many more.
    pub seals: [u64; 4],
    /// The most values that one of them has sealed.
    pub most_seals: u64,
    /// Tenants that have older data keys besides.
    pub with_old_versions: u64,
}

/// A roll: every tenant's data key is replaced by a new version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Roll {
    /// The id, a UUID of version 7.
    pub id: Uuid,
    /// When it began: data keys that were made since need not be replaced.
    pub started_at: OffsetDateTime,
    /// When it was done; none while it is not.
    pub finished_at: Option<OffsetDateTime>,
}

impl Db {
    /// How many data keys each master key wraps.
    ///
    /// # Errors
    ///
    /// [`StorageError::Corrupt`] when a row cannot be read, else as [every call](crate#errors).
    pub async fn data_keys_by_master_key(&self) -> Result<Vec<(MasterKeyId, u64)>, StorageError> {
        let rows =
            sqlx::query!(r#"select master_key as "master_key!", data_keys as "data_keys!" from resolve_master_keys()"#)
                .fetch_all(&mut *self.reading().await?)
                .await?;
        let read = |master_key: &str, data_keys: i64| {
            let id = master_key.parse().map_err(|error| StorageError::corrupt("data_keys.master_key", error))?;
            Ok((id, data_keys.cast_unsigned()))
        };
        rows.iter().map(|row| read(&row.master_key, row.data_keys)).collect()
    }

    /// The next data keys that another master key than `sealing` wraps, at most `most`, in order of tenant
    /// and version; `after` is the last one of the page before.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn stale_data_keys(
        &self,
        sealing: &MasterKeyId,
        after: Option<(TenantId, DataKeyVersion)>,
        most: u16,
    ) -> Result<Vec<StaleDataKey>, StorageError> {
        let rows = sqlx::query!(
            r#"
            select tenant_id as "tenant_id!", version as "version!", wrapped as "wrapped!"
            from resolve_strays($1, $2, $3, $4)
            "#,
            sealing.as_str(),
            after.map(|(tenant, _)| tenant.uuid()),
            after.map(|(_, version)| version.0.cast_signed()),
            i32::from(most)
        )
        .fetch_all(&mut *self.reading().await?)
        .await?;
        let stale = |tenant_id, version: i32, wrapped| StaleDataKey {
            tenant: TenantId::from_uuid(tenant_id),
            version: DataKeyVersion(version.cast_unsigned()),
            wrapped,
        };
        Ok(rows.into_iter().map(|row| stale(row.tenant_id, row.version, row.wrapped)).collect())
    }

    /// Stores newly wrapped keys in place of these stale ones, all at once, and gives how many were replaced.
    /// Those that somebody else re-wrapped or deleted meanwhile are passed over.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors); then nothing was written.
    pub async fn rewrap(&self, keys: &[(StaleDataKey, WrappedKey)]) -> Result<u64, StorageError> {
        let Some((first, _)) = keys.first() else { return Ok(0) };
        let mut tx = self.begin_for(first.tenant).await?.tx;
        let mut written = 0;
        for (stale, wrapped) in keys {
            sqlx::query!("select set_config('portico.tenant_id', $1, true)", stale.tenant.uuid().to_string())
                .fetch_one(&mut *tx)
                .await?;
            written += sqlx::query!(
                r#"
                update data_keys set master_key = $4, wrapped = $5
                where tenant_id = $1 and version = $2 and wrapped = $3
                "#,
                stale.tenant.uuid(),
                stale.version.0.cast_signed(),
                stale.wrapped,
                wrapped.master_key.as_str(),
                wrapped.bytes
            )
            .execute(&mut *tx)
            .await?
            .rows_affected();
        }
        tx.commit().await?;
        Ok(written)
    }

    /// Counts of data keys by age and use.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn data_key_figures(&self) -> Result<DataKeyFigures, StorageError> {
        let row = sqlx::query!(
            r#"
            select
                tenants as "tenants!",
                versions as "versions!",
                under_30_days as "under_30_days!",
                under_60_days as "under_60_days!",
                under_90_days as "under_90_days!",
                older as "older!",
                under_2_16 as "under_2_16!",
                under_2_20 as "under_2_20!",
                under_2_24 as "under_2_24!",
                more as "more!",
                most_seals as "most_seals!",
                with_old_versions as "with_old_versions!"
            from resolve_data_key_figures()
            "#
        )
        .fetch_one(&mut *self.reading().await?)
        .await?;
        Ok(DataKeyFigures {
            tenants: row.tenants.cast_unsigned(),
            versions: row.versions.cast_unsigned(),
            ages: [row.under_30_days, row.under_60_days, row.under_90_days, row.older].map(i64::cast_unsigned),
            seals: [row.under_2_16, row.under_2_20, row.under_2_24, row.more].map(i64::cast_unsigned),
            most_seals: row.most_seals.cast_unsigned(),
            with_old_versions: row.with_old_versions.cast_unsigned(),
        })
    }

    /// The next tenants whose newest data key was made before that moment, at most `most`, in order of id;
    /// `after` is the last one of the page before.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn tenants_to_roll(
        &self,
        before: OffsetDateTime,
        after: Option<TenantId>,
        most: u16,
    ) -> Result<Vec<TenantId>, StorageError> {
        let ids = sqlx::query_scalar!(
            r#"select id as "id!" from resolve_tenants_to_roll($1, $2, $3) as id"#,
            before,
            after.map(TenantId::uuid),
            i32::from(most)
        )
        .fetch_all(&mut *self.reading().await?)
        .await?;
        Ok(ids.into_iter().map(TenantId::from_uuid).collect())
    }

    /// The next tenants that have more than one data key, at most `most`, in order of id; `after` is the last
    /// one of the page before.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn tenants_with_old_data_keys(
        &self,
        after: Option<TenantId>,
        most: u16,
    ) -> Result<Vec<TenantId>, StorageError> {
        let ids = sqlx::query_scalar!(
            r#"select id as "id!" from resolve_tenants_with_old_data_keys($1, $2) as id"#,
            after.map(TenantId::uuid),
            i32::from(most)
        )
        .fetch_all(&mut *self.reading().await?)
        .await?;
        Ok(ids.into_iter().map(TenantId::from_uuid).collect())
    }

    /// The roll that is not done yet, or a new one.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn begin_roll(&self) -> Result<Roll, StorageError> {
        let mut tx = self.writing().await?;
        sqlx::query!("insert into data_key_rolls (roll_id) values ($1) on conflict do nothing", Uuid::now_v7())
            .execute(&mut *tx)
            .await?;
        let roll = sqlx::query_as!(
            Roll,
            "select roll_id as id, started_at, finished_at from data_key_rolls where finished_at is null"
        )
        .fetch_one(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(roll)
    }

    /// Marks a roll as done.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn finish_roll(&self, roll: Uuid) -> Result<(), StorageError> {
        let mut tx = self.writing().await?;
        sqlx::query!("update data_key_rolls set finished_at = now() where roll_id = $1 and finished_at is null", roll)
            .execute(&mut *tx)
            .await?;
        Ok(tx.commit().await?)
    }

    /// The roll that began last, whether done or not.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn last_roll(&self) -> Result<Option<Roll>, StorageError> {
        Ok(sqlx::query_as!(
            Roll,
            "select roll_id as id, started_at, finished_at from data_key_rolls order by started_at desc limit 1"
        )
        .fetch_optional(&mut *self.reading().await?)
        .await?)
    }
}

/// A number of seconds as Postgres gave it; a negative one counts as none.
pub(crate) fn seconds(seconds: i64) -> Duration {
    Duration::from_secs(u64::try_from(seconds).unwrap_or(0))
}

#[cfg(test)]
mod tests;
