//! Which replicas run, and which master keys each of them can use.

use std::time::Duration;

use portico_domain::ReplicaId;

use crate::data_key_rotation::seconds;
use crate::db::Db;
use crate::error::StorageError;

/// A replica that announced itself lately.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveReplica {
    /// Which.
    pub id: ReplicaId,
    /// What it sealed, one value under each master key that it can use.
    pub proofs: Vec<Vec<u8>>,
    /// How long ago it announced itself, in whole seconds.
    pub seen_ago: Duration,
}

impl Db {
    /// Notes that a replica runs, and what it sealed under its master keys.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn announce_replica(&self, id: ReplicaId, proofs: &[Vec<u8>]) -> Result<(), StorageError> {
        let mut tx = self.writing().await?;
        sqlx::query!(
            r#"
            insert into replicas (replica_id, proofs) values ($1, $2)
            on conflict (replica_id) do update set proofs = excluded.proofs, seen_at = now()
            "#,
            id.uuid(),
            proofs
        )
        .execute(&mut *tx)
        .await?;
        sqlx::query!("delete from replicas where seen_at < now() - interval '1 hour'").execute(&mut *tx).await?;
        Ok(tx.commit().await?)
    }

    /// Notes that a replica runs no longer.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn withdraw_replica(&self, id: ReplicaId) -> Result<(), StorageError> {
        let mut tx = self.writing().await?;
        sqlx::query!("delete from replicas where replica_id = $1", id.uuid()).execute(&mut *tx).await?;
        Ok(tx.commit().await?)
    }

    /// The replicas that announced themselves within that time, in order of id.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn live_replicas(&self, within: Duration) -> Result<Vec<LiveReplica>, StorageError> {
        let rows = sqlx::query!(
            r#"
            select
                replica_id,
                proofs,
                extract(epoch from now() - seen_at)::bigint as "seen_ago!"
            from replicas
            where seen_at > now() - make_interval(secs => $1)
            order by replica_id
            "#,
            within.as_secs_f64()
        )
        .fetch_all(&mut *self.reading().await?)
        .await?;
        let live = |id, proofs, ago| LiveReplica { id: ReplicaId::from_uuid(id), proofs, seen_ago: seconds(ago) };
        Ok(rows.into_iter().map(|row| live(row.replica_id, row.proofs, row.seen_ago)).collect())
    }
}
