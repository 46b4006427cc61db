//! The keys that sign tokens. They are the operator's: only its transactions see them.

use portico_domain::SigningKeyId;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::db::TenantTx;
use crate::error::StorageError;

/// A key that signs tokens, as it is kept.
#[derive(Debug, Clone)]
pub struct StoredSigningKey {
    /// The id: the `kid` of the tokens that it signs.
    pub id: SigningKeyId,
    /// The public key, 32 bytes (Ed25519): a claim until the private one is opened.
    pub public_key: Vec<u8>,
    /// The private key's seed, sealed under the master keys.
    pub private_key: Vec<u8>,
    /// From when on it signs.
    pub active_from: OffsetDateTime,
    /// From when on what it signed is refused; none while no other key is to follow it.
    pub retires_at: Option<OffsetDateTime>,
    /// When it was made.
    pub created_at: OffsetDateTime,
}

#[derive(Debug)]
struct SigningKeyRow {
    signing_key_id: Uuid,
    public_key: Vec<u8>,
    private_key: Vec<u8>,
    active_from: OffsetDateTime,
    retires_at: Option<OffsetDateTime>,
    created_at: OffsetDateTime,
}

impl From<SigningKeyRow> for StoredSigningKey {
    fn from(row: SigningKeyRow) -> Self {
        Self {
            id: SigningKeyId::from_uuid(row.signing_key_id),
            public_key: row.public_key,
            private_key: row.private_key,
            active_from: row.active_from,
            retires_at: row.retires_at,
            created_at: row.created_at,
        }
    }
}

/// The advisory lock of whoever makes or deletes keys: any fixed number that nothing else locks.
const SIGNING_KEYS_LOCK: i64 = 0x7369_676e_6b65_7973;

impl TenantTx {
    /// Lets one replica at a time make and delete keys: locked until the transaction ends.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn lock_signing_keys(&mut self) -> Result<(), StorageError> {
        sqlx::query!("select pg_advisory_xact_lock($1)", SIGNING_KEYS_LOCK).fetch_one(&mut *self.tx).await?;
        Ok(())
    }

    /// The time by the database's clock, which is one for all replicas.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn database_time(&mut self) -> Result<OffsetDateTime, StorageError> {
        Ok(sqlx::query_scalar!(r#"select clock_timestamp() as "now!""#).fetch_one(&mut *self.tx).await?)
    }

    /// Every key, oldest first.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn signing_keys(&mut self) -> Result<Vec<StoredSigningKey>, StorageError> {
        let rows = sqlx::query_as!(
            SigningKeyRow,
            r#"
            select
                signing_key_id,
                public_key,
                private_key,
                active_from,
                retires_at,
                created_at
            from signing_keys
            order by signing_key_id
            "#
        )
        .fetch_all(&mut *self.tx)
        .await?;
        Ok(rows.into_iter().map(StoredSigningKey::from).collect())
    }

    /// Stores a key, and lets the keys before it retire at that moment unless they already do.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn insert_signing_key(
        &mut self,
        new: &StoredSigningKey,
        others_retire_at: OffsetDateTime,
    ) -> Result<(), StorageError> {
        sqlx::query!("update signing_keys set retires_at = $1 where retires_at is null", others_retire_at)
            .execute(&mut *self.tx)
            .await?;
        sqlx::query!(
            r#"
            insert into signing_keys
                (signing_key_id, public_key, private_key, active_from, retires_at, created_at)
            values ($1, $2, $3, $4, $5, $6)
            "#,
            new.id.uuid(),
            new.public_key,
            new.private_key,
            new.active_from,
            new.retires_at,
            new.created_at
        )
        .execute(&mut *self.tx)
        .await?;
        Ok(())
    }

    /// Lets every key retire at that moment that would not retire before.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn retire_signing_keys(&mut self, at: OffsetDateTime) -> Result<(), StorageError> {
        sqlx::query!("update signing_keys set retires_at = $1 where retires_at is null or retires_at > $1", at)
            .execute(&mut *self.tx)
            .await?;
        Ok(())
    }

    /// Deletes the keys that retired before that moment, and gives their ids.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn purge_signing_keys(&mut self, before: OffsetDateTime) -> Result<Vec<SigningKeyId>, StorageError> {
        let ids =
            sqlx::query_scalar!("delete from signing_keys where retires_at < $1 returning signing_key_id", before)
                .fetch_all(&mut *self.tx)
                .await?;
        Ok(ids.into_iter().map(SigningKeyId::from_uuid).collect())
    }
}

#[cfg(test)]
mod tests {
    use portico_domain::TenantId;
    use sqlx::postgres::PgPoolOptions;
    use sqlx::{Executor as _, PgPool};

    use super::*;
    use crate::{Change, Db, migrate};

    /// The database as the service sees it.
    async fn service(owner: &PgPool) -> Db {
        let pool = PgPoolOptions::new()
            .max_connections(4)
            .after_connect(|connection, _| {
                Box::pin(async move { connection.execute("set role portico_service").await.map(|_| ()) })
            })
            .connect_with((*owner.connect_options()).clone())
            .await
            .expect("the service's role can be taken");
        Db::of(pool)
    }

    fn key(active_from: OffsetDateTime) -> StoredSigningKey {
        StoredSigningKey {
            id: SigningKeyId::generate(),
            public_key: vec![1; 32],
            private_key: vec![2; 60],
            active_from,
            retires_at: None,
            created_at: active_from,
        }
    }

    #[sqlx::test(migrator = "migrate::MIGRATOR")]
    async fn a_new_key_lets_the_one_before_it_retire_and_is_told_to_every_replica(owner: PgPool) {
        let db = service(&owner).await;
        let mut changes = db.changes(&crate::HeartbeatChannel::random()).await.expect("listens");
        let mut tx = db.begin_for(TenantId::OPERATOR).await.expect("begins");
        let now = tx.database_time().await.expect("has a clock");
        let (first, second) = (key(now), key(now + time::Duration::MINUTE));
        let end = now + time::Duration::HOUR;
        tx.insert_signing_key(&first, end).await.expect("inserts");
        tx.insert_signing_key(&second, end).await.expect("inserts");
        tx.commit().await.expect("commits");
        assert_eq!(changes.next().await.expect("receives"), Change::Tenant(TenantId::OPERATOR));

        let mut tx = db.begin_for(TenantId::OPERATOR).await.expect("begins");
        let keys = tx.signing_keys().await.expect("reads");
        let ends: Vec<_> = keys.iter().map(|key| (key.id, key.retires_at.is_some())).collect();
        assert_eq!(ends, [(first.id, true), (second.id, false)]);
        assert_eq!(tx.purge_signing_keys(end - time::Duration::SECOND).await.expect("purges"), []);
        assert_eq!(tx.purge_signing_keys(end + time::Duration::SECOND).await.expect("purges"), [first.id]);
    }

    #[sqlx::test(migrator = "migrate::MIGRATOR")]
    async fn a_tenants_transaction_neither_sees_nor_makes_keys(owner: PgPool) {
        let db = service(&owner).await;
        let mut tx = db.begin_for(TenantId::OPERATOR).await.expect("begins");
        let now = tx.database_time().await.expect("has a clock");
        tx.insert_signing_key(&key(now), now).await.expect("inserts");
        tx.commit().await.expect("commits");

        let mut tx = db.begin_for(TenantId::generate()).await.expect("begins");
        assert!(tx.signing_keys().await.expect("reads").is_empty());
        assert!(tx.purge_signing_keys(now + time::Duration::DAY).await.expect("purges").is_empty());
        assert!(tx.insert_signing_key(&key(now), now).await.is_err(), "row-level security lets it through");
        drop(tx);
        let without = sqlx::query("select 1 from signing_keys").fetch_all(&db.pool).await.expect("reads");
        assert!(without.is_empty(), "seen without any tenant");
    }
}
