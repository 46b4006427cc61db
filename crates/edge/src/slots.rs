//! Places for connections, in all and for each address.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

use crate::descriptors::ConnectionLimits;

/// Places of one listener.
#[derive(Debug)]
pub(crate) struct Slots {
    limits: ConnectionLimits,
    addresses: Mutex<HashMap<IpAddr, usize>>,
    taken: watch::Sender<usize>,
}

/// One place, until it is dropped.
#[derive(Debug)]
pub(crate) struct Slot {
    slots: Arc<Slots>,
    address: IpAddr,
}

impl Slots {
    /// All free.
    pub(crate) fn new(limits: ConnectionLimits) -> Arc<Self> {
        Arc::new(Self { limits, addresses: Mutex::default(), taken: watch::Sender::new(0) })
    }

    /// Waits until a place is free.
    pub(crate) async fn free(&self) {
        self.wait_until(|taken| taken < self.limits.all).await;
    }

    /// Waits until all are.
    pub(crate) async fn empty(&self) {
        self.wait_until(|taken| taken == 0).await;
    }

    async fn wait_until(&self, holds: impl Fn(usize) -> bool) {
        // Fails only when the sender is gone, which is in `self`.
        let _ = self.taken.subscribe().wait_for(|taken| holds(*taken)).await;
    }

    /// How many are taken.
    pub(crate) fn taken(&self) -> usize {
        *self.taken.borrow()
    }

    /// A place for a connection from there; none when that address has all that are its.
    pub(crate) fn take(self: &Arc<Self>, from: IpAddr) -> Option<Slot> {
        let address = network(from);
        let mut addresses = self.addresses.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = addresses.entry(address).or_default();
        if *taken >= self.limits.per_address {
            return None;
        }
        *taken += 1;
        drop(addresses);
        self.taken.send_modify(|taken| *taken += 1);
        Some(Slot { slots: Arc::clone(self), address })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut addresses = self.slots.addresses.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(taken) = addresses.get_mut(&self.address) {
            *taken -= 1;
            if *taken == 0 {
                addresses.remove(&self.address);
            }
        }
        drop(addresses);
        self.slots.taken.send_modify(|taken| *taken -= 1);
    }
}

/// Whoever has an address of version 6 has its whole network of 64 bits.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => Ipv6Addr::from(u128::from(v6) & (u128::MAX << 64)).into(),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().expect("is an address")
    }

    #[test]
    fn an_address_takes_no_more_than_its_places_and_none_of_anothers() {
        let slots = Slots::new(ConnectionLimits { all: 10, per_address: 2 });
        let (first, second) = (slots.take(address("192.0.2.1")), slots.take(address("::ffff:192.0.2.1")));
        assert!(first.is_some() && second.is_some());
        assert!(slots.take(address("192.0.2.1")).is_none());
        assert!(slots.take(address("192.0.2.2")).is_some());
        drop(first);
        assert!(slots.take(address("192.0.2.1")).is_some(), "a connection that ended gives its place back");
    }

    #[test]
    fn a_network_of_version_six_counts_as_one_address() {
        let slots = Slots::new(ConnectionLimits { all: 10, per_address: 1 });
        let held = slots.take(address("2001:db8:0:1::1"));
        assert!(slots.take(address("2001:db8:0:1:ffff::9")).is_none());
        assert!(slots.take(address("2001:db8:0:2::1")).is_some());
        drop(held);
        assert_eq!(slots.taken(), 0);
        assert!(slots.addresses.lock().expect("nothing panics").is_empty(), "addresses that went are forgotten");
    }

    #[tokio::test]
    async fn who_waits_for_a_place_gets_the_next_that_is_free() {
        let slots = Slots::new(ConnectionLimits { all: 1, per_address: 5 });
        let held = slots.take(address("192.0.2.1"));
        let waiting = slots.free();
        tokio::pin!(waiting);
        assert!(waiting.as_mut().now_or_never().is_none());
        drop(held);
        waiting.await;
    }
}
