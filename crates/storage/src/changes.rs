//! Invalidation: notifications from Postgres that something of a tenant changed, on whatever replica,
//! and the heartbeat by which a replica knows that such notifications still reach it.
//!
//! A heartbeat is a notification that a replica sends to itself. Postgres delivers notifications to a
//! session in the order in which their transactions committed, whatever their channels, because they
//! pass through one queue whose tail only one committing transaction holds at a time. So whoever receives
//! its own heartbeat has received before it all that was committed before the heartbeat was sent. A
//! missing one says the opposite, also where no error shows: a connection that some router forgot, or one
//! that ends at a pooler which takes `LISTEN` and passes nothing on.
//!
//! Heartbeats are sent over another connection than the one that listens. On the same one a pooler that
//! nobody recognised might hand a heartbeat back within its own transaction and still lose everybody
//! else's notifications. Behind a pooler, ask [`Db::can_listen`]. That a separate URL for listening leads
//! to the same database is proved likewise: heartbeats are sent by the URL that writes use. Both
//! connections are outside the pool: while calls wait for the pool, invalidation must not wait too.
//!
//! What it costs: two connections for each replica, and for each heartbeat one transaction that writes
//! no row and waits for no disk. A replica's heartbeats have a channel of its own, so no other is sent
//! them.

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
const LISTEN_TIMEOUT: Duration = Duration::from_secs(3);

/// What a notification says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Something of this tenant changed.
    Tenant(TenantId),
    /// Something changed, but the notification cannot be read: it may be about anything.
    Anything,
    /// This replica's own heartbeat, with the number that [`HeartbeatSender::send`] was given.
    Heartbeat(u64),
}

/// The Postgres channel on which a replica receives its own heartbeats.
#[derive(Debug, Clone)]
pub struct HeartbeatChannel(String);

impl HeartbeatChannel {
    /// A channel that no other replica has.
    #[must_use]
    pub fn random() -> Self {
        Self(format!("portico_heartbeat_{}", Uuid::new_v4().simple()))
    }
}

/// A connection that listens for changes and for the heartbeats of one channel.
#[derive(Debug)]
pub struct Changes {
    listener: PgListener,
    heartbeats: HeartbeatChannel,
}

/// A connection that sends heartbeats to one channel.
#[derive(Debug)]
pub struct HeartbeatSender {
    connection: PgConnection,
    channel: HeartbeatChannel,
}

impl Db {
    /// Begins to listen. What was committed before this returns may have passed unnoticed; everything
    /// after it is received.
    ///
    /// # Errors
    ///
    /// [`StorageError::Unavailable`] when there is no connection within 3 s.
    pub async fn changes(&self, heartbeats: &HeartbeatChannel) -> Result<Changes, StorageError> {
        let options = self.listen_options().application_name("portico listens");
        let alone = PgPoolOptions::new()
            .max_connections(1)
            .acquire_timeout(LISTEN_TIMEOUT)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_lazy_with(options);
        let mut listener = PgListener::connect_with(&alone).await?;
        // A lost connection must be seen at once, and what passed unnoticed be made good.
        listener.eager_reconnect(false);
        listener.ignore_pool_close_event(true);
        let both = [CHANGED, heartbeats.0.as_str()];
        let listening = tokio::time::timeout(LISTEN_TIMEOUT, listener.listen_all(both)).await;
        listening.map_err(|_| sqlx::Error::PoolTimedOut)??;
        Ok(Changes { listener, heartbeats: heartbeats.clone() })
    }

    /// Opens the connection that sends heartbeats to this channel.
    ///
    /// # Errors
    ///
    /// [`StorageError`] when there is no connection.
    pub async fn heartbeat_sender(&self, channel: &HeartbeatChannel) -> Result<HeartbeatSender, StorageError> {
        let options = self.pool.connect_options().as_ref().clone().application_name("portico heartbeat");
        let connection = options.disable_statement_logging().connect().await?;
        Ok(HeartbeatSender { connection, channel: channel.clone() })
    }
}

impl Changes {
    /// Waits for the next notification. The future may be dropped at any point without loss.
    ///
    /// # Errors
    ///
    /// [`StorageError`] when the connection is lost: listen anew, and take everything for changed.
    pub async fn next(&mut self) -> Result<Change, StorageError> {
        let Some(notification) = self.listener.try_recv().await? else {
            return Err(StorageError::Unavailable(sqlx::Error::PoolClosed));
        };
        let change = if notification.channel() == self.heartbeats.0 {
            notification.payload().parse().ok().map(Change::Heartbeat)
        } else {
            notification.payload().parse().ok().map(|tenant| Change::Tenant(TenantId::from_uuid(tenant)))
        };
        Ok(change.unwrap_or(Change::Anything))
    }
}

impl HeartbeatSender {
    /// Sends a heartbeat that carries this number.
    ///
    /// # Errors
    ///
    /// [`StorageError`] when the connection is lost: open another.
    pub async fn send(&mut self, carried: u64) -> Result<(), StorageError> {
        // Without a prepared statement, which a pooler might look for on another connection.
        let notify = format!("notify {}, '{carried}'", self.channel.0);
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
    async fn a_heartbeat_comes_after_all_that_was_committed_before_it_and_to_its_own_replica_alone(pool: PgPool) {
        let db = Db::of(pool.clone());
        let (mine, other) = (HeartbeatChannel::random(), HeartbeatChannel::random());
        let mut changes = db.changes(&mine).await.expect("listens");
        let mut sender = db.heartbeat_sender(&mine).await.expect("connects");
        let mut others = db.heartbeat_sender(&other).await.expect("connects");
        for number in 0..50 {
            let tenant = TenantId::generate();
            notify(&pool, &tenant.uuid().to_string()).await;
            others.send(1_000 + number).await.expect("sends");
            sender.send(number).await.expect("sends");
            assert_eq!(changes.next().await.expect("receives"), Change::Tenant(tenant));
            assert_eq!(changes.next().await.expect("receives"), Change::Heartbeat(number));
        }
        notify(&pool, "no tenant").await;
        assert_eq!(changes.next().await.expect("receives"), Change::Anything);
    }

    #[sqlx::test(migrations = "../../migrations")]
    async fn a_lost_connection_is_an_error(pool: PgPool) {
        let db = Db::of(pool.clone());
        let mut changes = db.changes(&HeartbeatChannel::random()).await.expect("listens");
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
