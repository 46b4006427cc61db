//! What is remembered between calls, and for how long it may be believed.
//!
//! Every entry belongs to a tenant and carries a [`Stamp`]. Word of a change (from any replica,
//! through Postgres) moves the tenant's epoch on, and every older stamp with it turns stale. While
//! that word cannot reach us, a stamp holds for a second; in any case for less than a minute.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use portico_domain::TenantId;

/// How long an entry is believed at the most.
pub(crate) const LONGEST: Duration = Duration::from_secs(55);
/// How often what is no longer believed is dropped. With [`LONGEST`], secrets are held for a minute at most.
pub(crate) const SWEEP: Duration = Duration::from_secs(5);
/// How long an entry is believed while word of changes cannot reach us.
const UNHEARD: Duration = Duration::from_millis(900);
/// How many entries a memo holds before it starts anew.
const CAPACITY: usize = 200_000;

/// Decides what is still fresh.
#[derive(Debug, Default)]
pub(crate) struct Freshness {
    tenants: RwLock<HashMap<TenantId, Arc<AtomicU64>>>,
    everything: Arc<AtomicU64>,
    listening: AtomicBool,
}

/// When, and at which epoch, something was read.
#[derive(Debug, Clone)]
pub(crate) struct Stamp {
    tenant: Arc<AtomicU64>,
    tenant_epoch: u64,
    everything_epoch: u64,
    at: Instant,
}

impl Freshness {
    /// A stamp for what is about to be read: take it before reading.
    pub(crate) fn stamp(&self, tenant: TenantId) -> Stamp {
        let epoch = self.epoch(tenant);
        Stamp {
            tenant_epoch: epoch.load(Ordering::Acquire),
            tenant: epoch,
            everything_epoch: self.everything.load(Ordering::Acquire),
            at: Instant::now(),
        }
    }

    /// Whether what was read then may still be believed.
    pub(crate) fn is_fresh(&self, stamp: &Stamp) -> bool {
        let longest = if self.listening.load(Ordering::Acquire) { LONGEST } else { UNHEARD };
        stamp.tenant.load(Ordering::Acquire) == stamp.tenant_epoch
            && self.everything.load(Ordering::Acquire) == stamp.everything_epoch
            && stamp.at.elapsed() < longest
    }

    /// Something of a tenant changed.
    pub(crate) fn changed(&self, tenant: TenantId) {
        self.epoch(tenant).fetch_add(1, Ordering::AcqRel);
    }

    /// Anything may have changed.
    pub(crate) fn everything_changed(&self) {
        self.everything.fetch_add(1, Ordering::AcqRel);
    }

    /// Whether word of changes reaches us.
    pub(crate) fn set_listening(&self, listening: bool) {
        self.listening.store(listening, Ordering::Release);
    }

    /// Whether word of changes reaches us.
    pub(crate) fn is_listening(&self) -> bool {
        self.listening.load(Ordering::Acquire)
    }

    fn epoch(&self, tenant: TenantId) -> Arc<AtomicU64> {
        let tenants = self.tenants.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(epoch) = tenants.get(&tenant) {
            return Arc::clone(epoch);
        }
        drop(tenants);
        Arc::clone(self.tenants.write().unwrap_or_else(PoisonError::into_inner).entry(tenant).or_default())
    }
}

/// A table of what was read.
#[derive(Debug)]
pub(crate) struct Memo<K, V> {
    entries: RwLock<HashMap<K, (Stamp, V)>>,
}

impl<K, V> Default for Memo<K, V> {
    fn default() -> Self {
        Self { entries: RwLock::default() }
    }
}

impl<K: Eq + Hash, V: Clone> Memo<K, V> {
    /// The value, if it may still be believed.
    pub(crate) fn get(&self, freshness: &Freshness, key: &K) -> Option<V> {
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        let (stamp, value) = entries.get(key)?;
        freshness.is_fresh(stamp).then(|| value.clone())
    }

    /// Remembers a value that was read after the stamp was taken.
    pub(crate) fn put(&self, key: K, stamp: Stamp, value: V) {
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= CAPACITY {
            entries.clear();
        }
        entries.insert(key, (stamp, value));
    }

    /// Drops what may no longer be believed, so that secrets in it are wiped.
    pub(crate) fn sweep(&self, freshness: &Freshness) {
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        entries.retain(|_, (stamp, _)| freshness.is_fresh(stamp));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_of_the_tenant_makes_its_entries_stale_and_no_others() {
        let freshness = Freshness::default();
        freshness.set_listening(true);
        let (mine, other) = (TenantId::generate(), TenantId::generate());
        let memo = Memo::default();
        memo.put(mine, freshness.stamp(mine), 1);
        memo.put(other, freshness.stamp(other), 2);
        freshness.changed(mine);
        assert_eq!(memo.get(&freshness, &mine), None);
        assert_eq!(memo.get(&freshness, &other), Some(2));
        freshness.everything_changed();
        assert_eq!(memo.get(&freshness, &other), None);
    }

    #[test]
    fn a_value_read_before_a_change_and_put_after_it_is_stale() {
        let freshness = Freshness::default();
        freshness.set_listening(true);
        let tenant = TenantId::generate();
        let memo = Memo::default();
        let stamp = freshness.stamp(tenant);
        freshness.changed(tenant);
        memo.put(tenant, stamp, 1);
        assert_eq!(memo.get(&freshness, &tenant), None);
    }

    #[test]
    fn without_word_of_changes_an_entry_holds_for_less_than_a_second() {
        let freshness = Freshness::default();
        let tenant = TenantId::generate();
        let old = Stamp {
            at: Instant::now().checked_sub(UNHEARD).expect("the clock has run for a second"),
            ..freshness.stamp(tenant)
        };
        assert!(!freshness.is_fresh(&old));
        freshness.set_listening(true);
        assert!(freshness.is_fresh(&old));
    }
}
