//! Hashing passwords: off the threads that serve, and few at once, because each takes 19 MiB.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

use super::error::SignInError;

/// How many run at once.
const AT_ONCE: usize = 2;
/// How long one waits for its turn.
const WAIT_TIMEOUT: Duration = Duration::from_secs(5);

/// Runs hashes, two at once.
#[derive(Debug, Clone)]
pub(super) struct Hashing(Arc<Semaphore>);

impl Default for Hashing {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(AT_ONCE)))
    }
}

impl Hashing {
    /// Runs it when its turn comes.
    ///
    /// # Errors
    ///
    /// [`SignInError::Busy`] when that takes longer than five seconds.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        hash: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, SignInError> {
        let turn = tokio::time::timeout(WAIT_TIMEOUT, Arc::clone(&self.0).acquire_owned()).await;
        let Ok(Ok(turn)) = turn else { return Err(SignInError::Busy) };
        let run = move || {
            let done = hash();
            // Held until the work is done, even if nobody waits for it any more.
            drop(turn);
            done
        };
        tokio::task::spawn_blocking(run).await.map_err(|_| SignInError::Busy)
    }
}
