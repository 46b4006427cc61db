//! Ending what was begun, whether or not its caller is still there.
//!
//! A request that was handed to the client may have reached Chakra, and from then on its caller cannot take it back. The
//! server drops a call's future when the caller's connection ends; what is dropped here goes on by itself, so that the
//! call's record, the ids that it taught and what it changed in Portico's own records are written all the same. While
//! the caller waits, this costs an allocation and nothing else: nothing is spawned until it goes away.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use portico_core::metrics::Metrics;
use portico_domain::TenantId;
use tokio::runtime::Handle;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;
use tracing::Instrument as _;

use crate::Error;
use crate::call::Answer;
use crate::record::{CallRecord, Told};

/// How many calls of one tenant may go on without their callers. Each holds its body, 1 MiB at most.
const AT_ONCE: usize = 256;

/// How a call came out, and what of that belongs in its record.
type Outcome = (Result<Answer, Error>, Told);

type Rest = Pin<Box<dyn Future<Output = Outcome> + Send>>;

/// The calls that go on without their callers. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Unattended(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    running: TaskTracker,
    by_tenant: Mutex<HashMap<TenantId, usize>>,
    metrics: Arc<Metrics>,
}

/// A place among a tenant's calls that go on.
struct Place {
    of: Unattended,
    tenant: TenantId,
    _running: TaskTrackerToken,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut by_tenant = self.of.0.by_tenant.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = by_tenant.get_mut(&self.tenant) {
            *count -= 1;
            if *count == 0 {
                by_tenant.remove(&self.tenant);
            }
        }
    }
}

impl Unattended {
    pub(crate) fn new(metrics: &Arc<Metrics>) -> Self {
        let running = TaskTracker::new();
        // It counts what runs; new calls may come as long as the process lives.
        running.close();
        Self(Arc::new(Inner { running, by_tenant: Mutex::default(), metrics: Arc::clone(metrics) }))
    }

    /// Waits until none goes on any more.
    pub(crate) async fn wait(&self) {
        self.0.running.wait().await;
    }

    fn place(&self, tenant: TenantId) -> Option<Place> {
        let mut by_tenant = self.0.by_tenant.lock().unwrap_or_else(PoisonError::into_inner);
        let count = by_tenant.entry(tenant).or_default();
        if *count >= AT_ONCE {
            return None;
        }
        *count += 1;
        drop(by_tenant);
        Some(Place { of: self.clone(), tenant, _running: self.0.running.token() })
    }

    /// Lets a call go on. One too many, or one of a process that ends, breaks off: its record says that nobody knows how
    /// it came out.
    fn take(&self, rest: Rest, record: CallRecord) {
        let place = record.tenant().and_then(|tenant| self.place(tenant));
        let (Some(place), Ok(runtime)) = (place, Handle::try_current()) else {
            self.0.metrics.calls_broken_off.inc();
            return;
        };
        let call = async move {
            let (outcome, told) = rest.await;
            record.ends_unheard(outcome, told).await;
            drop(place);
        };
        runtime.spawn(call.in_current_span());
    }
}

/// A call that may have reached Chakra, until its answer is there. Dropped before that, it goes on if it is to be kept.
pub(crate) struct Finishing {
    begun: Option<(Rest, CallRecord)>,
    unattended: Unattended,
    is_kept: bool,
}

impl Finishing {
    /// A call that is not kept yet.
    pub(crate) fn new(
        rest: impl Future<Output = Outcome> + Send + 'static,
        record: CallRecord,
        unattended: &Unattended,
    ) -> Self {
        Self { begun: Some((Box::pin(rest), record)), unattended: unattended.clone(), is_kept: false }
    }

    /// From here on Chakra may have all that it needs: the call is to end also without its caller.
    pub(crate) fn keep(&mut self) {
        self.is_kept = true;
    }

    /// Breaks the call off; its record is the caller's to end.
    ///
    /// # Panics
    ///
    /// When the call has ended.
    pub(crate) fn break_off(mut self) -> CallRecord {
        self.begun.take().expect("whoever waits for a call has not had its end").1
    }
}

impl Future for Finishing {
    type Output = (Result<Answer, Error>, CallRecord);

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some((rest, _)) = &mut self.begun else { return Poll::Pending };
        let (outcome, told) = ready!(rest.as_mut().poll(context));
        match self.begun.take() {
            Some((_, mut record)) => {
                record.is_told(told);
                Poll::Ready((outcome, record))
            }
            None => Poll::Pending,
        }
    }
}

impl Drop for Finishing {
    fn drop(&mut self) {
        // A call that panicked cannot be asked again.
        if let Some((rest, record)) = self.begun.take().filter(|_| self.is_kept && !std::thread::panicking()) {
            self.unattended.take(rest, record);
        }
    }
}
