//! Who opened and used which Chakra key: counted in memory, written down with the request log. What a
//! process counted in its last quarter of a second is lost when it is killed.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use portico_auth::{Actor, TenantScope};
use portico_domain::{ChakraKeyId, KeyCaller, TenantId};
use portico_storage::NewKeyUse;
use time::{Date, OffsetDateTime};
use tokio::sync::Notify;

/// What happened to a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyUse {
    /// It was taken out of the vault.
    Opening,
    /// A call to Chakra was made with it.
    Call,
}

/// Counts that are not written down yet.
#[derive(Debug, Default)]
pub(super) struct KeyUses {
    counts: Mutex<HashMap<Counted, NewKeyUse>>,
    some: Notify,
}

type Counted = (TenantId, ChakraKeyId, KeyCaller, Date);

/// On whose behalf a scope acts.
fn caller(scope: &TenantScope) -> KeyCaller {
    match scope.actor() {
        Actor::ApiKey(id) => KeyCaller::ApiKey(id),
        Actor::Member(id) => KeyCaller::Member(id),
        Actor::Operator => KeyCaller::Operator,
    }
}

impl KeyUses {
    /// Counts one use on behalf of the scope.
    pub(super) fn count(&self, scope: &TenantScope, key: ChakraKeyId, what: KeyUse, now: OffsetDateTime) {
        self.count_for(scope.tenant(), key, caller(scope), what, now);
    }

    fn count_for(&self, tenant: TenantId, key: ChakraKeyId, caller: KeyCaller, what: KeyUse, last_at: OffsetDateTime) {
        let (openings, calls) = match what {
            KeyUse::Opening => (1, 0),
            KeyUse::Call => (0, 1),
        };
        self.add(tenant, NewKeyUse { key, day: last_at.date(), caller, openings, calls, last_at });
    }

    /// Whether a call with the key waits to be written down.
    pub(super) fn holds(&self, tenant: TenantId, key: ChakraKeyId) -> bool {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.iter().any(|((of, used, ..), count)| *of == tenant && *used == key && count.calls > 0)
    }

    /// Waits until there is something to write down.
    pub(super) async fn some(&self) {
        self.some.notified().await;
    }

    /// What was counted since the last time, by tenant.
    pub(super) fn take(&self) -> HashMap<TenantId, Vec<NewKeyUse>> {
        let counts = std::mem::take(&mut *self.counts.lock().unwrap_or_else(PoisonError::into_inner));
        let mut tenants: HashMap<_, Vec<_>> = HashMap::new();
        for ((tenant, ..), count) in counts {
            tenants.entry(tenant).or_default().push(count);
        }
        tenants
    }

    /// Counts what could not be written down again.
    pub(super) fn put_back(&self, tenant: TenantId, uses: Vec<NewKeyUse>) {
        for one in uses {
            self.add(tenant, one);
        }
    }

    fn add(&self, tenant: TenantId, new: NewKeyUse) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let first = counts.is_empty();
        counts
            .entry((tenant, new.key, new.caller, new.day))
            .and_modify(|known| {
                known.openings += new.openings;
                known.calls += new.calls;
                known.last_at = known.last_at.max(new.last_at);
            })
            .or_insert(new);
        if first {
            self.some.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use portico_domain::ApiKeyId;
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-01-01 12:00 UTC);

    #[test]
    fn uses_add_up_by_tenant_key_and_caller() {
        let uses = KeyUses::default();
        let (mine, other) = (TenantId::generate(), TenantId::generate());
        let (key, caller) = (ChakraKeyId::generate(), KeyCaller::ApiKey(ApiKeyId::generate()));
        uses.count_for(mine, key, caller, KeyUse::Opening, NOW);
        uses.count_for(mine, key, caller, KeyUse::Call, NOW);
        uses.count_for(mine, key, caller, KeyUse::Call, NOW);
        uses.count_for(mine, key, KeyCaller::Operator, KeyUse::Call, NOW);
        uses.count_for(other, key, caller, KeyUse::Call, NOW);
        let mut taken = uses.take();
        let told = |uses: &[NewKeyUse], caller| {
            uses.iter().find(|one| one.caller == caller).map(|one| (one.openings, one.calls))
        };
        let of_mine = taken.remove(&mine).expect("was counted");
        assert_eq!((told(&of_mine, caller), told(&of_mine, KeyCaller::Operator)), (Some((1, 2)), Some((0, 1))));
        assert_eq!(told(&taken[&other], caller), Some((0, 1)));
        assert!(uses.take().is_empty());

        // What comes back is added to what came since.
        uses.count_for(mine, key, caller, KeyUse::Call, NOW);
        let latest = of_mine.iter().map(|one| one.last_at).max();
        uses.put_back(mine, of_mine);
        let again = &uses.take()[&mine];
        assert_eq!(told(again, caller), Some((1, 3)));
        assert!(again.iter().map(|one| one.last_at).max() >= latest);
    }

    #[tokio::test]
    async fn the_writer_is_woken_by_the_first_count_even_if_it_came_before_it_waited() {
        let uses = KeyUses::default();
        uses.count_for(TenantId::generate(), ChakraKeyId::generate(), KeyCaller::Portico, KeyUse::Opening, NOW);
        uses.some().await;
    }
}
