//! How many calls of one tenant to the management API are worked on at the same time.
//!
//! Such calls hold a connection to Postgres, and changes of one tenant wait for each other while they hold
//! it. Without a limit, one caller that asks hundreds of things at once takes every connection, and other
//! tenants' calls wait for it. The limit holds for one process; whoever is beyond it waits for a while.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use portico_domain::TenantId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::Error;

/// How many at once: a small part of the connections, so that several tenants may do their worst.
const AT_ONCE: usize = 4;
/// How long one waits for its turn.
const WAIT_TIMEOUT: Duration = Duration::from_secs(5);

/// The right to be worked on, until it is dropped.
#[derive(Debug)]
pub struct BulkheadPermit(#[expect(dead_code, reason = "is held, not looked at")] OwnedSemaphorePermit);

/// The permits of each tenant that has calls under way.
#[derive(Debug, Default)]
pub struct Bulkhead(Mutex<HashMap<TenantId, Arc<Semaphore>>>);

impl Bulkhead {
    fn of(&self, tenant: TenantId) -> Arc<Semaphore> {
        let mut tenants = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A tenant of which nothing is under way has all its permits, and needs no place here.
        tenants.retain(|_, permits| Arc::strong_count(permits) > 1);
        Arc::clone(tenants.entry(tenant).or_insert_with(|| Arc::new(Semaphore::new(AT_ONCE))))
    }

    /// Waits until a call of the tenant may be worked on.
    ///
    /// # Errors
    ///
    /// [`Error::TenantBusy`] when that takes longer than five seconds.
    pub async fn admit(&self, tenant: TenantId) -> Result<BulkheadPermit, Error> {
        self.take(tenant, WAIT_TIMEOUT).await
    }

    async fn take(&self, tenant: TenantId, patience: Duration) -> Result<BulkheadPermit, Error> {
        let waiting = tokio::time::timeout(patience, self.of(tenant).acquire_owned()).await;
        waiting.ok().and_then(Result::ok).map(BulkheadPermit).ok_or(Error::TenantBusy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_tenant_has_so_many_permits_and_takes_none_of_anothers() {
        let (permits, busy, other) = (Bulkhead::default(), TenantId::generate(), TenantId::generate());
        let mut held = Vec::new();
        for _ in 0..AT_ONCE {
            held.push(permits.take(busy, Duration::ZERO).await.expect("is free"));
        }
        assert!(matches!(permits.take(busy, Duration::ZERO).await, Err(Error::TenantBusy)));
        assert!(permits.take(other, Duration::ZERO).await.is_ok());
        held.pop();
        let again = permits.take(busy, Duration::ZERO).await;
        assert!(again.is_ok(), "a turn that ended is free");
        drop((held, again));
        assert!(permits.take(other, Duration::ZERO).await.is_ok());
        assert_eq!(
            permits.0.lock().expect("nothing panics").len(),
            1,
            "only who has something under way is remembered"
        );
    }
}
