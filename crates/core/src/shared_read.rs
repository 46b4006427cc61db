//! One read for all who need the same thing at the same time.
//!
//! A database that is gone makes a read fail only after seconds. Callers that waited for each other's turn would each
//! wait that long in addition; here everybody who waited while a read failed gets that failure.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use portico_storage::StorageError;

use crate::error::Error;

/// The turns of a read.
#[derive(Debug, Default)]
pub struct SharedRead {
    /// Held by whoever reads.
    turn: tokio::sync::Mutex<()>,
    last: Mutex<Last>,
}

#[derive(Debug, Default)]
struct Last {
    /// How many reads have ended.
    ended: u64,
    /// What the last one failed with, if that was the database.
    failure: Option<Arc<StorageError>>,
}

impl SharedRead {
    /// What is `known` when the turn comes, else what `read` gives; or the database's failure of a read that ended
    /// while this one waited.
    ///
    /// # Errors
    ///
    /// What the read fails with.
    pub async fn join<T>(
        &self,
        known: impl Fn() -> Option<T>,
        read: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let ended = self.last().ended;
        let _turn = self.turn.lock().await;
        if let Some(known) = known() {
            return Ok(known);
        }
        if let Some(failure) = self.failure_after(ended) {
            return Err(Error::Database(StorageError::Shared(failure)));
        }
        let outcome = read.await;
        let mut last = self.last();
        last.ended += 1;
        match outcome {
            Err(Error::Database(failure)) => {
                let failure = Arc::new(failure);
                last.failure = Some(Arc::clone(&failure));
                Err(Error::Database(StorageError::Shared(failure)))
            }
            outcome => {
                last.failure = None;
                outcome
            }
        }
    }

    /// Whether the database failed the last read.
    #[must_use]
    pub fn is_failing(&self) -> bool {
        self.last().failure.is_some()
    }

    fn failure_after(&self, ended: u64) -> Option<Arc<StorageError>> {
        let last = self.last();
        if last.ended > ended { last.failure.clone() } else { None }
    }

    fn last(&self) -> MutexGuard<'_, Last> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use tokio::sync::Notify;

    use super::*;

    #[tokio::test]
    async fn one_failure_is_everybodys_who_waited_and_nobodys_who_comes_later() {
        let (shared, reads, fail) = (SharedRead::default(), AtomicU32::default(), Notify::default());
        let join = || {
            let read = async {
                reads.fetch_add(1, Ordering::Relaxed);
                fail.notified().await;
                Err(Error::Database(StorageError::Slow))
            };
            shared.join(|| None::<u8>, read)
        };
        let all = futures_util::future::join_all((0..12).map(|_| join()));
        let failing = async {
            tokio::task::yield_now().await;
            fail.notify_one();
        };
        let (outcomes, ()) = tokio::join!(all, failing);
        assert!(outcomes.iter().all(|outcome| matches!(outcome, Err(Error::Database(_)))), "{outcomes:?}");
        assert_eq!(reads.load(Ordering::Relaxed), 1);
        assert!(shared.is_failing());
        let later = shared.join(|| None, async { Ok(1) }).await;
        assert!(matches!(later, Ok(1)), "{later:?}");
        assert!(!shared.is_failing());
    }
}
