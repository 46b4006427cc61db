//! How often something may happen: the one place where calls are counted against a limit.
//!
//! Each limit is a [`Quota`], so many per span of time, and each thing that it holds for (an API key, an
//! address) has a bucket of its own, which starts full (GCRA, by `governor`). Buckets lie in a cache that evicts
//! what was not asked for lately, so that a flood of new addresses resets nobody's count. A changed quota holds from
//! the next call on, and the calls that were taken of the old one are taken of it: a lower limit lets nobody start anew,
//! and a higher one lets the difference pass at once.
//!
//! The count is this process's own: with three replicas a key gets up to three times its limit until the counts
//! are shared.
//!
//! To add a limit, add a [`LimitKind`] and a field of [`Limits`], and ask for it where a call is judged.

use std::fmt;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use governor::RateLimiter;
use governor::clock::Clock as _;
use governor::middleware::StateInformationMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use portico_auth::{Actor, Principal};
use portico_domain::ApiKeyId;
use portico_domain::clock::Clock;

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

impl Quota {
    /// The time in which one of them comes back.
    fn each(self) -> Duration {
        (self.window / self.most.get()).max(Duration::from_nanos(1))
    }

    fn of_governor(self) -> governor::Quota {
        governor::Quota::with_period(self.each()).expect("the period is not zero").allow_burst(self.most)
    }
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

/// A call was too much: how the limit stands that was reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exceeded(pub Box<LimitState>);

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

/// Reports of leaked secrets from one address: a scanner's burst, not a flood.
const LEAK_REPORTS: Quota = Quota { most: NonZeroU32::new(60).expect("is not zero"), window: Duration::from_mins(1) };

/// Every bucket of this process.
#[derive(Debug)]
pub struct Limits {
    api_keys: Buckets<ApiKeyId>,
    leak_reports: Buckets<IpAddr>,
}

impl Limits {
    /// Every bucket is full.
    #[must_use]
    pub fn new(clock: &Clock) -> Self {
        Self { api_keys: Buckets::new(clock, CAPACITY), leak_reports: Buckets::new(clock, CAPACITY) }
    }

    /// Counts a call against the limits of who calls; nothing where there is none.
    ///
    /// # Errors
    ///
    /// [`Exceeded`].
    pub fn count_call(&self, principal: &Principal) -> Result<Option<LimitState>, Exceeded> {
        // Whoever acts for the key, a short-lived token too, counts as the key.
        let (Some(limit), Actor::ApiKey(id)) = (principal.rate_limit(), principal.actor()) else { return Ok(None) };
        let quota = Quota { most: limit.per_second(), window: Duration::from_secs(1) };
        allowed(self.api_keys.take(LimitKind::ApiKey, &id, quota)).map(Some)
    }

    /// Counts a report of a leaked secret from that address.
    ///
    /// # Errors
    ///
    /// [`Exceeded`].
    pub fn count_leak_report(&self, address: Option<IpAddr>) -> Result<(), Exceeded> {
        let from = address.map_or(Ipv6Addr::UNSPECIFIED.into(), network);
        allowed(self.leak_reports.take(LimitKind::LeakReports, &from, LEAK_REPORTS)).map(drop)
    }
}

fn allowed(state: LimitState) -> Result<LimitState, Exceeded> {
    if state.retry_after.is_some() { Err(Exceeded(Box::new(state))) } else { Ok(state) }
}

/// What one caller has for itself: an IPv4 address, or a /64 of IPv6.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)).into(),
        v4 @ IpAddr::V4(_) => v4,
    }
}

/// How many buckets of one limit are held.
const CAPACITY: usize = 100_000;

/// The process's clock as `governor` asks for it.
#[derive(Debug, Clone)]
struct LimiterClock(Clock);

impl governor::clock::Clock for LimiterClock {
    type Instant = Instant;

    fn now(&self) -> Instant {
        self.0.instant()
    }
}

/// The buckets of one limit.
struct Buckets<K> {
    entries: quick_cache::sync::Cache<K, Arc<RwLock<Bucket>>>,
    clock: LimiterClock,
}

/// One bucket, of the quota that it has at present.
struct Bucket {
    quota: Quota,
    limiter: RateLimiter<NotKeyed, InMemoryState, LimiterClock, StateInformationMiddleware>,
}

impl<K> fmt::Debug for Buckets<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Buckets").finish_non_exhaustive()
    }
}

impl Bucket {
    fn full(quota: Quota, clock: LimiterClock) -> Self {
        Self { quota, limiter: RateLimiter::direct_with_clock(quota.of_governor(), clock).with_middleware() }
    }

    /// Takes one out.
    fn take(&self, kind: LimitKind, clock: &LimiterClock) -> LimitState {
        let quota = self.quota;
        let state = LimitState { kind, quota, remaining: 0, reset: Duration::ZERO, retry_after: None };
        match self.limiter.check() {
            Ok(snapshot) => {
                let remaining = snapshot.remaining_burst_capacity();
                LimitState { remaining, reset: quota.each() * quota.most.get().saturating_sub(remaining), ..state }
            }
            Err(not_until) => {
                let wait = not_until.wait_time_from(clock.now());
                LimitState { reset: quota.each() * (quota.most.get() - 1) + wait, retry_after: Some(wait), ..state }
            }
        }
    }

    /// The bucket of another quota for the same window, out of which as many are taken as out of this one, or all.
    fn of_quota(&self, quota: Quota, clock: LimiterClock) -> Self {
        // Asking takes one, which does not matter: this bucket goes.
        let left = self.limiter.check().map_or(0, |snapshot| snapshot.remaining_burst_capacity() + 1);
        let taken = self.quota.most.get().saturating_sub(left).min(quota.most.get());
        let changed = Self::full(quota, clock);
        if let Some(taken) = NonZeroU32::new(taken) {
            // A full bucket holds no less than what its quota allows.
            let _ = changed.limiter.check_n(taken);
        }
        changed
    }
}

impl<K: Eq + Hash + Clone> Buckets<K> {
    fn new(clock: &Clock, capacity: usize) -> Self {
        Self { entries: quick_cache::sync::Cache::new(capacity), clock: LimiterClock(clock.clone()) }
    }

    /// Takes one out of the key's bucket.
    fn take(&self, kind: LimitKind, key: &K, quota: Quota) -> LimitState {
        let full = || Ok::<_, std::convert::Infallible>(Arc::new(RwLock::new(Bucket::full(quota, self.clock.clone()))));
        let Ok(bucket) = self.entries.get_or_insert_with(key, full);
        let present = bucket.read().unwrap_or_else(PoisonError::into_inner);
        if present.quota == quota {
            return present.take(kind, &self.clock);
        }
        drop(present);
        let mut changed = bucket.write().unwrap_or_else(PoisonError::into_inner);
        if changed.quota != quota {
            *changed = changed.of_quota(quota, self.clock.clone());
        }
        changed.take(kind, &self.clock)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::macros::datetime;

    use super::*;

    fn per_second(most: u32) -> Quota {
        Quota { most: NonZeroU32::new(most).expect("is not zero"), window: Duration::from_secs(1) }
    }

    fn buckets() -> (Buckets<u32>, Clock) {
        let clock = Clock::manual(datetime!(2026-12-01 12:00 UTC));
        (Buckets::new(&clock, 1_000), clock)
    }

    fn take(buckets: &Buckets<u32>, key: u32, most: u32) -> LimitState {
        buckets.take(LimitKind::ApiKey, &key, per_second(most))
    }

    #[test]
    fn a_bucket_starts_full_and_fills_again_evenly() {
        let (buckets, clock) = buckets();
        let left: Vec<_> = (0..5).map(|_| take(&buckets, 1, 5).remaining).collect();
        assert_eq!(left, [4, 3, 2, 1, 0]);
        let refused = take(&buckets, 1, 5);
        assert_eq!((refused.remaining, refused.retry_after), (0, Some(Duration::from_millis(200))));
        clock.advance(Duration::from_nanos(199_999_999));
        assert_eq!(take(&buckets, 1, 5).retry_after, Some(Duration::from_nanos(1)));
        clock.advance(Duration::from_nanos(1));
        assert_eq!(take(&buckets, 1, 5).retry_after, None);
        assert!(take(&buckets, 1, 5).retry_after.is_some());
        // Another key is not concerned.
        assert_eq!(take(&buckets, 2, 5).remaining, 4);
    }

    #[test]
    fn a_changed_quota_holds_from_the_next_call_on() {
        let (buckets, clock) = buckets();
        while take(&buckets, 1, 3).retry_after.is_none() {}
        let raised = take(&buckets, 1, 1_000);
        assert_eq!((raised.retry_after, raised.remaining), (None, 1_000 - 3 - 1), "nobody waits for the old window");
        clock.advance(Duration::from_secs(1));
        assert_eq!(take(&buckets, 1, 1).retry_after, None);
        assert!(take(&buckets, 1, 1).retry_after.is_some_and(|wait| wait <= Duration::from_secs(1)));
    }

    #[test]
    fn what_was_taken_counts_against_a_changed_quota() {
        for (taken, changed, left) in [(80, 90, 10), (80, 50, 0), (80, 100, 20), (100, 101, 1), (0, 50, 50)] {
            let (buckets, _) = buckets();
            let first = if changed == 100 { 200 } else { 100 };
            assert_eq!((0..taken).filter(|_| take(&buckets, 1, first).retry_after.is_some()).count(), 0);
            let passed = (0..500).filter(|_| take(&buckets, 1, changed).retry_after.is_none()).count();
            assert_eq!(passed, left, "{taken} of {first}, then {changed}");
        }
    }

    #[test]
    fn calls_at_once_that_see_a_changed_quota_share_one_bucket() {
        let (buckets, _) = buckets();
        for _ in 0..10 {
            take(&buckets, 1, 50);
        }
        let allowed: usize = std::thread::scope(|scope| {
            let work = || (0..1_000).filter(|_| take(&buckets, 1, 100).retry_after.is_none()).count();
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(work)).collect();
            threads.into_iter().map(|thread| thread.join().expect("does not panic")).sum()
        });
        assert_eq!(allowed, 90);
    }

    #[test]
    fn a_flood_of_other_keys_does_not_reset_one_that_is_used() {
        let (buckets, _) = buckets();
        while take(&buckets, 0, 5).retry_after.is_none() {}
        for key in 1..=20_000 {
            take(&buckets, key, 5);
            if key % 100 == 0 {
                assert!(take(&buckets, 0, 5).retry_after.is_some(), "after {key} others");
            }
        }
    }

    #[test]
    fn headers_are_those_of_the_draft() {
        let (buckets, _) = buckets();
        let state = take(&buckets, 1, 5);
        assert_eq!(
            state.headers(),
            [("ratelimit-policy", "\"api_key\";q=5;w=1".to_owned()), ("ratelimit", "\"api_key\";r=4;t=1".to_owned())]
        );
        assert_eq!(state.retry_after_seconds(), None);
        for _ in 0..LEAK_REPORTS.most.get() {
            buckets.take(LimitKind::LeakReports, &2, LEAK_REPORTS);
        }
        let last = buckets.take(LimitKind::LeakReports, &2, LEAK_REPORTS);
        assert_eq!((last.retry_after_seconds(), last.headers()[1].1.as_str()), (Some(1), "\"leak_reports\";r=0;t=60"));
    }

    #[test]
    fn calls_at_once_get_no_more_than_the_bucket_holds() {
        let (buckets, _) = buckets();
        let allowed: usize = std::thread::scope(|scope| {
            let work = || (0..1_000).filter(|_| take(&buckets, 1, 50).retry_after.is_none()).count();
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
        fn no_window_lets_too_many_through(most in 1_u32..=10_000, gaps in prop::collection::vec(0_u64..250_000_000, 1..200)) {
            let (buckets, clock) = buckets();
            let (mut now, mut passed) = (0, Vec::new());
            for gap in gaps {
                now += gap;
                clock.advance(Duration::from_nanos(gap));
                let state = take(&buckets, 1, most);
                prop_assert!(state.remaining < most && state.reset <= Duration::from_secs(1));
                if let Some(wait) = state.retry_after {
                    prop_assert!(wait <= Duration::from_secs(1));
                    now += u64::try_from(wait.as_nanos()).expect("is short");
                    clock.advance(wait);
                    prop_assert_eq!(take(&buckets, 1, most).retry_after, None);
                }
                passed.push(now);
                let in_window = passed.iter().filter(|at| **at + 1_000_000_000 > now).count();
                prop_assert!(in_window <= 2 * most as usize, "{} in a second", in_window);
            }
        }
    }
}
