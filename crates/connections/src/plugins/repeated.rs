//! Observations that say what was written a moment ago: a plugin that is read hundreds of times a second is not written
//! as often.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use portico_auth::Reach;
use portico_domain::{PluginId, TenantId};

use super::observe::Observed;

/// How long an observation needs no repeat. What changes the record otherwise meanwhile is seen that late at most.
const FOR: Duration = Duration::from_secs(5);
/// How many plugins are remembered before old ones are looked for.
const MANY: usize = 10_000;

/// How many different reaches are remembered of one observation.
const REACHES: usize = 16;

/// What was written of each plugin, and when.
#[derive(Debug, Default)]
pub(super) struct Written {
    hasher: RandomState,
    last: Mutex<HashMap<(TenantId, PluginId), Last>>,
}

#[derive(Debug)]
struct Last {
    seen: u64,
    /// For callers of which reaches it was written: what a caller cannot reach, its call does not change.
    reaches: Vec<u64>,
    at: Instant,
}

/// What is compared of an observation.
#[derive(Debug, Clone, Copy)]
pub(super) struct Digest {
    seen: u64,
    reach: u64,
}

impl Written {
    /// What is compared of an observation by a caller of that reach.
    pub(super) fn digest(&self, reach: &Reach, seen: &Observed) -> Digest {
        Digest { seen: self.hasher.hash_one(seen), reach: self.hasher.hash_one(reach) }
    }

    /// Whether the same was written less than five seconds before `now`.
    pub(super) fn is_repeat(&self, tenant: TenantId, plugin: PluginId, digest: Digest, now: Instant) -> bool {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.get(&(tenant, plugin))
            .is_some_and(|last| last.is_recent(now) && last.seen == digest.seen && last.reaches.contains(&digest.reach))
    }

    /// Remembers an observation that was written.
    pub(super) fn wrote(&self, tenant: TenantId, plugin: PluginId, digest: Digest, now: Instant) {
        let mut all = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MANY {
            all.retain(|_, last| last.is_recent(now));
        }
        let fresh = || Last { seen: digest.seen, reaches: Vec::new(), at: now };
        let last = all.entry((tenant, plugin)).or_insert_with(fresh);
        // Only the first write counts its five seconds, so that each reach is written anew after them.
        if last.seen != digest.seen || !last.is_recent(now) || last.reaches.len() >= REACHES {
            *last = fresh();
        }
        last.reaches.push(digest.reach);
    }

    /// Something else changed the record.
    pub(super) fn forget(&self, tenant: TenantId, plugin: PluginId) {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).remove(&(tenant, plugin));
    }
}

impl Last {
    fn is_recent(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.at) < FOR
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
        let plugin = seen("a").id;
        let limited = Reach { customers: Some(vec![]), phone_numbers: None };
        let [a, b, limited] = [(Reach::ALL, "a"), (Reach::ALL, "b"), (limited, "a")]
            .map(|(reach, name)| written.digest(&reach, &seen(name)));
        assert!(!written.is_repeat(tenant, plugin, a, now), "nothing was written");
        written.wrote(tenant, plugin, limited, now);
        assert!(written.is_repeat(tenant, plugin, limited, now));
        assert!(!written.is_repeat(tenant, plugin, a, now), "a limited caller changes less");
        written.wrote(tenant, plugin, a, now);
        assert!(written.is_repeat(tenant, plugin, a, now + FOR / 2));
        assert!(written.is_repeat(tenant, plugin, limited, now + FOR / 2));
        assert!(!written.is_repeat(TenantId::generate(), plugin, a, now), "it is another tenant's");
        assert!(!written.is_repeat(tenant, plugin, a, now + FOR), "it is long ago");
        assert!(!written.is_repeat(tenant, plugin, b, now), "it says something else");
        written.wrote(tenant, plugin, b, now);
        assert!(!written.is_repeat(tenant, plugin, a, now), "something else was written since");
        written.forget(tenant, plugin);
        assert!(!written.is_repeat(tenant, plugin, b, now));
    }

    #[test]
    fn old_observations_are_forgotten_when_there_are_many() {
        let (written, now) = (Written::default(), Instant::now());
        let digest = written.digest(&Reach::ALL, &seen("a"));
        for _ in 0..MANY {
            written.wrote(TenantId::generate(), seen("a").id, digest, now);
        }
        written.wrote(TenantId::generate(), seen("a").id, digest, now + FOR);
        assert_eq!(written.last.lock().expect("nothing panics").len(), 1);
    }
}
