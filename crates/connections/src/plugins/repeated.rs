//! Observations that say what was written a moment ago: a plugin that is read hundreds of times a second is not written
//! as often.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use portico_domain::{PluginId, TenantId};

use super::observe::Observed;

/// How long an observation needs no repeat. What changes the record otherwise meanwhile is seen that late at most.
const FOR: Duration = Duration::from_secs(5);
/// How many plugins are remembered before old ones are looked for.
const MANY: usize = 10_000;

/// What was written of each plugin, and when.
#[derive(Debug, Default)]
pub(super) struct Written {
    hasher: RandomState,
    last: Mutex<HashMap<(TenantId, PluginId), (u64, Instant)>>,
}

impl Written {
    /// Whether the same was written less than five seconds before `now`.
    pub(super) fn is_repeat(&self, tenant: TenantId, seen: &Observed, now: Instant) -> bool {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.get(&(tenant, seen.id)).is_some_and(|(digest, at)| {
            now.saturating_duration_since(*at) < FOR && *digest == self.hasher.hash_one(seen)
        })
    }

    /// What is compared with later, of an observation that is about to be written.
    pub(super) fn digest(&self, seen: &Observed) -> u64 {
        self.hasher.hash_one(seen)
    }

    /// Remembers an observation that was written.
    pub(super) fn wrote(&self, tenant: TenantId, plugin: PluginId, digest: u64, now: Instant) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.len() >= MANY {
            last.retain(|_, (_, at)| now.saturating_duration_since(*at) < FOR);
        }
        last.insert((tenant, plugin), (digest, now));
    }

    /// Something else changed the record.
    pub(super) fn forget(&self, tenant: TenantId, plugin: PluginId) {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).remove(&(tenant, plugin));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn seen(name: &str) -> Observed {
        let id = "019016d8-0000-7000-8000-000000000001";
        Observed::read(&json!({"id": id, "name": name, "isActive": true})).expect("is a plugin")
    }

    #[test]
    fn only_the_same_of_a_moment_ago_is_a_repeat() {
        let (written, tenant, now) = (Written::default(), TenantId::generate(), Instant::now());
        assert!(!written.is_repeat(tenant, &seen("a"), now), "nothing was written");
        written.wrote(tenant, seen("a").id, written.digest(&seen("a")), now);
        assert!(written.is_repeat(tenant, &seen("a"), now + FOR / 2));
        assert!(!written.is_repeat(tenant, &seen("b"), now), "it says something else");
        assert!(!written.is_repeat(TenantId::generate(), &seen("a"), now), "it is another tenant's");
        assert!(!written.is_repeat(tenant, &seen("a"), now + FOR), "it is long ago");
        written.forget(tenant, seen("a").id);
        assert!(!written.is_repeat(tenant, &seen("a"), now));
    }

    #[test]
    fn old_observations_are_forgotten_when_there_are_many() {
        let (written, now) = (Written::default(), Instant::now());
        for _ in 0..MANY {
            written.wrote(TenantId::generate(), seen("a").id, 0, now);
        }
        written.wrote(TenantId::generate(), seen("a").id, 0, now + FOR);
        assert_eq!(written.last.lock().expect("nothing panics").len(), 1);
    }
}
