//! The clock that is handed in.
//!
//! Code that asks what time it is takes a [`Clock`] in its constructor and never calls
//! `OffsetDateTime::now_utc` or `Instant::now` itself. What depends on time (a cache that grows old, a
//! retry that waits, a token that ends) is then tested by moving a manual clock, without sleeping and
//! without waiting for luck, and a simulation can run many workers on one clock whose every step it
//! decides.
//!
//! There are two kinds of time, and a clock gives both:
//!
//! - [`Clock::now`] is the time of day in UTC: for what is written down, shown, or compared with times
//!   that others wrote. The operating system may set it back.
//! - [`Clock::instant`] is monotonic: for ages and pauses inside one process. It never goes back and
//!   means nothing to another process.
//!
//! A manual clock moves both by the same amount, and only by [`Clock::advance`]. Its clones share the
//! time, so that a test keeps one and hands the other in:
//!
//! ```
//! use std::time::Duration;
//!
//! use portico_domain::clock::Clock;
//! use time::macros::datetime;
//!
//! let clock = Clock::manual(datetime!(2026-01-01 00:00 UTC));
//! let handed_in = clock.clone();
//! clock.advance(Duration::from_secs(90));
//! assert_eq!(handed_in.now(), datetime!(2026-01-01 00:01:30 UTC));
//! ```
//!
//! Timers are not part of it: whoever sleeps uses the runtime, whose time tests can pause. Nor are
//! identifiers: [`ids`](crate::ids) put the system's time into a UUID to order rows, and nothing reads it
//! back.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use time::{OffsetDateTime, UtcOffset};

/// Where code gets the time from. Cloning is cheap, and clones of a manual clock share its time.
/// The default is the system's clock.
#[derive(Debug, Clone, Default)]
pub struct Clock(Source);

#[derive(Debug, Clone, Default)]
enum Source {
    #[default]
    System,
    Manual(Arc<Manual>),
}

#[derive(Debug)]
struct Manual {
    start: OffsetDateTime,
    base: Instant,
    /// By how much it was advanced, in ns: enough for 584 years.
    advanced: AtomicU64,
}

impl Clock {
    /// The operating system's clock.
    #[must_use]
    pub const fn system() -> Self {
        Self(Source::System)
    }

    /// A clock that stands at `start` until it is advanced. For tests and simulations.
    #[must_use]
    pub fn manual(start: OffsetDateTime) -> Self {
        let start = start.to_offset(UtcOffset::UTC);
        Self(Source::Manual(Arc::new(Manual { start, base: Instant::now(), advanced: AtomicU64::new(0) })))
    }

    /// The time of day, in UTC.
    #[must_use]
    pub fn now(&self) -> OffsetDateTime {
        match &self.0 {
            Source::System => OffsetDateTime::now_utc(),
            Source::Manual(manual) => manual.start + manual.advanced(),
        }
    }

    /// The monotonic time. The base of a manual clock is the moment at which it was made; only the
    /// difference of two of its instants means something.
    #[must_use]
    pub fn instant(&self) -> Instant {
        match &self.0 {
            Source::System => Instant::now(),
            Source::Manual(manual) => manual.base + manual.advanced(),
        }
    }

    /// Moves a manual clock, and so all its clones, forward.
    ///
    /// # Panics
    ///
    /// When this is the system's clock, which nobody can move, or when the clock has been advanced by
    /// more than 584 years in all.
    pub fn advance(&self, by: Duration) {
        let Source::Manual(manual) = &self.0 else {
            panic!("the system's clock cannot be advanced");
        };
        let moved = u64::try_from(by.as_nanos()).ok().and_then(|by| {
            manual.advanced.try_update(Ordering::AcqRel, Ordering::Acquire, |so_far| so_far.checked_add(by)).ok()
        });
        assert!(moved.is_some(), "a manual clock covers 584 years");
    }
}

impl Manual {
    fn advanced(&self) -> Duration {
        Duration::from_nanos(self.advanced.load(Ordering::Acquire))
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_manual_clock_stands_until_it_is_advanced() {
        let clock = Clock::manual(datetime!(2026-01-31 23:59:59 UTC));
        let before = clock.instant();
        assert_eq!((clock.now(), clock.instant()), (datetime!(2026-01-31 23:59:59 UTC), before));
        clock.advance(Duration::from_millis(1500));
        clock.advance(Duration::from_nanos(1));
        assert_eq!(clock.now(), datetime!(2026-02-01 00:00:00.500000001 UTC));
        assert_eq!(clock.instant() - before, Duration::new(1, 500_000_001));
    }

    #[test]
    fn clones_of_a_manual_clock_share_its_time_and_two_clocks_do_not() {
        let clock = Clock::manual(datetime!(2026-01-01 00:00 UTC));
        let (clone, other) = (clock.clone(), Clock::manual(datetime!(2026-01-01 00:00 UTC)));
        clone.advance(Duration::from_hours(1));
        assert_eq!((clock.now(), clock.instant()), (clone.now(), clone.instant()));
        assert_eq!(clock.now(), datetime!(2026-01-01 01:00 UTC));
        assert_eq!(other.now(), datetime!(2026-01-01 00:00 UTC));
    }

    #[test]
    fn the_time_of_day_is_given_in_utc() {
        assert!(Clock::manual(datetime!(2026-01-01 02:00 +02:00)).now().offset().is_utc());
        assert_eq!(Clock::manual(datetime!(2026-01-01 02:00 +02:00)).now().hour(), 0);
        assert!(Clock::default().now().offset().is_utc());
    }

    #[test]
    fn the_system_s_clock_is_the_operating_system_s() {
        for clock in [Clock::system(), Clock::default()] {
            let (day, instant) = (OffsetDateTime::now_utc(), Instant::now());
            assert!(clock.instant() >= instant && clock.instant() <= Instant::now());
            assert!((clock.now() - day).abs() < time::Duration::HOUR, "the clock may be set between the two");
        }
    }

    #[test]
    #[should_panic(expected = "the system's clock cannot be advanced")]
    fn the_system_s_clock_cannot_be_advanced() {
        Clock::system().advance(Duration::from_secs(1));
    }

    #[test]
    #[should_panic(expected = "a manual clock covers 584 years")]
    fn a_manual_clock_does_not_wrap_around() {
        let clock = Clock::manual(datetime!(2026-01-01 00:00 UTC));
        clock.advance(Duration::from_nanos(u64::MAX));
        clock.advance(Duration::from_nanos(1));
    }
}
