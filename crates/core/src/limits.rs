//! How often something may happen: the one place where calls are counted against a limit.
//!
//! Each limit is a [`Quota`], so many per span of time, and each thing that it holds for (an API key, an
//! address) has a bucket of its own, which starts full (GCRA, by `governor`). Buckets lie in a cache that evicts
//! what was not asked for lately, so that a flood of new addresses resets nobody's count. A changed quota begins
//! a new bucket: it holds from the next call on, and nothing of the old one's window is left.
//!
//! The count is this process's own: with three replicas a key gets up to three times its limit until the counts
//! are shared.
//!
//! To add a limit, add a [`LimitKind`] and a field of [`Limits`], and ask for it where a call is judged.

use std::fmt;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use governor::RateLimiter;
use governor::clock::{Clock, MonotonicClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use portico_auth::{Actor, Principal};
use portico_domain::ApiKeyId;

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
#[derive(Debug, Default)]
pub struct Limits {
    api_keys: Buckets<ApiKeyId>,
    leak_reports: Buckets<IpAddr>,
}

impl Limits {
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
    pub fn count_leak_report(&self, address: Option<IpAddr>) -> Result<LimitState, Exceeded> {
        let from = address.map_or(Ipv6Addr::UNSPECIFIED.into(), network);
        allowed(self.leak_reports.take(LimitKind::LeakReports, &from, LEAK_REPORTS))
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

/// The buckets of one limit.
struct Buckets<K, C: Clock = MonotonicClock> {
    entries: quick_cache::sync::Cache<K, Arc<Bucket<C>>>,
    clock: C,
}

/// One bucket, of the quota that it was made for.
struct Bucket<C: Clock> {
    quota: Quota,
    limiter: RateLimiter<NotKeyed, InMemoryState, C, StateInformationMiddleware>,
}

impl<K, C: Clock> fmt::Debug for Buckets<K, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Buckets").finish_non_exhaustive()
    }
}

impl<K: Eq + Hash + Clone> Default for Buckets<K> {
    fn default() -> Self {
        Self::with_clock(MonotonicClock, CAPACITY)
    }
}

impl<C: Clock> Bucket<C> {
    fn new(quota: Quota, clock: C) -> Self {
        let limiter = RateLimiter::direct_with_clock(quota.of_governor(), clock).with_middleware();
        Self { quota, limiter }
    }
}

impl<K: Eq + Hash + Clone, C: Clock + Clone> Buckets<K, C> {
    fn with_clock(clock: C, capacity: usize) -> Self {
        Self { entries: quick_cache::sync::Cache::new(capacity), clock }
    }

    /// Takes one out of the key's bucket.
    fn take(&self, kind: LimitKind, key: &K, quota: Quota) -> LimitState {
        let bucket = match self.entries.get(key).filter(|bucket| bucket.quota == quota) {
            Some(bucket) => bucket,
            None => self.renewed(key, quota),
        };
        let state = LimitState { kind, quota, remaining: 0, reset: Duration::ZERO, retry_after: None };
        match bucket.limiter.check() {
            Ok(snapshot) => {
                let remaining = snapshot.remaining_burst_capacity();
                LimitState { remaining, reset: quota.each() * quota.most.get().saturating_sub(remaining), ..state }
            }
            Err(not_until) => {
                let wait = not_until.wait_time_from(self.clock.now());
                LimitState { reset: quota.each() * (quota.most.get() - 1) + wait, retry_after: Some(wait), ..state }
            }
        }
    }

    /// The key's bucket of that quota; of several calls at once, all get the same one.
    fn renewed(&self, key: &K, quota: Quota) -> Arc<Bucket<C>> {
        let new = || Arc::new(Bucket::new(quota, self.clock.clone()));
        let Ok(found) = self.entries.get_or_insert_with(key, || Ok::<_, std::convert::Infallible>(new()));
        if found.quota == quota {
            return found;
        }
        let fresh = new();
        self.entries.insert(key.clone(), Arc::clone(&fresh));
        fresh
    }
}

#[cfg(test)]
mod tests {
    use governor::clock::FakeRelativeClock;
    use proptest::prelude::*;

    use super::*;

    fn per_second(most: u32) -> Quota {
        Quota { most: NonZeroU32::new(most).expect("is not zero"), window: Duration::from_secs(1) }
    }

    fn buckets() -> (Buckets<u32, FakeRelativeClock>, FakeRelativeClock) {
        let clock = FakeRelativeClock::default();
        (Buckets::with_clock(clock.clone(), 1_000), clock)
    }

    fn take(buckets: &Buckets<u32, FakeRelativeClock>, key: u32, most: u32) -> LimitState {
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
        assert_eq!(take(&buckets, 1, 1_000).retry_after, None, "nothing of the old window is left");
        clock.advance(Duration::from_millis(1));
        assert_eq!(take(&buckets, 1, 1).retry_after, None);
        assert!(take(&buckets, 1, 1).retry_after.is_some_and(|wait| wait <= Duration::from_secs(1)));
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
