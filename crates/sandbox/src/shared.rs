//! What requests, background work and the handle of a sandbox share.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, mpsc};

use crate::events::DeliveryJob;
use crate::fault::Faults;
use crate::request_record::RequestRecord;
use crate::world::World;

/// The state of a running sandbox, and what its requests and background tasks tell each other.
#[derive(Debug)]
pub(crate) struct Shared {
    world: Mutex<World>,
    record: Mutex<RequestRecord>,
    /// Held while the state file is written: two writers would share the file beside it.
    pub(crate) saving: Mutex<()>,
    pub(crate) faults: Faults,
    /// Where it is reached, without a slash at the end.
    pub(crate) base_url: String,
    /// Whether events may go to other machines.
    pub(crate) events_beyond_loopback: bool,
    /// The OpenAPI document, as JSON.
    pub(crate) document: Option<String>,
    jobs: mpsc::UnboundedSender<DeliveryJob>,
    /// Woken after every change that is to be saved.
    pub(crate) changed: Notify,
}

impl Shared {
    pub(crate) fn new(
        world: World,
        base_url: String,
        events_beyond_loopback: bool,
        document: Option<String>,
        jobs: mpsc::UnboundedSender<DeliveryJob>,
    ) -> Self {
        Self {
            world: Mutex::new(world),
            record: Mutex::default(),
            saving: Mutex::default(),
            faults: Faults::default(),
            base_url,
            events_beyond_loopback,
            document,
            jobs,
            changed: Notify::new(),
        }
    }

    /// The world, locked: not to be held across a wait.
    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the world. The events in its outbox are delivered afterwards, and the change will be saved.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut World) -> T) -> T {
        let mut world = self.world();
        let result = change(&mut world);
        let jobs = std::mem::take(&mut world.outbox);
        drop(world);
        for job in jobs {
            self.enqueue(job);
        }
        self.changed.notify_one();
        result
    }

    /// Has events delivered in the background.
    pub(crate) fn enqueue(&self, job: DeliveryJob) {
        // Only a sandbox that is being stopped has nobody at the other end.
        drop(self.jobs.send(job));
    }

    pub(crate) fn record(&self) -> MutexGuard<'_, RequestRecord> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
