//! Follows word of changes from Postgres, and makes sure by beats that it arrives.
//!
//! Not behind a pooler, unless there is a way around it for listening: there nothing would come, and worse, what the server tells a connection that once
//! listened would reach whoever holds that connection next, in the middle of something else. Without
//! beats, what is remembered holds for less than a second.

use std::sync::Arc;
use std::time::Duration;

use portico_storage::{BeatChannel, Change, Changes, Pulse, StorageError};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout, timeout_at};

use crate::start::Shared;

/// How often a beat is sent. Several fit into the time for which one counts, so that one which is late
/// makes nobody forget anything.
const EVERY: Duration = Duration::from_millis(200);
/// How long sending a beat may take before its connection is given up.
const SENDING: Duration = Duration::from_secs(1);
/// How long no beat may be heard before the connection that listens is given up.
const SILENCE: Duration = Duration::from_secs(2);
/// The same when connecting anew did not help.
const LONG_SILENCE: Duration = Duration::from_secs(30);
/// The pause before another attempt to connect.
const PAUSE: Duration = Duration::from_millis(500);

/// Follows changes until it is aborted.
pub(crate) async fn changes(shared: Arc<Shared>) {
    if !shared.db.can_listen() {
        tracing::info!(
            "behind a pooler no word of changes can be heard, so what is remembered holds for less than a second; PORTICO_LISTEN_DATABASE_URL may lead around it"
        );
        return;
    }
    let beats = BeatChannel::random();
    tokio::join!(listen(&shared, &beats), send_beats(&shared, &beats));
}

async fn listen(shared: &Shared, beats: &BeatChannel) {
    let mut ear = Ear { silence: SILENCE, deaf: false };
    loop {
        match shared.db.changes(beats).await {
            Ok(mut changes) => {
                // Whatever was read before the connection stood may have changed unheard.
                shared.freshness.everything_changed();
                ear.follow(shared, &mut changes).await;
            }
            Err(error) => ear.lost(&format_args!("cannot connect: {error}")),
        }
        shared.metrics.changes_reconnects.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        sleep(PAUSE).await;
    }
}

/// What is known of how well word arrives.
struct Ear {
    /// How long a silence is borne.
    silence: Duration,
    /// Whether the log says that word does not arrive.
    deaf: bool,
}

impl Ear {
    /// Follows one connection to its end, or until it has been silent for too long.
    async fn follow(&mut self, shared: &Shared, changes: &mut Changes) {
        let mut last_beat = Instant::now();
        loop {
            match timeout_at(last_beat + self.silence, changes.next()).await {
                Ok(Ok(Change::Tenant(tenant))) => {
                    shared.freshness.changed(tenant);
                    shared.vault.changed(tenant);
                }
                Ok(Ok(Change::Anything)) => {
                    shared.freshness.everything_changed();
                    shared.vault.everything_changed();
                }
                Ok(Ok(Change::Beat(carried))) => {
                    shared.freshness.heard(carried);
                    last_beat = Instant::now();
                    self.silence = SILENCE;
                    if self.deaf {
                        self.deaf = false;
                        tracing::info!("word of changes arrives again");
                    }
                }
                Ok(Err(error)) => return self.lost(&error),
                Err(_) => {
                    self.lost(&format_args!("no beat came for {} s", self.silence.as_secs()));
                    self.silence = (self.silence * 2).min(LONG_SILENCE);
                    return;
                }
            }
        }
    }

    fn lost(&mut self, reason: &dyn std::fmt::Display) {
        if !self.deaf {
            self.deaf = true;
            tracing::warn!(
                reason = %reason,
                "word of changes does not arrive; until it does, what is remembered holds for less than a second"
            );
        }
    }
}

async fn send_beats(shared: &Shared, beats: &BeatChannel) {
    let mut every = interval(EVERY);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut pulse = None;
    loop {
        every.tick().await;
        match timeout(SENDING, beat(shared, beats, &mut pulse)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::debug!(%error, "a beat was not sent");
                pulse = None;
                sleep(PAUSE).await;
            }
            Err(_) => {
                tracing::debug!("a beat was not sent in time");
                pulse = None;
            }
        }
    }
}

async fn beat(shared: &Shared, beats: &BeatChannel, pulse: &mut Option<Pulse>) -> Result<(), StorageError> {
    let pulse = match pulse {
        Some(pulse) => pulse,
        None => pulse.insert(shared.db.pulse(beats).await?),
    };
    // Before it is sent, so that it proves no more than it may.
    pulse.beat(shared.freshness.beat()).await
}
