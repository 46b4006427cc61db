//! Follows notifications of changes from Postgres, and makes sure by heartbeats that they arrive.
//!
//! Not behind a pooler, unless there is a way around it for listening: there nothing would come, and worse,
//! what the server tells a connection that once listened would reach whoever holds that connection next, in
//! the middle of something else. Without heartbeats, what is cached holds for less than a second.

use std::sync::Arc;
use std::time::Duration;

use portico_storage::{Change, Changes, Db, HeartbeatChannel, HeartbeatSender, StorageError};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout, timeout_at};

use crate::cache::Validity;
use crate::metrics::Metrics;
use crate::tasks::Tasks;
use crate::vault::Vault;

/// How often a heartbeat is sent. Several fit into the time for which one counts, so that a late one
/// makes no cache stale.
const EVERY: Duration = Duration::from_millis(200);
/// How long sending a heartbeat may take before its connection is given up.
const SENDING: Duration = Duration::from_secs(1);
/// How long no heartbeat may arrive before the connection that listens is given up.
const SILENCE: Duration = Duration::from_secs(2);
/// The same when connecting anew did not help.
const LONG_SILENCE: Duration = Duration::from_secs(30);
/// The pause before another attempt to connect.
const PAUSE: Duration = Duration::from_millis(500);

/// Keeps what is cached in this process in step with what other replicas change.
#[derive(Debug)]
pub(crate) struct InvalidationListener {
    db: Db,
    validity: Arc<Validity>,
    vault: Vault,
    metrics: Arc<Metrics>,
}

impl InvalidationListener {
    /// One that invalidates those caches.
    #[must_use]
    pub(crate) const fn new(db: Db, validity: Arc<Validity>, vault: Vault, metrics: Arc<Metrics>) -> Self {
        Self { db, validity, vault, metrics }
    }

    /// Begins to listen, unless a pooler makes that useless.
    pub(crate) fn register(self, tasks: &Tasks) {
        if !self.db.can_listen() {
            tracing::info!(
                "behind a pooler no notification of a change arrives, so what is cached holds for less than a second; PORTICO_LISTEN_DATABASE_URL may lead around it"
            );
            return;
        }
        let listener = Arc::new(self);
        tasks.service("invalidation", move |stop| {
            let listener = Arc::clone(&listener);
            async move {
                let channel = HeartbeatChannel::random();
                let both = async { tokio::join!(listener.listen(&channel), listener.send_heartbeats(&channel)) };
                tokio::select! {
                    () = stop.cancelled() => {}
                    _ = both => {}
                }
            }
        });
    }

    async fn listen(&self, channel: &HeartbeatChannel) {
        let mut arrival = Arrival { silence: SILENCE, lost: false };
        loop {
            match self.db.changes(channel).await {
                Ok(mut changes) => {
                    // Whatever was read before the connection stood may have changed unnoticed.
                    self.validity.everything_changed();
                    self.follow(&mut arrival, &mut changes).await;
                }
                Err(error) => arrival.fails(&format_args!("cannot connect: {error}")),
            }
            self.metrics.changes_reconnects.inc();
            sleep(PAUSE).await;
        }
    }

    /// Follows one connection to its end, or until it has been silent for too long.
    async fn follow(&self, arrival: &mut Arrival, changes: &mut Changes) {
        let mut last_heartbeat = Instant::now();
        loop {
            match timeout_at(last_heartbeat + arrival.silence, changes.next()).await {
                Ok(Ok(Change::Tenant(tenant))) => {
                    self.validity.changed(tenant);
                    self.vault.changed(tenant);
                }
                Ok(Ok(Change::Anything)) => {
                    self.validity.everything_changed();
                    self.vault.everything_changed();
                }
                Ok(Ok(Change::Heartbeat(carried))) => {
                    self.validity.heard(carried);
                    last_heartbeat = Instant::now();
                    arrival.works();
                }
                Ok(Err(error)) => return arrival.fails(&error),
                Err(_) => {
                    arrival.fails(&format_args!("no heartbeat came for {} s", arrival.silence.as_secs()));
                    arrival.silence = (arrival.silence * 2).min(LONG_SILENCE);
                    return;
                }
            }
        }
    }

    async fn send_heartbeats(&self, channel: &HeartbeatChannel) {
        let mut every = interval(EVERY);
        every.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut sender = None;
        loop {
            every.tick().await;
            match timeout(SENDING, self.send_heartbeat(channel, &mut sender)).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => {
                    tracing::debug!(%error, "a heartbeat was not sent");
                    sender = None;
                    sleep(PAUSE).await;
                }
                Err(_) => {
                    tracing::debug!("a heartbeat was not sent in time");
                    sender = None;
                }
            }
        }
    }

    async fn send_heartbeat(
        &self,
        channel: &HeartbeatChannel,
        sender: &mut Option<HeartbeatSender>,
    ) -> Result<(), StorageError> {
        let sender = match sender {
            Some(sender) => sender,
            None => sender.insert(self.db.heartbeat_sender(channel).await?),
        };
        // Taken before it is sent, so that it proves no more than it may.
        sender.send(self.validity.heartbeat()).await
    }
}

/// What is known of how well notifications arrive.
struct Arrival {
    /// How long a silence is borne.
    silence: Duration,
    /// Whether the log says that they do not arrive.
    lost: bool,
}

impl Arrival {
    fn works(&mut self) {
        self.silence = SILENCE;
        if self.lost {
            self.lost = false;
            tracing::info!("notifications of changes arrive again");
        }
    }

    fn fails(&mut self, reason: &dyn std::fmt::Display) {
        if !self.lost {
            self.lost = true;
            tracing::warn!(
                reason = %reason,
                "notifications of changes do not arrive; until they do, what is cached holds for less than a second"
            );
        }
    }
}
