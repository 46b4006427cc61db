//! What is remembered between calls, and for how long it may be believed.
//!
//! Whatever a call is decided by may be 700 ms old, never older. The rest of a second is for the call itself,
//! also on a machine that has more to do than it can: so a revoked key, a suspended tenant, a changed role is
//! felt on every replica within a second.
//! What was read longer ago is believed only as far as notifications of changes are known to have arrived since.
//!
//! Every entry carries a [`Stamp`], taken *before* it was read: the moment, and the tenant's epoch. A notification
//! of a change moves the epoch on. Heartbeats (see `portico_storage`'s `changes`) say that notifications arrive: when a
//! heartbeat arrives, everything committed before it was *sent* has been heard. So an entry may be believed at
//! a moment `now` when its epoch is the present one and
//!
//! - it was read from less than 700 ms before `now` on: the read saw all that was committed before it; or
//! - the last heartbeat that arrived was sent less than 700 ms before `now`, and the entry is younger than
//!   a minute. Let a change be committed 700 ms before `now` or earlier, thus before that heartbeat was sent.
//!   Then its notification arrived before the heartbeat and has moved the epoch on. Either the stamp is older than
//!   that, and has the wrong epoch; or it was taken after the notification, so the read saw the change.
//!
//! Whoever begins to listen anew calls [`Validity::everything_changed`] before it takes a heartbeat for arrived:
//! notifications of what was committed before may have been lost, and every stamp from before is void. Nothing is
//! to be done when a connection ends: what its last heartbeat proved stays true, and lapses by itself.
//!
//! The order in memory matters too. The listener moves the epoch first and the heartbeat afterwards; whoever
//! asks reads the heartbeat first and the epoch afterwards, or it might see the new heartbeat with the old epoch.
//! Asking costs three atomic loads and takes no lock of its own.
//!
//! What does not exist is never remembered: a new key serves at once.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use portico_domain::TenantId;
use portico_domain::clock::Clock;
use portico_storage::StorageError;

use crate::error::Error;
use crate::tasks::{Failure, Schedule, Tasks};

/// How long an entry is believed at the most.
pub const LONGEST: Duration = Duration::from_secs(55);
/// How often secrets that are no longer believed are dropped. With [`LONGEST`], they are held for less than
/// a minute.
pub const SWEEP: Duration = Duration::from_millis(500);
/// How often what is no longer believed is dropped from every cache.
const SWEEP_ALL: Duration = Duration::from_secs(15);
/// How old the truth may be by which a call is decided.
const BOUND: Duration = Duration::from_millis(700);
/// How often something is read anew because the database took longer than what it said may be believed.
const ATTEMPTS: usize = 3;
/// How many entries a cache holds; beyond that, those that were not asked for lately go.
const CAPACITY: usize = 200_000;

/// Decides what is still fresh.
#[derive(Debug)]
pub struct Validity {
    /// Never given back: a stamp points at its tenant's epoch, and is copied at each use of a cache.
    tenants: RwLock<HashMap<TenantId, &'static AtomicU64>>,
    everything: AtomicU64,
    /// How often a notification of a change came, of whatever tenant.
    notifications: AtomicU64,
    clock: Clock,
    /// Moments are told as microseconds since this one.
    origin: Instant,
    /// Until when the last heartbeat proves that notifications arrive.
    proven_until: AtomicU64,
}

/// When, and at which epoch, something was read.
#[derive(Debug, Clone, Copy)]
pub struct Stamp {
    tenant: &'static AtomicU64,
    tenant_epoch: u64,
    everything_epoch: u64,
    at: Instant,
}

/// When a read began of which it is not known yet whose row it finds.
#[derive(Debug, Clone, Copy)]
pub struct ReadStart {
    notifications: u64,
    everything_epoch: u64,
    at: Instant,
}

impl Validity {
    /// Nothing is believed yet for longer than 700 ms.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self {
            tenants: RwLock::default(),
            everything: AtomicU64::default(),
            notifications: AtomicU64::default(),
            origin: clock.instant(),
            proven_until: AtomicU64::default(),
            clock,
        }
    }

    /// A stamp for what is about to be read: take it before reading.
    pub fn stamp(&self, tenant: TenantId) -> Stamp {
        self.stamp_at(tenant, self.clock.instant())
    }

    fn stamp_at(&self, tenant: TenantId, now: Instant) -> Stamp {
        let epoch = self.epoch(tenant);
        Stamp {
            tenant_epoch: epoch.load(Ordering::Acquire),
            tenant: epoch,
            everything_epoch: self.everything.load(Ordering::Acquire),
            at: now,
        }
    }

    /// The beginning of a read that has to find the tenant first: take it before reading.
    pub fn moment(&self) -> ReadStart {
        self.moment_at(self.clock.instant())
    }

    fn moment_at(&self, now: Instant) -> ReadStart {
        ReadStart {
            notifications: self.notifications.load(Ordering::Acquire),
            everything_epoch: self.everything.load(Ordering::Acquire),
            at: now,
        }
    }

    /// The stamp of a read that began then and found a row of this tenant; none when any notification came
    /// meanwhile, which may have been of it. What was read may then be used, but not be remembered.
    pub fn stamp_since(&self, moment: ReadStart, tenant: TenantId) -> Option<Stamp> {
        // The epoch first: if it is one that was moved on meanwhile, the notification was counted before.
        let stamp = self.stamp_at(tenant, moment.at);
        let quiet = self.notifications.load(Ordering::Acquire) == moment.notifications;
        quiet.then_some(Stamp { everything_epoch: moment.everything_epoch, ..stamp })
    }

    /// Whether a call may be decided by what was read from that moment on, if it is not remembered.
    pub fn is_recent(&self, moment: ReadStart) -> bool {
        self.clock.instant().saturating_duration_since(moment.at) < BOUND
    }

    /// What callers are judged by, read anew with the tenant whose it is, and remembered. What a slow
    /// database said too long ago is not believed, and read again.
    ///
    /// # Errors
    ///
    /// What the read fails with; [`StorageError::Slow`] when it never comes in time.
    pub async fn read<K: Eq + Hash + Clone, V: Clone>(
        &self,
        cache: &Cache<K, V>,
        key: K,
        read: impl AsyncFn() -> Result<Option<(TenantId, V)>, Error>,
    ) -> Result<Option<V>, Error> {
        for _ in 0..ATTEMPTS {
            let moment = self.moment();
            let Some((tenant, value)) = read().await? else { return Ok(None) };
            if let Some(stamp) = self.stamp_since(moment, tenant) {
                cache.put(key.clone(), stamp, value.clone());
            }
            if self.is_recent(moment) {
                return Ok(Some(value));
            }
        }
        Err(Error::Database(StorageError::Slow))
    }

    /// Whether what was read then may still be believed.
    pub fn is_valid(&self, stamp: &Stamp) -> bool {
        self.is_valid_at(stamp, self.clock.instant())
    }

    fn is_valid_at(&self, stamp: &Stamp, now: Instant) -> bool {
        // Before the epochs: see the head of this file.
        let longest = if self.is_heard_at(now) { LONGEST } else { BOUND };
        self.is_unchanged(stamp) && now.saturating_duration_since(stamp.at) < longest
    }

    /// Whether no notification came since that what was read then may have changed. One may be missing.
    fn is_unchanged(&self, stamp: &Stamp) -> bool {
        stamp.tenant.load(Ordering::Acquire) == stamp.tenant_epoch
            && self.everything.load(Ordering::Acquire) == stamp.everything_epoch
    }

    /// Something of a tenant changed.
    pub fn changed(&self, tenant: TenantId) {
        self.notifications.fetch_add(1, Ordering::AcqRel);
        self.epoch(tenant).fetch_add(1, Ordering::AcqRel);
    }

    /// Anything may have changed.
    pub fn everything_changed(&self) {
        self.notifications.fetch_add(1, Ordering::AcqRel);
        self.everything.fetch_add(1, Ordering::AcqRel);
    }

    /// What a heartbeat that is sent now carries.
    pub fn heartbeat(&self) -> u64 {
        self.micros(self.clock.instant())
    }

    /// A heartbeat arrived, and before it the notifications of all that was committed before it was sent.
    pub fn heard(&self, carried: u64) {
        self.heard_at(carried, self.clock.instant());
    }

    fn heard_at(&self, carried: u64, now: Instant) {
        // None is of the future, whoever else may write to the channel.
        let sent = Duration::from_micros(carried.min(self.micros(now)));
        self.proven_until.fetch_max(micros(sent + BOUND), Ordering::Release);
    }

    /// Whether notifications of changes are known to arrive.
    pub fn is_listening(&self) -> bool {
        self.is_heard_at(self.clock.instant())
    }

    fn is_heard_at(&self, now: Instant) -> bool {
        self.micros(now) < self.proven_until.load(Ordering::Acquire)
    }

    fn micros(&self, moment: Instant) -> u64 {
        micros(moment.saturating_duration_since(self.origin))
    }

    fn epoch(&self, tenant: TenantId) -> &'static AtomicU64 {
        let tenants = self.tenants.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(epoch) = tenants.get(&tenant) {
            return epoch;
        }
        drop(tenants);
        let mut tenants = self.tenants.write().unwrap_or_else(PoisonError::into_inner);
        tenants.entry(tenant).or_insert_with(|| Box::leak(Box::default()))
    }
}

fn micros(since: Duration) -> u64 {
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

/// Values that were read from the database, each with the [`Stamp`] of its read. Holds at most 200,000;
/// beyond that the least used go (S3-FIFO), so that a flood of new keys does not empty it.
pub struct Cache<K, V> {
    entries: quick_cache::sync::Cache<K, (Stamp, V)>,
}

impl<K, V> fmt::Debug for Cache<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Values may be secrets.
        f.debug_struct("Cache").finish_non_exhaustive()
    }
}

impl<K: Eq + Hash + Clone, V: Clone> Default for Cache<K, V> {
    fn default() -> Self {
        Self::with_capacity(CAPACITY)
    }
}

impl<K: Eq + Hash + Clone, V: Clone> Cache<K, V> {
    fn with_capacity(capacity: usize) -> Self {
        Self { entries: quick_cache::sync::Cache::new(capacity) }
    }

    /// The value, if it may still be believed.
    pub fn get(&self, validity: &Validity, key: &K) -> Option<V> {
        let (stamp, value) = self.entries.get(key)?;
        validity.is_valid(&stamp).then_some(value)
    }

    /// The value as it was when it was read last, however long ago, unless a notification of a change came since. For
    /// when the database cannot be read, and only for what decides nothing by itself: a change may be missed.
    pub fn last_known(&self, validity: &Validity, key: &K) -> Option<V> {
        let (stamp, value) = self.entries.get(key)?;
        validity.is_unchanged(&stamp).then_some(value)
    }

    /// Remembers a value that was read after the stamp was taken.
    pub fn put(&self, key: K, stamp: Stamp, value: V) {
        self.entries.insert(key, (stamp, value));
    }

    /// Drops what may no longer be believed, so that secrets in it are wiped.
    pub fn sweep(&self, validity: &Validity) {
        self.entries.retain(|_, (stamp, _)| validity.is_valid(stamp));
    }
}

/// Every cache of the process by name: they are swept together, and the metrics tell their sizes. Cheap to clone.
#[derive(Clone, Default)]
pub struct Caches(Arc<RwLock<Vec<NamedCache>>>);

struct NamedCache {
    name: &'static str,
    is_secret: bool,
    cache: Arc<dyn Sweep>,
}

/// A cache of whatever values.
trait Sweep: Send + Sync {
    fn sweep(&self, validity: &Validity);
    fn entries(&self) -> usize;
}

impl<K: Eq + Hash + Clone + Send + Sync, V: Clone + Send + Sync> Sweep for Cache<K, V> {
    fn sweep(&self, validity: &Validity) {
        Cache::sweep(self, validity);
    }

    fn entries(&self) -> usize {
        self.entries.len()
    }
}

impl fmt::Debug for Caches {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.sizes()).finish()
    }
}

impl Caches {
    /// A new cache of that name. What is no longer believed in it is dropped now and then.
    #[must_use]
    pub fn add<K, V>(&self, name: &'static str) -> Arc<Cache<K, V>>
    where
        K: Eq + Hash + Clone + Send + Sync + 'static,
        V: Clone + Send + Sync + 'static,
    {
        self.added(name, false)
    }

    /// A new cache of secrets, which are wiped when they are dropped: within a second of the moment from which on
    /// they are no longer believed.
    #[must_use]
    pub fn add_secret<K, V>(&self, name: &'static str) -> Arc<Cache<K, V>>
    where
        K: Eq + Hash + Clone + Send + Sync + 'static,
        V: Clone + Send + Sync + 'static,
    {
        self.added(name, true)
    }

    fn added<K, V>(&self, name: &'static str, is_secret: bool) -> Arc<Cache<K, V>>
    where
        K: Eq + Hash + Clone + Send + Sync + 'static,
        V: Clone + Send + Sync + 'static,
    {
        let cache = Arc::<Cache<K, V>>::default();
        let swept: Arc<dyn Sweep> = Arc::clone(&cache) as _;
        let named = NamedCache { name, is_secret, cache: swept };
        self.0.write().unwrap_or_else(PoisonError::into_inner).push(named);
        cache
    }

    /// How many entries each holds.
    #[must_use]
    pub fn sizes(&self) -> Vec<(&'static str, u64)> {
        let caches = self.0.read().unwrap_or_else(PoisonError::into_inner);
        caches.iter().map(|named| (named.name, named.cache.entries() as u64)).collect()
    }

    /// Registers the tasks that sweep: secrets often, all of them now and then.
    pub(crate) fn register(&self, validity: &Arc<Validity>, tasks: &Tasks) {
        for (task, every, only_secrets) in [("secret_caches", SWEEP, true), ("caches", SWEEP_ALL, false)] {
            let (this, validity) = (self.clone(), Arc::clone(validity));
            tasks.periodic(task, Schedule::every(every), move || {
                this.sweep(&validity, only_secrets);
                async { Ok::<_, Failure>(()) }
            });
        }
    }

    fn sweep(&self, validity: &Validity, only_secrets: bool) {
        let caches = self.0.read().unwrap_or_else(PoisonError::into_inner);
        for named in caches.iter().filter(|named| named.is_secret || !only_secrets) {
            named.cache.sweep(validity);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A moment of this test, in milliseconds after its beginning.
    fn at(validity: &Validity, millis: u64) -> Instant {
        validity.origin + Duration::from_millis(millis)
    }

    /// A beat of one moment is heard at another.
    fn heard(validity: &Validity, sent: u64, heard: u64) {
        validity.heard_at(validity.micros(at(validity, sent)), at(validity, heard));
    }

    /// Whether an entry that was read at one moment is believed at another.
    fn believed(validity: &Validity, read: u64, asked: u64) -> bool {
        let stamp = validity.stamp_at(TenantId::generate(), at(validity, read));
        validity.is_valid_at(&stamp, at(validity, asked))
    }

    /// One that hears for good, so that a test may take its time.
    fn hearing() -> Validity {
        Validity { proven_until: AtomicU64::new(u64::MAX), ..Validity::new(Clock::system()) }
    }

    #[test]
    fn a_change_of_the_tenant_makes_its_entries_stale_and_no_others() {
        let validity = hearing();
        let (mine, other) = (TenantId::generate(), TenantId::generate());
        let cache = Cache::default();
        cache.put(mine, validity.stamp(mine), 1);
        cache.put(other, validity.stamp(other), 2);
        validity.changed(mine);
        assert_eq!(cache.get(&validity, &mine), None);
        assert_eq!(cache.get(&validity, &other), Some(2));
        validity.everything_changed();
        assert_eq!(cache.get(&validity, &other), None);
    }

    #[test]
    fn a_value_read_before_a_change_and_put_after_it_is_stale() {
        let validity = Validity::new(Clock::system());
        let tenant = TenantId::generate();
        let cache = Cache::default();
        let stamp = validity.stamp(tenant);
        validity.changed(tenant);
        cache.put(tenant, stamp, 1);
        assert_eq!(cache.get(&validity, &tenant), None);
    }

    #[test]
    fn without_a_beat_an_entry_holds_for_less_than_a_second() {
        let validity = Validity::new(Clock::system());
        assert!(believed(&validity, 5_000, 5_699));
        assert!(!believed(&validity, 5_000, 5_700));
    }

    #[test]
    fn an_older_entry_is_believed_from_the_sending_of_the_last_beat_for_less_than_a_second() {
        let validity = Validity::new(Clock::system());
        heard(&validity, 29_700, 30_000);
        assert!(believed(&validity, 1_000, 30_000));
        assert!(believed(&validity, 1_000, 30_399));
        assert!(!believed(&validity, 1_000, 30_400), "the beat was sent 700 ms before");
        heard(&validity, 30_500, 30_700);
        assert!(believed(&validity, 1_000, 31_199), "beats came back");
        assert!(!believed(&validity, 1_000, 31_200));
    }

    #[test]
    fn an_entry_is_believed_for_less_than_a_minute() {
        let validity = Validity::new(Clock::system());
        heard(&validity, 61_000, 61_000);
        assert!(believed(&validity, 6_001, 61_000));
        assert!(!believed(&validity, 6_000, 61_000));
    }

    #[test]
    fn a_beat_that_was_overtaken_takes_nothing_back_and_one_of_the_future_counts_from_now() {
        let validity = Validity::new(Clock::system());
        heard(&validity, 30_000, 30_000);
        heard(&validity, 29_300, 30_000);
        assert!(validity.is_heard_at(at(&validity, 30_699)));
        validity.heard_at(u64::MAX, at(&validity, 30_000));
        assert!(!validity.is_heard_at(at(&validity, 30_700)));
    }

    #[tokio::test]
    async fn what_a_slow_database_said_is_read_again_and_at_last_not_believed() {
        let clock = Clock::manual(time::macros::datetime!(2026-01-01 12:00 UTC));
        let validity = Validity { proven_until: AtomicU64::new(u64::MAX), ..Validity::new(clock.clone()) };
        let (cache, tenant) = (Cache::default(), TenantId::generate());
        let reads = AtomicU64::default();
        let slow = |slow: u64| {
            let (reads, clock) = (&reads, &clock);
            async move || {
                let nth = reads.fetch_add(1, Ordering::Relaxed);
                // Longer than what it says may be believed.
                clock.advance(if nth < slow { BOUND } else { Duration::ZERO });
                Ok(Some((tenant, nth)))
            }
        };
        let read = validity.read(&cache, tenant, slow(1)).await;
        assert!(matches!(read, Ok(Some(1))), "{read:?}");
        assert_eq!(cache.get(&validity, &tenant), Some(1));
        reads.store(0, Ordering::Relaxed);
        let never = validity.read(&cache, tenant, slow(u64::MAX)).await;
        assert!(matches!(never, Err(Error::Database(StorageError::Slow))), "{never:?}");
    }

    #[test]
    fn a_read_that_finds_its_tenant_late_is_not_remembered_over_a_word_that_came_meanwhile() {
        let validity = hearing();
        let (tenant, other) = (TenantId::generate(), TenantId::generate());
        let moment = validity.moment();
        assert!(validity.stamp_since(moment, tenant).is_some_and(|stamp| validity.is_valid(&stamp)));
        validity.changed(tenant);
        assert!(validity.stamp_since(moment, tenant).is_none());
        let moment = validity.moment();
        validity.changed(other);
        assert!(validity.stamp_since(moment, tenant).is_none(), "whose word it was, the read could not know");
        let moment = validity.moment();
        let stamp = validity.stamp_since(moment, tenant).expect("no word came");
        validity.everything_changed();
        assert!(!validity.is_valid(&stamp));
    }

    #[test]
    fn secrets_are_swept_apart_from_the_rest() {
        let (caches, validity, tenant) = (Caches::default(), hearing(), TenantId::generate());
        let (secrets, others) = (caches.add_secret::<u8, u8>("secrets"), caches.add::<u8, u8>("others"));
        secrets.put(1, validity.stamp(tenant), 1);
        others.put(1, validity.stamp(tenant), 1);
        validity.changed(tenant);
        caches.sweep(&validity, true);
        assert_eq!(caches.sizes(), [("secrets", 0), ("others", 1)]);
        caches.sweep(&validity, false);
        assert_eq!(caches.sizes(), [("secrets", 0), ("others", 0)]);
    }
}
