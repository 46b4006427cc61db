//! How often something may happen: the one place where calls are counted against a limit.
//!
//! Each limit is a [`Quota`], so many per span of time, and each thing that it holds for (an API key, an
//! address) has a bucket that starts full. The buckets are GCRA's: one number each, the moment at which
//! the bucket will be full again, moved on by compare-and-swap. Nobody waits for a lock on the way of a
//! call but to add a bucket. The count is this process's own: with three replicas a key gets up to three
//! times its limit until the counts are shared.
//!
//! To add a limit, add a [`LimitKind`] and a field of [`Limits`], and ask for it where a call is judged.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hash};
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use portico_auth::{Actor, Principal};
use portico_domain::ApiKeyId;

use crate::error::Error;
use crate::tasks::{Failure, Schedule, Tasks};

/// Which limit it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LimitKind {
    /// The API key's own.
    ApiKey,
    /// Reports of leaked secrets from one address.
    LeakReports,
}

impl LimitKind {
    /// The name in headers and texts.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ApiKey => "api_key",
            Self::LeakReports => "leak_reports",
        }
    }

    /// What is limited, for people.
    #[must_use]
    pub const fn what(self) -> &'static str {
        match self {
            Self::ApiKey => "the API key's own limit",
            Self::LeakReports => "the limit of reports from one address",
        }
    }
}

/// So many at once, and again over that time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// How many.
    pub most: NonZeroU32,
    /// In which time, in whole seconds.
    pub window: Duration,
}

/// How a limit stands after a call was counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LimitState {
    /// Which limit.
    pub kind: LimitKind,
    /// What it allows.
    pub quota: Quota,
    /// How many more it allows now.
    pub remaining: u32,
    /// When it allows all of them again, counted from now.
    pub reset: Duration,
    /// For a call that was too much: when the next one is allowed, counted from now.
    pub retry_after: Option<Duration>,
}

impl LimitState {
    /// The values of `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers-10).
    #[must_use]
    pub fn headers(&self) -> [(&'static str, String); 2] {
        let (name, quota) = (self.kind.as_str(), self.quota);
        [
            ("ratelimit-policy", format!("\"{name}\";q={};w={}", quota.most, quota.window.as_secs())),
            ("ratelimit", format!("\"{name}\";r={};t={}", self.remaining, seconds(self.reset))),
        ]
    }

    /// The value of `Retry-After`, for a call that was too much: seconds, at least one.
    #[must_use]
    pub fn retry_after_seconds(&self) -> Option<u64> {
        self.retry_after.map(seconds)
    }
}

/// Whole seconds, rounded up, at least one.
fn seconds(duration: Duration) -> u64 {
    (duration.as_secs() + u64::from(duration.subsec_nanos() > 0)).max(1)
}

/// How often full buckets are dropped.
const SWEEP: Duration = Duration::from_secs(15);
/// Reports of leaked secrets from one address: a scanner's burst, not a flood.
const LEAK_REPORTS: Quota = Quota { most: NonZeroU32::new(60).expect("is not zero"), window: Duration::from_mins(1) };

/// Every bucket of this process.
#[derive(Debug, Default)]
pub struct Limits {
    api_keys: Buckets<ApiKeyId>,
    leak_reports: Buckets<IpAddr>,
}

impl Limits {
    /// Drops buckets that are full: one that is not there is full too.
    pub fn sweep(&self) {
        self.api_keys.sweep();
        self.leak_reports.sweep();
    }

    /// Registers the task that sweeps.
    pub fn register(self: &Arc<Self>, tasks: &Tasks) {
        let this = Arc::clone(self);
        tasks.periodic("limits", Schedule::every(SWEEP), move || {
            let this = Arc::clone(&this);
            async move {
                this.sweep();
                Ok::<_, Failure>(())
            }
        });
    }
}

impl Limits {
    /// Counts a call against the limits of who calls; nothing where there is none.
    ///
    /// # Errors
    ///
    /// [`Error::RateLimited`].
    pub fn count_call(&self, principal: &Principal) -> Result<Option<LimitState>, Error> {
        // Whoever acts for the key, a short-lived token too, counts as the key.
        let (Some(limit), Actor::ApiKey(id)) = (principal.rate_limit(), principal.actor()) else { return Ok(None) };
        let quota = Quota { most: limit.per_second(), window: Duration::from_secs(1) };
        allowed(self.api_keys.take(LimitKind::ApiKey, id, quota)).map(Some)
    }

    /// Counts a report of a leaked secret from that address.
    ///
    /// # Errors
    ///
    /// [`Error::RateLimited`].
    pub fn count_leak_report(&self, address: Option<IpAddr>) -> Result<LimitState, Error> {
        let from = address.map_or(Ipv6Addr::UNSPECIFIED.into(), network);
        allowed(self.leak_reports.take(LimitKind::LeakReports, from, LEAK_REPORTS))
    }
}

fn allowed(state: LimitState) -> Result<LimitState, Error> {
    if state.retry_after.is_some() { Err(Error::RateLimited(Box::new(state))) } else { Ok(state) }
}

/// What one caller has for itself: an IPv4 address, or a /64 of IPv6.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)).into(),
        v4 @ IpAddr::V4(_) => v4,
    }
}

/// In how many parts the buckets of a limit lie.
const SHARDS: usize = 16;
/// How many buckets a part holds before it starts anew.
const CAPACITY: usize = 20_000;

/// The buckets of one limit.
#[derive(Debug)]
struct Buckets<K> {
    shards: [RwLock<HashMap<K, AtomicU64>>; SHARDS],
    hasher: RandomState,
    began: Instant,
}

impl<K> Default for Buckets<K> {
    fn default() -> Self {
        Self { shards: Default::default(), hasher: RandomState::new(), began: Instant::now() }
    }
}

impl<K: Eq + Hash> Buckets<K> {
    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    fn take(&self, kind: LimitKind, key: K, quota: Quota) -> LimitState {
        self.take_at(kind, key, quota, self.now())
    }

    /// Takes one out of the key's bucket at that moment, in nanoseconds since the buckets were made.
    fn take_at(&self, kind: LimitKind, key: K, quota: Quota, now: u64) -> LimitState {
        let at = usize::try_from(self.hasher.hash_one(&key) % SHARDS as u64).unwrap_or_default();
        let shard = &self.shards[at];
        if let Some(bucket) = shard.read().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return take(kind, bucket, quota, now);
        }
        let mut buckets = shard.write().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= CAPACITY {
            buckets.retain(|_, full_at| *full_at.get_mut() > now);
            if buckets.len() >= CAPACITY {
                buckets.clear();
            }
        }
        take(kind, buckets.entry(key).or_default(), quota, now)
    }

    fn sweep(&self) {
        self.sweep_at(self.now());
    }

    fn sweep_at(&self, now: u64) {
        for shard in &self.shards {
            shard.write().unwrap_or_else(PoisonError::into_inner).retain(|_, full_at| *full_at.get_mut() > now);
        }
    }
}

/// One out of a bucket, which is full again at the moment that it holds.
fn take(kind: LimitKind, full_at: &AtomicU64, quota: Quota, now: u64) -> LimitState {
    let window = u64::try_from(quota.window.as_nanos()).unwrap_or(u64::MAX);
    let each = (window / u64::from(quota.most.get())).max(1);
    // What the bucket holds, in time; not the window itself, which `each` may not divide.
    let whole = each * u64::from(quota.most.get());
    let mut seen = full_at.load(Ordering::Relaxed);
    loop {
        // A bucket that a larger quota filled is never further from full than this one is deep.
        let filled = seen.clamp(now, now.saturating_add(whole));
        let next = filled.saturating_add(each);
        if next > now.saturating_add(whole) {
            let (reset, wait) = (filled - now, next - whole - now);
            return LimitState {
                kind,
                quota,
                remaining: 0,
                reset: Duration::from_nanos(reset),
                retry_after: Some(Duration::from_nanos(wait)),
            };
        }
        match full_at.compare_exchange_weak(seen, next, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => {
                let remaining = (now + whole - next) / each;
                return LimitState {
                    kind,
                    quota,
                    remaining: u32::try_from(remaining).unwrap_or(u32::MAX),
                    reset: Duration::from_nanos(next - now),
                    retry_after: None,
                };
            }
            Err(other) => seen = other,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn per_second(most: u32) -> Quota {
        Quota { most: NonZeroU32::new(most).expect("is not zero"), window: Duration::from_secs(1) }
    }

    fn take_at<K: Eq + Hash>(buckets: &Buckets<K>, key: K, most: u32, now: u64) -> LimitState {
        buckets.take_at(LimitKind::ApiKey, key, per_second(most), now)
    }

    #[test]
    fn a_bucket_starts_full_and_fills_again_evenly() {
        let buckets = Buckets::default();
        let left: Vec<_> = (0..5).map(|_| take_at(&buckets, 1, 5, 7).remaining).collect();
        assert_eq!(left, [4, 3, 2, 1, 0]);
        let refused = take_at(&buckets, 1, 5, 7);
        assert_eq!((refused.remaining, refused.retry_after), (0, Some(Duration::from_millis(200))));
        assert_eq!(take_at(&buckets, 1, 5, 7 + SECOND / 5 - 1).retry_after, Some(Duration::from_nanos(1)));
        assert_eq!(take_at(&buckets, 1, 5, 7 + SECOND / 5).retry_after, None);
        assert!(take_at(&buckets, 1, 5, 7 + SECOND / 5).retry_after.is_some());
        // Another key is not concerned.
        assert_eq!(take_at(&buckets, 2, 5, 7).remaining, 4);
    }

    #[test]
    fn a_changed_quota_holds_from_the_next_call_on() {
        let buckets = Buckets::default();
        for _ in 0..3 {
            take_at(&buckets, 1, 3, 0);
        }
        assert!(take_at(&buckets, 1, 3, 0).retry_after.is_some());
        // A thousandth of a second is one call of a thousand per second.
        assert_eq!(take_at(&buckets, 1, 1_000, SECOND / 1_000).retry_after, None);
        assert!(take_at(&buckets, 1, 1, SECOND / 1_000).retry_after.is_some_and(|wait| wait <= Duration::from_secs(1)));
    }

    #[test]
    fn headers_are_those_of_the_draft() {
        let buckets = Buckets::default();
        let state = take_at(&buckets, 1, 5, 0);
        assert_eq!(
            state.headers(),
            [("ratelimit-policy", "\"api_key\";q=5;w=1".to_owned()), ("ratelimit", "\"api_key\";r=4;t=1".to_owned())]
        );
        assert_eq!(state.retry_after_seconds(), None);
        let quota = LEAK_REPORTS;
        let bucket = AtomicU64::default();
        let last = (0..=quota.most.get()).map(|_| take(LimitKind::LeakReports, &bucket, quota, 0)).last();
        let last = last.expect("is one");
        assert_eq!((last.retry_after_seconds(), last.headers()[1].1.as_str()), (Some(1), "\"leak_reports\";r=0;t=60"));
    }

    #[test]
    fn full_buckets_are_dropped_and_others_are_not() {
        let buckets = Buckets::default();
        let later = 100 * SECOND;
        take_at(&buckets, 1, 1, 0);
        take_at(&buckets, 2, 1, later);
        buckets.sweep_at(later);
        let kept: usize = buckets.shards.iter().map(|shard| shard.read().expect("nobody panicked").len()).sum();
        assert_eq!(kept, 1);
        assert!(take_at(&buckets, 2, 1, later).retry_after.is_some());
    }

    #[test]
    fn calls_at_once_get_no_more_than_the_bucket_holds() {
        let buckets = Buckets::default();
        let allowed: usize = std::thread::scope(|scope| {
            let work = || (0..1_000).filter(|_| take_at(&buckets, 1, 50, 0).retry_after.is_none()).count();
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(work)).collect();
            threads.into_iter().map(|thread| thread.join().expect("does not panic")).sum()
        });
        assert_eq!(allowed, 50);
    }

    #[test]
    fn a_network_of_ipv6_is_one_caller() {
        let of = |text: &str| network(text.parse().expect("is an address")).to_string();
        assert_eq!(of("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!((of("192.0.2.7"), of("::ffff:192.0.2.7")), ("192.0.2.7".to_owned(), "192.0.2.7".to_owned()));
    }

    proptest! {
        /// In any window of a second no more than twice the quota passes (a full bucket and its refill),
        /// and who waits as long as it was told is let through.
        #[test]
        fn no_window_lets_too_many_through(most in 1_u32..=10_000, gaps in prop::collection::vec(0_u64..SECOND / 4, 1..200)) {
            let buckets = Buckets::default();
            let (mut now, mut passed) = (0, Vec::new());
            for gap in gaps {
                now += gap;
                let state = take_at(&buckets, 1, most, now);
                prop_assert!(state.remaining < most && state.reset <= Duration::from_secs(1));
                if let Some(wait) = state.retry_after {
                    prop_assert!(wait <= Duration::from_secs(1));
                    now += u64::try_from(wait.as_nanos()).expect("is short");
                    prop_assert_eq!(take_at(&buckets, 1, most, now).retry_after, None);
                }
                passed.push(now);
                let in_window = passed.iter().filter(|at| **at + SECOND > now).count();
                prop_assert!(in_window <= 2 * most as usize, "{} in a second", in_window);
            }
        }
    }
}
