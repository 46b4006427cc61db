//! One at a time, for each of many: the first does the work, those who wait find it done.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, PoisonError};

use tokio::sync::Mutex;

/// A lock for each key that somebody holds or waits for.
#[derive(Debug)]
pub(crate) struct SingleFlight<K>(std::sync::Mutex<HashMap<K, Arc<Mutex<()>>>>);

impl<K> Default for SingleFlight<K> {
    fn default() -> Self {
        Self(std::sync::Mutex::default())
    }
}

impl<K: Eq + Hash> SingleFlight<K> {
    /// The key's lock.
    pub(crate) fn of(&self, key: K) -> Arc<Mutex<()>> {
        let mut flights = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        flights.retain(|_, gate| Arc::strong_count(gate) > 1);
        Arc::clone(flights.entry(key).or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_gate_is_shared_while_it_is_held_and_forgotten_afterwards() {
        let flights = SingleFlight::default();
        let (held, other) = (flights.of(1), flights.of(2));
        let turn = held.lock().await;
        assert!(flights.of(1).try_lock().is_err() && flights.of(2).try_lock().is_ok());
        drop(turn);
        assert!(flights.of(1).try_lock().is_ok());
        drop((held, other));
        flights.of(3);
        assert_eq!(flights.0.lock().expect("nothing panics").len(), 1);
    }
}
