//! A circuit breaker for each master key: while its provider cannot be reached, calls fail at once but
//! for one in a second, which tries it.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use crate::cipher::NONCE_LEN;
use crate::open_error::{MasterKeyFailure, OpenError};
use crate::provider::{MasterKeyProvider, ProviderError};

/// While a provider cannot be reached, one call in this time tries it. The others fail at once, so
/// that they do not queue up behind a provider that is gone.
const RETRY: Duration = Duration::from_secs(1);

/// A master key's provider behind its circuit breaker.
#[derive(Debug)]
pub(crate) struct MasterKeyBreaker {
    pub(crate) provider: Box<dyn MasterKeyProvider>,
    /// When it was last tried in vain, and what happened; none while the circuit is closed.
    outage: Mutex<Option<(Instant, String)>>,
}

impl MasterKeyBreaker {
    pub(crate) fn new(provider: Box<dyn MasterKeyProvider>) -> Self {
        Self { provider, outage: Mutex::default() }
    }

    /// Whether the last attempt reached it; true before the first.
    pub(crate) fn is_reachable(&self) -> bool {
        self.outage.lock().unwrap_or_else(PoisonError::into_inner).is_none()
    }

    pub(crate) async fn seal(
        &self,
        nonce: [u8; NONCE_LEN],
        aad: &[u8],
        plain: &[u8],
    ) -> Result<Vec<u8>, MasterKeyFailure> {
        self.may_try(Instant::now())?;
        let outcome = self.provider.seal(nonce, aad, plain).await;
        self.note(&outcome);
        outcome.map_err(|error| match error {
            ProviderError::Unreachable(reason) => self.unreachable(reason),
            ProviderError::Refused(reason) => self.refused(reason),
            ProviderError::Forged => self.refused("it does not seal".to_owned()),
        })
    }

    pub(crate) async fn open(&self, aad: &[u8], body: &[u8]) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        self.may_try(Instant::now())?;
        let outcome = self.provider.open(aad, body).await;
        self.note(&outcome);
        outcome.map_err(|error| match error {
            ProviderError::Unreachable(reason) => self.unreachable(reason).into(),
            ProviderError::Refused(reason) => self.refused(reason).into(),
            ProviderError::Forged => OpenError::Forged,
        })
    }

    /// During an outage: whether it is time for another attempt, which is then this caller's.
    fn may_try(&self, now: Instant) -> Result<(), MasterKeyFailure> {
        let mut outage = self.outage.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *outage {
            Some((tried, reason)) if now.duration_since(*tried) < RETRY => Err(self.unreachable(reason.clone())),
            Some((tried, _)) => {
                *tried = now;
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// A refusal is an answer too: whoever gives it was reached.
    fn note<T>(&self, outcome: &Result<T, ProviderError>) {
        let mut outage = self.outage.lock().unwrap_or_else(PoisonError::into_inner);
        *outage = match outcome {
            Err(ProviderError::Unreachable(reason)) => Some((Instant::now(), reason.clone())),
            _ => None,
        };
    }

    /// Makes the last attempt in vain that much older.
    #[cfg(test)]
    pub(crate) fn tried_earlier(&mut self, by: Duration) {
        if let Some((tried, _)) = self.outage.get_mut().unwrap_or_else(PoisonError::into_inner) {
            *tried = tried.checked_sub(by).expect("the clock has run for a second");
        }
    }

    fn unreachable(&self, reason: String) -> MasterKeyFailure {
        MasterKeyFailure::Unreachable { id: self.provider.id().clone(), reason }
    }

    fn refused(&self, reason: String) -> MasterKeyFailure {
        MasterKeyFailure::Refused { id: self.provider.id().clone(), reason }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::local_master_key::LocalMasterKey;

    #[test]
    fn during_an_outage_one_call_a_second_is_let_through() {
        let key = LocalMasterKey::generate("k1".parse().expect("an id"), &mut rand::rng()).0;
        let breaker = MasterKeyBreaker::new(Box::new(key));
        breaker.note::<()>(&Err(ProviderError::Unreachable("gone".to_owned())));
        let noted = breaker.outage.lock().expect("no test panics while it holds this").clone();
        let (tried, _) = noted.expect("an outage");
        let next = tried + RETRY;
        assert!(breaker.may_try(next.checked_sub(Duration::from_nanos(1)).expect("later than the attempt")).is_err());
        assert_eq!(breaker.may_try(next), Ok(()));
        assert!(breaker.may_try(next).is_err(), "that attempt was the first caller's");
        assert_eq!(breaker.may_try(next + RETRY), Ok(()));
    }
}
