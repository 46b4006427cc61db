//! Data keys that are open at present.
//!
//! What a data key is never changes, so nothing but time makes an entry stale. Whether it may still be
//! used, the database says: a key is looked for here only after its row was read.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use portico_domain::TenantId;
use portico_domain::clock::Clock;
use portico_vault::{DataKey, DataKeyVersion};

use crate::cache::LONGEST;

/// The opened keys, wiped when they are dropped.
#[derive(Debug)]
pub(super) struct OpenedKeys {
    opened: Mutex<Opened>,
    clock: Clock,
}

#[derive(Debug, Default)]
struct Opened {
    keys: HashMap<(TenantId, DataKeyVersion), (Instant, Arc<DataKey>)>,
    /// Tenants with opened keys that may be gone.
    doubted: HashSet<TenantId>,
}

impl OpenedKeys {
    /// None yet.
    pub(super) fn new(clock: Clock) -> Self {
        Self { opened: Mutex::default(), clock }
    }

    /// The key, if it was opened less than [`LONGEST`] ago.
    pub(super) fn get(&self, tenant: TenantId, version: DataKeyVersion) -> Option<Arc<DataKey>> {
        let opened = self.lock();
        let (at, key) = opened.keys.get(&(tenant, version))?;
        is_fresh(*at, self.clock.instant()).then(|| Arc::clone(key))
    }

    /// Remembers a key that was opened just now.
    pub(super) fn put(&self, tenant: TenantId, key: Arc<DataKey>) {
        self.put_opened(tenant, key, self.clock.instant());
    }

    /// Drops what was held long enough.
    pub(super) fn sweep(&self) {
        let now = self.clock.instant();
        self.lock().keys.retain(|_, (at, _)| is_fresh(*at, now));
    }

    /// Notes that a tenant may be gone, if there are keys of it.
    pub(super) fn doubt(&self, tenant: TenantId) {
        let mut opened = self.lock();
        if opened.keys.keys().any(|(other, _)| *other == tenant) {
            opened.doubted.insert(tenant);
        }
    }

    /// Notes that any tenant may be gone.
    pub(super) fn doubt_all(&self) {
        let mut opened = self.lock();
        opened.doubted = opened.keys.keys().map(|(tenant, _)| *tenant).collect();
    }

    /// The tenants that may be gone, each once.
    pub(super) fn doubted(&self) -> HashSet<TenantId> {
        std::mem::take(&mut self.lock().doubted)
    }

    /// Drops the keys of a tenant.
    pub(super) fn forget(&self, tenant: TenantId) {
        self.lock().keys.retain(|(other, _), _| *other != tenant);
    }

    fn put_opened(&self, tenant: TenantId, key: Arc<DataKey>, at: Instant) {
        self.lock().keys.insert((tenant, key.version()), (at, key));
    }

    fn lock(&self) -> MutexGuard<'_, Opened> {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_fresh(opened: Instant, now: Instant) -> bool {
    now.saturating_duration_since(opened) < LONGEST
}

/// Opened keys are in memory for no longer than a minute: as long as they are believed, and until the
/// next sweep.
const _: () = assert!(LONGEST.as_millis() + crate::cache::SWEEP.as_millis() <= Duration::from_mins(1).as_millis());

#[cfg(test)]
mod tests {
    use super::*;

    fn key(version: u32) -> Arc<DataKey> {
        Arc::new(DataKey::generate(DataKeyVersion(version), &mut rand::rng()))
    }

    fn long_ago() -> Instant {
        Instant::now().checked_sub(LONGEST).expect("the clock has run for a minute")
    }

    #[test]
    fn a_key_is_given_for_its_tenant_and_version_while_it_is_fresh() {
        let (keys, mine, other) = (OpenedKeys::new(Clock::system()), TenantId::generate(), TenantId::generate());
        keys.put(mine, key(1));
        assert!(keys.get(mine, DataKeyVersion(1)).is_some());
        assert!(keys.get(mine, DataKeyVersion(2)).is_none() && keys.get(other, DataKeyVersion(1)).is_none());
        keys.put_opened(mine, key(1), long_ago());
        assert!(keys.get(mine, DataKeyVersion(1)).is_none());
    }

    #[test]
    fn the_keys_of_a_tenant_that_is_gone_are_dropped_and_no_others() {
        let (keys, gone, stays) = (OpenedKeys::new(Clock::system()), TenantId::generate(), TenantId::generate());
        let lost = key(1);
        let left = Arc::downgrade(&lost);
        keys.put(gone, lost);
        keys.put(stays, key(1));
        keys.doubt(TenantId::generate());
        assert!(keys.doubted().is_empty(), "there are no keys of that tenant");
        keys.doubt(gone);
        assert_eq!((keys.doubted(), keys.doubted().len()), (HashSet::from([gone]), 0));
        keys.doubt_all();
        assert_eq!(keys.doubted(), HashSet::from([gone, stays]));
        keys.forget(gone);
        assert!(left.upgrade().is_none(), "nobody holds it, so it is wiped");
        assert!(keys.get(stays, DataKeyVersion(1)).is_some());
    }

    #[test]
    fn a_key_that_was_held_long_enough_is_dropped_and_not_just_passed_over() {
        let (keys, tenant) = (OpenedKeys::new(Clock::system()), TenantId::generate());
        let (old, new) = (key(1), key(2));
        let (old_left, new_left) = (Arc::downgrade(&old), Arc::downgrade(&new));
        keys.put_opened(tenant, old, long_ago());
        keys.put(tenant, new);
        keys.sweep();
        assert!(old_left.upgrade().is_none(), "nobody holds it, so it is wiped");
        assert!(new_left.upgrade().is_some());
    }
}
