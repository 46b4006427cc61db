//! A circuit breaker for each master key: while its provider cannot be reached, calls fail at once but
//! for one in a second, which tries it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use portico_domain::Clock;
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
    clock: Clock,
    /// None while the circuit is closed, that is, while the last call reached the provider.
    outage: Mutex<Option<Outage>>,
    /// Whether it did not open the canary that a key of its id sealed: then it has other bytes than that key.
    has_other_bytes: AtomicBool,
    /// Whether the vault was moved to a key that is not listed: what is sealed with this one would hold that up.
    is_overtaken: AtomicBool,
}

#[derive(Debug)]
struct Outage {
    /// When the provider was last tried in vain.
    tried_at: Instant,
    /// What happened then.
    reason: String,
}

impl MasterKeyBreaker {
    /// The provider, of which nothing bad is known yet.
    pub(crate) fn new(provider: Box<dyn MasterKeyProvider>, clock: Clock) -> Self {
        Self {
            provider,
            clock,
            outage: Mutex::default(),
            has_other_bytes: AtomicBool::default(),
            is_overtaken: AtomicBool::default(),
        }
    }

    /// The same with another clock.
    pub(crate) fn with_clock(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }

    /// Whether the last attempt reached it; true before the first.
    pub(crate) fn is_reachable(&self) -> bool {
        self.outage().is_none()
    }

    /// Notes whether it failed to open the canary. While it does, it neither seals nor opens anything else: what it
    /// sealed would open nowhere else.
    pub(crate) fn set_other_bytes(&self, has_other_bytes: bool) {
        self.has_other_bytes.store(has_other_bytes, Ordering::Relaxed);
    }

    /// Notes whether the vault was moved to a key that is not listed. While it is, this one seals nothing, and opens what
    /// is still under it.
    pub(crate) fn set_overtaken(&self, is_overtaken: bool) {
        self.is_overtaken.store(is_overtaken, Ordering::Relaxed);
    }

    /// [`MasterKeyProvider::seal`], unless the circuit is open.
    pub(crate) async fn seal(
        &self,
        nonce: [u8; NONCE_LEN],
        aad: &[u8],
        plain: &[u8],
    ) -> Result<Vec<u8>, MasterKeyFailure> {
        self.check_bytes()?;
        if self.is_overtaken.load(Ordering::Relaxed) {
            return Err(self.refused("the vault was moved to another master key, which is not listed".to_owned()));
        }
        self.admit()?;
        let outcome = self.provider.seal(nonce, aad, plain).await;
        self.record(&outcome);
        outcome.map_err(|error| match error {
            ProviderError::Unreachable(reason) => self.unreachable(reason),
            ProviderError::Refused(reason) => self.refused(reason),
            ProviderError::Forged => self.refused("it does not seal".to_owned()),
        })
    }

    /// [`MasterKeyProvider::open`], unless the circuit is open.
    pub(crate) async fn open(&self, aad: &[u8], body: &[u8]) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        self.check_bytes()?;
        self.open_canary(aad, body).await
    }

    /// The same, also when it did not open the canary before.
    pub(crate) async fn open_canary(&self, aad: &[u8], body: &[u8]) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        self.admit()?;
        let outcome = self.provider.open(aad, body).await;
        self.record(&outcome);
        outcome.map_err(|error| match error {
            ProviderError::Unreachable(reason) => self.unreachable(reason).into(),
            ProviderError::Refused(reason) => self.refused(reason).into(),
            ProviderError::Forged => OpenError::Forged,
        })
    }

    fn check_bytes(&self) -> Result<(), MasterKeyFailure> {
        if self.has_other_bytes.load(Ordering::Relaxed) {
            return Err(self.refused("it has other bytes than the key of this id that sealed the vault".to_owned()));
        }
        Ok(())
    }

    /// Lets a call through, or fails it at once. During an outage the first caller after the pause is let
    /// through, and the pause begins anew.
    fn admit(&self) -> Result<(), MasterKeyFailure> {
        let now = self.clock.instant();
        match &mut *self.outage() {
            Some(outage) if now.duration_since(outage.tried_at) < RETRY => Err(self.unreachable(outage.reason.clone())),
            Some(outage) => {
                outage.tried_at = now;
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Opens or closes the circuit by what a call came to. A refusal is an answer too: whoever gives it was
    /// reached.
    fn record<T>(&self, outcome: &Result<T, ProviderError>) {
        *self.outage() = match outcome {
            Err(ProviderError::Unreachable(reason)) => {
                Some(Outage { tried_at: self.clock.instant(), reason: reason.clone() })
            }
            _ => None,
        };
    }

    fn outage(&self) -> MutexGuard<'_, Option<Outage>> {
        self.outage.lock().unwrap_or_else(PoisonError::into_inner)
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
    use time::OffsetDateTime;

    use super::*;
    use crate::local_master_key::LocalMasterKey;

    #[test]
    fn during_an_outage_one_call_a_second_is_let_through() {
        let key = LocalMasterKey::generate("k1".parse().expect("an id"), &mut rand::rng()).0;
        let clock = Clock::manual(OffsetDateTime::UNIX_EPOCH);
        let breaker = MasterKeyBreaker::new(Box::new(key), clock.clone());
        assert_eq!(breaker.admit(), Ok(()));
        breaker.record::<()>(&Err(ProviderError::Unreachable("gone".to_owned())));
        clock.advance(RETRY.saturating_sub(Duration::from_nanos(1)));
        assert!(breaker.admit().is_err() && !breaker.is_reachable());
        clock.advance(Duration::from_nanos(1));
        assert_eq!(breaker.admit(), Ok(()));
        assert!(breaker.admit().is_err(), "that attempt was the first caller's");
        clock.advance(RETRY);
        assert_eq!(breaker.admit(), Ok(()));
        breaker.record(&Ok(()));
        assert_eq!((breaker.admit(), breaker.admit()), (Ok(()), Ok(())), "the circuit is closed again");
    }
}
