//! Turns for work of which each party may have so much at once, in order of arrival within a party.
//!
//! Whoever shares something scarce first come, first served waits behind everything that one party asked for at once.
//! With turns, a party's own excess waits before the queue of all, which then holds no more than every party's turns.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The right to do a piece of work, until it is dropped.
#[derive(Debug)]
pub struct Turn(#[expect(dead_code, reason = "is held, not looked at")] OwnedSemaphorePermit);

/// The turns of each party that has work under way.
#[derive(Debug)]
pub struct Turns<K>(Mutex<HashMap<K, Arc<Semaphore>>>);

impl<K> Default for Turns<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Copy + Eq + Hash> Turns<K> {
    /// Waits for one of the party's `turns`, for so long at the most; none when there is none in that time. All calls for
    /// one party must name the same number.
    pub async fn take(&self, party: K, turns: usize, limit: Duration) -> Option<Turn> {
        let own = self.of(party, turns);
        // Most need not wait, and then no timer either. Nobody is passed by: none is free while somebody waits.
        if let Ok(permit) = Arc::clone(&own).try_acquire_owned() {
            return Some(Turn(permit));
        }
        tokio::time::timeout(limit, own.acquire_owned()).await.ok().and_then(Result::ok).map(Turn)
    }

    /// For how many parties something is kept.
    #[must_use]
    pub fn parties(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    fn of(&self, party: K, turns: usize) -> Arc<Semaphore> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = all.get(&party) {
            return Arc::clone(own);
        }
        // A party of which nothing is under way has all its turns, and needs no place here. Forgetting those when the
        // table is full to its room costs nothing for most calls.
        if all.len() == all.capacity() {
            all.retain(|_, own| Arc::strong_count(own) > 1);
        }
        Arc::clone(all.entry(party).or_insert_with(|| Arc::new(Semaphore::new(turns))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::ZERO;

    #[tokio::test]
    async fn a_party_has_so_many_turns_and_takes_none_of_anothers() {
        let turns = Turns::default();
        let held = [turns.take(1, 2, NOW).await, turns.take(1, 2, NOW).await];
        assert!(held.iter().all(Option::is_some));
        assert!(turns.take(1, 2, NOW).await.is_none());
        assert!(turns.take(2, 2, NOW).await.is_some());
        drop(held);
        assert!(turns.take(1, 2, NOW).await.is_some(), "a turn that ended is free");
    }

    #[tokio::test]
    async fn parties_that_have_nothing_under_way_are_forgotten() {
        let turns = Turns::default();
        let held = turns.take(0, 1, NOW).await;
        for party in 1..10_000 {
            assert!(turns.take(party, 1, NOW).await.is_some());
        }
        assert!(turns.parties() < 100);
        drop(held);
    }
}
