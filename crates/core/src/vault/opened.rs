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
    to_check: HashSet<TenantId>,
}

impl OpenedKeys {
    /// None yet.
    pub(super) fn new(clock: Clock) -> Self {
        Self { opened: Mutex::default(), clock }
    }

    /// How many keys are open.
    pub(super) fn len(&self) -> usize {
        self.lock().keys.len()
    }

    /// The key, if it was opened less than [`LONGEST`] ago.
    pub(super) fn get(&self, tenant: TenantId, version: DataKeyVersion) -> Option<Arc<DataKey>> {
        let opened = self.lock();
        let (at, key) = opened.keys.get(&(tenant, version))?;
        is_fresh(*at, self.clock.instant()).then(|| Arc::clone(key))
    }

    /// Remembers a key that was opened just now.
    pub(super) fn put(&self, tenant: TenantId, key: Arc<DataKey>) {
        let at = self.clock.instant();
        self.lock().keys.insert((tenant, key.version()), (at, key));
    }

    /// Drops what was held long enough.
    pub(super) fn sweep(&self) {
        let now = self.clock.instant();
        self.lock().keys.retain(|_, (at, _)| is_fresh(*at, now));
    }

    /// Has it looked for whether a tenant is gone, if there are keys of it.
    pub(super) fn check(&self, tenant: TenantId) {
        let mut opened = self.lock();
        if opened.keys.keys().any(|(other, _)| *other == tenant) {
            opened.to_check.insert(tenant);
        }
    }

    /// Has it looked for whether any tenant is gone.
    pub(super) fn check_all(&self) {
        let mut opened = self.lock();
        opened.to_check = opened.keys.keys().map(|(tenant, _)| *tenant).collect();
    }

    /// The tenants that may be gone, each once.
    pub(super) fn to_check(&self) -> HashSet<TenantId> {
        std::mem::take(&mut self.lock().to_check)
    }

    /// Drops the keys of a tenant.
    pub(super) fn forget(&self, tenant: TenantId) {
        self.lock().keys.retain(|(other, _), _| *other != tenant);
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
    use time::macros::datetime;

    use super::*;

    fn key(version: u32) -> Arc<DataKey> {
        Arc::new(DataKey::generate(DataKeyVersion(version), &mut rand::rng()))
    }

    fn keys() -> (OpenedKeys, Clock) {
        let clock = Clock::manual(datetime!(2026-12-01 12:00 UTC));
        (OpenedKeys::new(clock.clone()), clock)
    }

    #[test]
    fn a_key_is_given_for_its_tenant_and_version_while_it_is_fresh() {
        let ((keys, clock), mine, other) = (keys(), TenantId::generate(), TenantId::generate());
        keys.put(mine, key(1));
        assert!(keys.get(mine, DataKeyVersion(1)).is_some());
        assert!(keys.get(mine, DataKeyVersion(2)).is_none() && keys.get(other, DataKeyVersion(1)).is_none());
        clock.advance(LONGEST);
        assert!(keys.get(mine, DataKeyVersion(1)).is_none());
    }

    #[test]
    fn the_keys_of_a_tenant_that_is_gone_are_dropped_and_no_others() {
        let ((keys, _), gone, stays) = (keys(), TenantId::generate(), TenantId::generate());
        let lost = key(1);
        let left = Arc::downgrade(&lost);
        keys.put(gone, lost);
        keys.put(stays, key(1));
        keys.check(TenantId::generate());
        assert!(keys.to_check().is_empty(), "there are no keys of that tenant");
        keys.check(gone);
        assert_eq!((keys.to_check(), keys.to_check().len()), (HashSet::from([gone]), 0));
        keys.check_all();
        assert_eq!(keys.to_check(), HashSet::from([gone, stays]));
        keys.forget(gone);
        assert!(left.upgrade().is_none(), "nobody holds it, so it is wiped");
        assert!(keys.get(stays, DataKeyVersion(1)).is_some());
    }

    #[test]
    fn a_key_that_was_held_long_enough_is_dropped_and_not_just_passed_over() {
        let ((keys, clock), tenant) = (keys(), TenantId::generate());
        let (old, new) = (key(1), key(2));
        let (old_left, new_left) = (Arc::downgrade(&old), Arc::downgrade(&new));
        keys.put(tenant, old);
        clock.advance(LONGEST);
        keys.put(tenant, new);
        keys.sweep();
        assert!(old_left.upgrade().is_none(), "nobody holds it, so it is wiped");
        assert!(new_left.upgrade().is_some());
    }
}
