//! Word from Postgres that something of a tenant changed, on whatever replica, and the beats by which a
//! replica knows that such word still reaches it.
//!
//! A beat is a notification that a replica sends to itself. Postgres delivers notifications to a
//! session in the order in which their transactions committed, whatever their channels, because they
//! pass through one queue whose tail only one committing transaction holds at a time. So whoever hears
//! its own beat has heard before it all that was committed before the beat was sent. Silence says the
//! opposite, also where no error shows: a connection that some router forgot, or one that ends at a
//! pooler which takes `LISTEN` and passes nothing on.
//!
//! Beats go over another connection than the one that listens. On the same one a pooler that nobody
//! recognised might hand a beat back within its own transaction and still lose the word of everybody
//! else. Behind one, ask [`Db::can_listen`]. That a way apart for listening leads to the same database is
//! proved likewise: beats take the way that changes take. Both connections are apart from the pool: while calls wait for the pool, word is not to wait too.
//!
//! What it costs: two connections for each replica, and in each of its beats one transaction that writes
//! no row and waits for no disk. A replica's beats have a channel of its own, so no other is sent them.

use std::time::Duration;

use portico_domain::TenantId;
use sqlx::postgres::{PgConnection, PgListener, PgPoolOptions};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Executor as _};
use uuid::Uuid;

use crate::db::Db;
use crate::error::StorageError;

/// The channel of the schema's triggers.
const CHANGED: &str = "portico_changed";
/// How long it may take until the connection that listens stands.
const CONNECTING: Duration = Duration::from_secs(3);

/// What is heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Something of this tenant changed.
    Tenant(TenantId),
    /// Something changed that cannot be read: it may be anything.
    Anything,
    /// This replica's own beat, with what it carried.
    Beat(u64),
}

/// The channel on which a replica hears its own beats.
#[derive(Debug, Clone)]
pub struct BeatChannel(String);

impl BeatChannel {
    /// One that no other replica has.
    #[must_use]
    pub fn random() -> Self {
        Self(format!("portico_beat_{}", Uuid::new_v4().simple()))
    }
}

/// A connection that listens.
#[derive(Debug)]
pub struct Changes {
    listener: PgListener,
    beats: BeatChannel,
}

/// A connection that sends beats.
#[derive(Debug)]
pub struct Pulse {
    connection: PgConnection,
    beats: BeatChannel,
}

impl Db {
    /// Begins to listen. What was committed before this returns may have passed unheard; everything
    /// after it is heard.
    ///
    /// # Errors
    ///
    /// [`StorageError`] when the database fails, or does not answer within 3 s.
    pub async fn changes(&self, beats: &BeatChannel) -> Result<Changes, StorageError> {
        let options = self.way_to_listen().application_name("portico listens");
        let alone = PgPoolOptions::new()
            .max_connections(1)
            .acquire_timeout(CONNECTING)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_lazy_with(options);
        let mut listener = PgListener::connect_with(&alone).await?;
        // A lost connection must be seen at once, and what passed unheard be made good.
        listener.eager_reconnect(false);
        listener.ignore_pool_close_event(true);
        let both = [CHANGED, beats.0.as_str()];
        let listening = tokio::time::timeout(CONNECTING, listener.listen_all(both)).await;
        listening.map_err(|_| sqlx::Error::PoolTimedOut)??;
        Ok(Changes { listener, beats: beats.clone() })
    }

    /// Connects for sending beats.
    ///
    /// # Errors
    ///
    /// [`StorageError`] when the database fails.
    pub async fn pulse(&self, beats: &BeatChannel) -> Result<Pulse, StorageError> {
        let options = self.pool.connect_options().as_ref().clone().application_name("portico beats");
        let connection = options.disable_statement_logging().connect().await?;
        Ok(Pulse { connection, beats: beats.clone() })
    }
}

impl Changes {
    /// Waits for what is heard next. May be given up at any point without loss.
    ///
    /// # Errors
    ///
    /// [`StorageError`] when the connection is lost: begin anew.
    pub async fn next(&mut self) -> Result<Change, StorageError> {
        let Some(heard) = self.listener.try_recv().await? else {
            return Err(StorageError::Unavailable(sqlx::Error::PoolClosed));
        };
        let change = if heard.channel() == self.beats.0 {
            heard.payload().parse().ok().map(Change::Beat)
        } else {
            heard.payload().parse().ok().map(|tenant| Change::Tenant(TenantId::from_uuid(tenant)))
        };
        Ok(change.unwrap_or(Change::Anything))
    }
}

impl Pulse {
    /// Sends a beat.
    ///
    /// # Errors
    ///
    /// [`StorageError`] when the connection is lost.
    pub async fn beat(&mut self, carried: u64) -> Result<(), StorageError> {
        // Without a prepared statement, which a pooler might look for on another connection.
        let notify = format!("notify {}, '{carried}'", self.beats.0);
        self.connection.execute(AssertSqlSafe(notify)).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use sqlx::PgPool;

    use super::*;

    async fn notify(pool: &PgPool, payload: &str) {
        sqlx::query("select pg_notify('portico_changed', $1)").bind(payload).execute(pool).await.expect("notifies");
    }

    #[sqlx::test(migrations = "../../migrations")]
    async fn a_beat_is_heard_after_all_that_was_committed_before_it_and_by_its_own_replica_alone(pool: PgPool) {
        let db = Db::of(pool.clone());
        let (mine, other) = (BeatChannel::random(), BeatChannel::random());
        let mut changes = db.changes(&mine).await.expect("listens");
        let (mut pulse, mut others) =
            (db.pulse(&mine).await.expect("connects"), db.pulse(&other).await.expect("connects"));
        for number in 0..50 {
            let tenant = TenantId::generate();
            notify(&pool, &tenant.uuid().to_string()).await;
            others.beat(1_000 + number).await.expect("beats");
            pulse.beat(number).await.expect("beats");
            assert_eq!(changes.next().await.expect("hears"), Change::Tenant(tenant));
            assert_eq!(changes.next().await.expect("hears"), Change::Beat(number));
        }
        notify(&pool, "no tenant").await;
        assert_eq!(changes.next().await.expect("hears"), Change::Anything);
    }

    #[sqlx::test(migrations = "../../migrations")]
    async fn a_lost_connection_is_an_error(pool: PgPool) {
        let db = Db::of(pool.clone());
        let mut changes = db.changes(&BeatChannel::random()).await.expect("listens");
        sqlx::query(
            "select pg_terminate_backend(pid) from pg_stat_activity
             where application_name = 'portico listens' and datname = current_database()",
        )
        .execute(&pool)
        .await
        .expect("terminates");
        assert!(changes.next().await.is_err());
    }
}
