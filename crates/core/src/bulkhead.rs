//! How much of one tenant's work is done at the same time.
//!
//! Calls of the management API hold a connection to Postgres, and changes of one tenant wait for each other while they
//! hold it; calls on Chakra's paths hold descriptors and memory. Without a limit, one caller that asks hundreds of things
//! at once takes all of it, and other tenants' calls wait for it. Each [`Lane`] has turns of its own, so that whoever
//! fills one keeps nobody from another: above all, what revokes and what the operator does stay possible. A turn is
//! taken when everything of a call has arrived. The limits hold for one process; whoever is beyond one waits for a
//! while, in the order of arrival.

use std::time::Duration;

use portico_domain::TenantId;
use portico_storage::turns::{Turn, Turns};

use crate::error::Error;

/// How long one waits for its turn.
const WAIT_TIMEOUT: Duration = Duration::from_secs(5);

/// What kind of work a turn is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Lane {
    /// A management call.
    Management,
    /// A management call that ends something, such as a key or a member.
    Revocation,
    /// A management call that asks Chakra, and waits for it.
    Upstream,
    /// A management call of the operator, in the tenant that it names.
    Operator,
    /// A call on Chakra's paths.
    Compatible,
    /// One of those that moves media, which takes minutes.
    Media,
}

impl Lane {
    /// How many at once. Those of one tenant that work on Postgres are a part of its connections, so that several
    /// tenants may do their worst.
    const fn turns(self) -> usize {
        match self {
            Self::Management | Self::Operator => 4,
            Self::Revocation => 2,
            Self::Upstream => 6,
            Self::Compatible => 256,
            Self::Media => 64,
        }
    }

    /// Why there is none.
    const fn busy(self) -> Error {
        match self {
            Self::Compatible | Self::Media => Error::TenantCallsBusy,
            Self::Management | Self::Revocation | Self::Upstream | Self::Operator => Error::TenantBusy,
        }
    }
}

/// The turns of each tenant that has calls under way.
#[derive(Debug, Default)]
pub struct Bulkhead(Turns<(TenantId, Lane)>);

impl Bulkhead {
    /// Waits until work of the tenant may be done.
    ///
    /// # Errors
    ///
    /// [`Error::TenantBusy`], or [`Error::TenantCallsBusy`] on Chakra's paths, when that takes longer than five seconds.
    pub async fn admit(&self, tenant: TenantId, lane: Lane) -> Result<Turn, Error> {
        self.take(tenant, lane, WAIT_TIMEOUT).await
    }

    async fn take(&self, tenant: TenantId, lane: Lane, limit: Duration) -> Result<Turn, Error> {
        self.0.take((tenant, lane), lane.turns(), limit).await.ok_or(lane.busy())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn fill(bulkhead: &Bulkhead, tenant: TenantId, lane: Lane) -> Vec<Turn> {
        let mut held = Vec::new();
        for _ in 0..lane.turns() {
            held.push(bulkhead.take(tenant, lane, Duration::ZERO).await.expect("is free"));
        }
        assert!(bulkhead.take(tenant, lane, Duration::ZERO).await.is_err());
        held
    }

    #[tokio::test]
    async fn a_tenant_has_so_many_turns_and_takes_none_of_anothers() {
        let (bulkhead, busy, other) = (Bulkhead::default(), TenantId::generate(), TenantId::generate());
        let mut held = fill(&bulkhead, busy, Lane::Management).await;
        assert!(matches!(bulkhead.take(busy, Lane::Management, Duration::ZERO).await, Err(Error::TenantBusy)));
        assert!(bulkhead.take(other, Lane::Management, Duration::ZERO).await.is_ok());
        held.pop();
        assert!(bulkhead.take(busy, Lane::Management, Duration::ZERO).await.is_ok(), "a turn that ended is free");
    }

    #[tokio::test]
    async fn whoever_fills_one_lane_keeps_nobody_from_another() {
        let lanes = [Lane::Management, Lane::Revocation, Lane::Upstream, Lane::Operator, Lane::Compatible, Lane::Media];
        let tenant = TenantId::generate();
        for full in lanes {
            let bulkhead = Bulkhead::default();
            let _held = fill(&bulkhead, tenant, full).await;
            for lane in lanes.into_iter().filter(|lane| *lane != full) {
                assert!(bulkhead.take(tenant, lane, Duration::ZERO).await.is_ok(), "{full:?} is full, {lane:?} is not");
            }
        }
    }
}
