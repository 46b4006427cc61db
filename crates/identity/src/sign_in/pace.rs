//! What a sign-in takes must not tell whether an address is known, nor in how many tenants: it costs as
//! many hashes for none as for three members, in steps of three beyond that, and is answered at even times.

use portico_vault::HashedPassword;
use tokio::time::{Duration, Instant};

/// Hashes are tried by so many.
const STEP: usize = 3;
/// An answer comes after a multiple of this. More than the hashes of one step take.
const TICK: Duration = Duration::from_millis(500);

/// Adds hashes of nobody to those of the members who can be tried, for as many as the address led to.
pub(super) fn evenly<T>(
    mut hashes: Vec<(Option<T>, HashedPassword)>,
    members: usize,
) -> Vec<(Option<T>, HashedPassword)> {
    let work = members.max(hashes.len()).max(1).next_multiple_of(STEP);
    hashes.resize_with(work, || (None, HashedPassword::of_nobody()));
    hashes
}

/// When a sign-in began.
pub(super) struct Pace(Instant);

impl Pace {
    pub(super) fn start() -> Self {
        Self(Instant::now())
    }

    /// Waits for the next time at which an answer may come.
    pub(super) async fn keep(self) {
        let ticks = self.0.elapsed().as_millis() / TICK.as_millis() + 1;
        tokio::time::sleep_until(self.0 + TICK * u32::try_from(ticks).unwrap_or(u32::MAX)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn none_one_and_three_members_cost_the_same() {
        let work = |known: usize, tried: usize| {
            let hashes = (0..tried).map(|number| (Some(number), HashedPassword::of_nobody())).collect();
            let hashes = evenly(hashes, known);
            assert_eq!(hashes.iter().filter(|(who, _)| who.is_some()).count(), tried);
            hashes.len()
        };
        assert_eq!([work(0, 0), work(1, 1), work(1, 0), work(2, 1), work(3, 3)], [3; 5]);
        assert_eq!([work(4, 0), work(4, 4), work(6, 1), work(7, 7)], [6, 6, 6, 9]);
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_comes_at_even_times() {
        for (work, answered) in [(0, 500), (120, 500), (499, 500), (501, 1000), (1700, 2000)] {
            let start = Instant::now();
            let pace = Pace::start();
            tokio::time::sleep(Duration::from_millis(work)).await;
            pace.keep().await;
            assert_eq!(start.elapsed().as_millis(), answered, "after work of {work} ms");
        }
    }
}
