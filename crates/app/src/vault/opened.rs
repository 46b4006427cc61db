//! Data keys that are open at present.
//!
//! What a data key is never changes, so nothing but time makes an entry stale. Whether it may still be
//! used, the database says: a key is looked for here only after its row was read.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use portico_domain::TenantId;
use portico_vault::{DataKey, DataKeyVersion};

use crate::cache::LONGEST;

/// The opened keys, wiped when they are dropped.
#[derive(Debug, Default)]
pub(crate) struct OpenedKeys(Mutex<HashMap<(TenantId, DataKeyVersion), Opened>>);

/// A key, and when it was opened.
type Opened = (Instant, Arc<DataKey>);

impl OpenedKeys {
    /// The key, if it was opened less than [`LONGEST`] ago.
    pub(crate) fn get(&self, tenant: TenantId, version: DataKeyVersion) -> Option<Arc<DataKey>> {
        let keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, key) = keys.get(&(tenant, version))?;
        is_fresh(*at).then(|| Arc::clone(key))
    }

    /// Remembers a key that was opened just now.
    pub(crate) fn put(&self, tenant: TenantId, key: Arc<DataKey>) {
        self.put_opened(tenant, key, Instant::now());
    }

    /// Drops what was held long enough.
    pub(crate) fn sweep(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|_, (at, _)| is_fresh(*at));
    }

    fn put_opened(&self, tenant: TenantId, key: Arc<DataKey>, at: Instant) {
        let mut keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        keys.insert((tenant, key.version()), (at, key));
    }
}

fn is_fresh(opened: Instant) -> bool {
    opened.elapsed() < LONGEST
}

/// Opened keys are in memory for no longer than a minute: as long as they are believed, and until the
/// next sweep.
const _: () = assert!(LONGEST.as_secs() + crate::cache::SWEEP.as_secs() <= Duration::from_mins(1).as_secs());

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
        let (keys, mine, other) = (OpenedKeys::default(), TenantId::generate(), TenantId::generate());
        keys.put(mine, key(1));
        assert!(keys.get(mine, DataKeyVersion(1)).is_some());
        assert!(keys.get(mine, DataKeyVersion(2)).is_none() && keys.get(other, DataKeyVersion(1)).is_none());
        keys.put_opened(mine, key(1), long_ago());
        assert!(keys.get(mine, DataKeyVersion(1)).is_none());
    }

    #[test]
    fn a_key_that_was_held_long_enough_is_dropped_and_not_just_passed_over() {
        let (keys, tenant) = (OpenedKeys::default(), TenantId::generate());
        let (old, new) = (key(1), key(2));
        let (old_left, new_left) = (Arc::downgrade(&old), Arc::downgrade(&new));
        keys.put_opened(tenant, old, long_ago());
        keys.put(tenant, new);
        keys.sweep();
        assert!(old_left.upgrade().is_none(), "nobody holds it, so it is wiped");
        assert!(new_left.upgrade().is_some());
    }
}
