//! How long the other side may be waited for while it sends or takes bytes.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

/// What is asked of the other side.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MinimumRate {
    /// How long it may be waited for at once, and how long before the rate counts.
    pub(crate) pause: Duration,
    /// How many bytes give it a second more.
    pub(crate) bytes_per_second: u64,
}

impl MinimumRate {
    /// How long the next wait may be, after so many bytes and so much waiting.
    fn patience(self, moved: u64, waited: Duration) -> Duration {
        let earned = Duration::from_millis(moved.saturating_mul(1000) / self.bytes_per_second);
        (self.pause + earned).saturating_sub(waited).min(self.pause)
    }
}

/// How one stream of bytes keeps to its rate. Only waiting counts: what takes its time on our side does not.
#[derive(Debug)]
pub(crate) struct Pace {
    rate: MinimumRate,
    moved: u64,
    waited: Duration,
    waiting: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Pace {
    /// Nothing has moved yet.
    pub(crate) const fn new(rate: MinimumRate) -> Self {
        Self { rate, moved: 0, waited: Duration::ZERO, waiting: None, timer: None }
    }

    /// So many bytes moved; the wait is over.
    pub(crate) fn moved(&mut self, bytes: usize) {
        if let Some(since) = self.waiting.take() {
            self.waited += since.elapsed();
        }
        self.moved = self.moved.saturating_add(bytes as u64);
    }

    /// Waits on; ready when that has lasted too long.
    pub(crate) fn poll_late(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.waiting.is_none() {
            let now = Instant::now();
            self.waiting = Some(now);
            let deadline = now + self.rate.patience(self.moved, self.waited);
            match &mut self.timer {
                Some(timer) => timer.as_mut().reset(deadline),
                None => self.timer = Some(Box::pin(sleep_until(deadline))),
            }
        }
        self.timer.as_mut().map_or(Poll::Pending, |timer| timer.as_mut().poll(cx))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: MinimumRate = MinimumRate { pause: Duration::from_secs(10), bytes_per_second: 1000 };

    #[test]
    fn bytes_earn_patience_and_waiting_spends_it() {
        let seconds = Duration::from_secs;
        assert_eq!(RATE.patience(0, Duration::ZERO), seconds(10));
        assert_eq!(RATE.patience(0, seconds(7)), seconds(3));
        assert_eq!(RATE.patience(5000, seconds(12)), seconds(3));
        assert_eq!(RATE.patience(1, seconds(60)), Duration::ZERO, "a byte now and then is not enough");
        assert_eq!(RATE.patience(u64::MAX, seconds(60)), seconds(10), "however much came, no pause is longer");
    }

    #[tokio::test(start_paused = true)]
    async fn who_sends_a_byte_in_two_seconds_is_late_and_who_is_not_waited_for_is_not() {
        let begun = Instant::now();
        let mut pace = Pace::new(RATE);
        let late = async {
            loop {
                let late = std::future::poll_fn(|cx| pace.poll_late(cx));
                if tokio::time::timeout(Duration::from_secs(2), late).await.is_ok() {
                    return;
                }
                pace.moved(1);
                // What Portico itself takes does not count.
                tokio::time::sleep(Duration::from_secs(5)).await;
            }
        };
        late.await;
        let waited = begun.elapsed();
        assert!(waited >= Duration::from_secs(30) && waited < Duration::from_secs(45), "{waited:?}");
    }
}
