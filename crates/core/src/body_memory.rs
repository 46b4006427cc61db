//! How much memory the bodies of requests may take.
//!
//! A body that is read whole stays in memory until its call has ended, and whoever sends one slowly keeps it there for
//! as long as the deadline lets them. So there is a bound on all bodies together, and each tenant has a part of it: one
//! that fills its part is refused, and others go on. The first [`FREE`] bytes of each are not counted, which spares
//! nearly every call the counting; the number of connections bounds them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use portico_domain::TenantId;

/// Bytes of each body that are not counted.
const FREE: usize = 16 * 1024;
/// Bytes of all bodies together.
const ALL: usize = 256 * 1024 * 1024;
/// Bytes of the bodies of one tenant.
const PER_TENANT: usize = 64 * 1024 * 1024;

/// What is taken. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct BodyMemory(Arc<Mutex<Taken>>);

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    by_tenant: HashMap<Option<TenantId>, usize>,
}

/// What one body takes, until this is dropped.
#[derive(Debug)]
pub struct BodyShare {
    memory: BodyMemory,
    tenant: Option<TenantId>,
    length: usize,
    counted: usize,
}

/// There is no room for a body now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there is no room for the body now")]
pub struct NoRoom;

impl BodyMemory {
    /// The share of a body that begins; callers of no tenant have one part together.
    #[must_use]
    pub fn share(&self, tenant: Option<TenantId>) -> BodyShare {
        BodyShare { memory: self.clone(), tenant, length: 0, counted: 0 }
    }

    /// How many bytes are counted now.
    #[must_use]
    pub fn taken(&self) -> usize {
        self.lock().all
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Taken> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl BodyShare {
    /// Notes that so many bytes more have arrived.
    ///
    /// # Errors
    ///
    /// [`NoRoom`]; drop what arrived.
    pub fn grow(&mut self, bytes: usize) -> Result<(), NoRoom> {
        self.length = self.length.saturating_add(bytes);
        let Some(more) = self.length.checked_sub(FREE + self.counted).filter(|more| *more > 0) else { return Ok(()) };
        let mut taken = self.memory.lock();
        let own = taken.by_tenant.get(&self.tenant).copied().unwrap_or_default();
        if own.saturating_add(more) > PER_TENANT || taken.all.saturating_add(more) > ALL {
            return Err(NoRoom);
        }
        taken.all += more;
        taken.by_tenant.insert(self.tenant, own + more);
        self.counted += more;
        Ok(())
    }
}

impl Drop for BodyShare {
    fn drop(&mut self) {
        if self.counted == 0 {
            return;
        }
        let mut taken = self.memory.lock();
        taken.all -= self.counted;
        if let Some(own) = taken.by_tenant.get_mut(&self.tenant) {
            *own -= self.counted;
            if *own == 0 {
                taken.by_tenant.remove(&self.tenant);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1024 * 1024;

    fn fill(memory: &BodyMemory, tenant: Option<TenantId>) -> Vec<BodyShare> {
        let mut held = Vec::new();
        loop {
            let mut share = memory.share(tenant);
            if share.grow(FREE + MIB).is_err() {
                return held;
            }
            held.push(share);
        }
    }

    #[test]
    fn a_tenant_fills_its_own_part_and_nobody_elses() {
        let (memory, busy, other) = (BodyMemory::default(), TenantId::generate(), TenantId::generate());
        let mut held = fill(&memory, Some(busy));
        assert_eq!((held.len(), memory.taken()), (PER_TENANT / MIB, PER_TENANT));
        assert_eq!(memory.share(Some(busy)).grow(FREE), Ok(()), "short bodies always fit");
        assert_eq!(memory.share(Some(other)).grow(2 * MIB), Ok(()));
        held.pop();
        assert_eq!(memory.share(Some(busy)).grow(MIB), Ok(()), "what is dropped is free");
        drop(held);
        assert_eq!(memory.taken(), 0);
        assert!(memory.lock().by_tenant.is_empty());
    }

    #[test]
    fn all_tenants_together_have_a_bound() {
        let memory = BodyMemory::default();
        let held: Vec<_> = (0..10).map(|_| fill(&memory, Some(TenantId::generate()))).collect();
        assert_eq!(memory.taken(), ALL);
        assert_eq!(held.iter().filter(|own| own.is_empty()).count(), 10 - ALL / PER_TENANT);
    }

    #[test]
    fn a_body_counts_as_it_arrives() {
        let memory = BodyMemory::default();
        let mut share = memory.share(None);
        for (piece, taken) in [(FREE - 1, 0), (1, 0), (10, 10), (5, 15)] {
            share.grow(piece).expect("there is room");
            assert_eq!(memory.taken(), taken);
        }
    }
}
