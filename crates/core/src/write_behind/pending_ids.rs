//! Ids whose owner a call taught, and that wait to be written with the rest of what the call left.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use portico_domain::TenantId;
use portico_storage::{Learned, NewLearned, OwnedId};

/// An id of a kind that names no owner by itself.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct PendingId {
    tenant: TenantId,
    kind: &'static str,
    id: String,
}

/// The ids that wait, with their owners.
#[derive(Debug, Default)]
pub(super) struct PendingIds(RwLock<HashMap<PendingId, Learned>>);

impl PendingIds {
    pub(super) fn put(&self, tenant: TenantId, learned: &NewLearned, owner: Option<OwnedId>) {
        let key = PendingId { tenant, kind: learned.kind, id: learned.id.clone() };
        let value = Learned { owner, phone_number: learned.phone_number.clone() };
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(key, value);
    }

    pub(super) fn get(&self, tenant: TenantId, kind: &'static str, id: &str) -> Option<Learned> {
        let pending = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if pending.is_empty() {
            return None;
        }
        pending.get(&PendingId { tenant, kind, id: id.to_owned() }).cloned()
    }

    /// Forgets what is written, or will never be.
    pub(super) fn forget(&self, tenant: TenantId, all: &[NewLearned]) {
        if all.is_empty() {
            return;
        }
        let mut pending = self.0.write().unwrap_or_else(PoisonError::into_inner);
        for learned in all {
            pending.remove(&PendingId { tenant, kind: learned.kind, id: learned.id.clone() });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_known_to_its_tenant_until_it_is_forgotten() {
        let (ids, mine, other) = (PendingIds::default(), TenantId::generate(), TenantId::generate());
        let learned = NewLearned { kind: "message", id: "wamid.1".into(), plugin: None, phone_number: None };
        ids.put(mine, &learned, None);
        assert!(ids.get(mine, "message", "wamid.1").is_some());
        assert!(ids.get(other, "message", "wamid.1").is_none() && ids.get(mine, "group", "wamid.1").is_none());
        ids.forget(other, std::slice::from_ref(&learned));
        assert!(ids.get(mine, "message", "wamid.1").is_some());
        ids.forget(mine, &[learned]);
        assert!(ids.get(mine, "message", "wamid.1").is_none());
    }
}
