//! What calls leave behind, written in batches off their path: rows of the request log, uses of keys, and
//! ids whose owner a call taught.
//!
//! When Postgres is slow the queue fills and further rows are dropped and counted; a call never waits. With a
//! call's row goes what it taught of messages, which are too many to be written one by one, and the use that
//! was made of an API key; calls of Portico's own API leave nothing but the latter. With all rows go the
//! counts of who used which Chakra key; these are not dropped but counted on.
//!
//! What waits can be read: [`WriteBehind::pending_owner`] gives an id's owner before it is written.

mod key_uses;
mod pending_ids;

use std::collections::HashMap;
use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use portico_auth::{Actor, Principal, TenantScope};
use portico_domain::clock::Clock;
use portico_domain::{ChakraKeyId, OldSecretId, TenantId};
use portico_storage::{
    ApiKeyUse, Db, Learned, NewKeyUse, NewLearned, NewRequest, OldSecretUses, OwnedId, StorageError,
};
use tokio::sync::{Mutex, mpsc};
use tokio_util::sync::CancellationToken;

pub use key_uses::KeyUse;

use crate::error::Causes;
use crate::metrics::Metrics;
use crate::tasks::Tasks;
use key_uses::KeyUses;
use pending_ids::PendingIds;

/// Rows in one batch at the most.
const BATCH: usize = 1_000;
/// How long a row waits for others.
const PAUSE: Duration = Duration::from_millis(250);
/// How long Postgres may take for one tenant's part of a batch.
const WRITE_TIMEOUT: Duration = Duration::from_secs(5);

/// What one call leaves.
#[derive(Debug)]
pub struct LogEntry {
    /// Whose call it was.
    pub tenant: TenantId,
    /// Its row in the log, if it is a proxied call.
    pub row: Option<NewRequest>,
    /// The use that it made of a key.
    pub used: Option<ApiKeyUse>,
    /// Ids of messages whose owner the call taught.
    pub learned: Vec<NewLearned>,
}

/// Takes what calls leave behind, and writes it. Cheap to clone.
#[derive(Debug, Clone)]
pub struct WriteBehind(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    db: Db,
    metrics: Arc<Metrics>,
    clock: Clock,
    queue: mpsc::Sender<LogEntry>,
    /// The other end of the queue, held by the writer while it runs.
    entries: Mutex<mpsc::Receiver<LogEntry>>,
    key_uses: KeyUses,
    pending: PendingIds,
}

impl WriteBehind {
    /// One in which so many entries may wait before further ones are dropped.
    #[must_use]
    pub fn new(db: Db, metrics: Arc<Metrics>, clock: Clock, capacity: usize) -> Self {
        let (queue, entries) = mpsc::channel(capacity.max(1));
        let (key_uses, pending) = (KeyUses::default(), PendingIds::default());
        Self(Arc::new(Inner { db, metrics, clock, queue, entries: Mutex::new(entries), key_uses, pending }))
    }

    /// Takes what a call leaves, if there is room.
    pub fn add(&self, entry: LogEntry) {
        let inner = &self.0;
        if let Err(full) = inner.queue.try_send(entry) {
            let entry = full.into_inner();
            inner.pending.forget(entry.tenant, &entry.learned);
            inner.metrics.log_dropped.inc();
        }
    }

    /// Takes the use of a key for an operation of Portico's own API, if there is room.
    pub fn add_use(&self, principal: &Principal, operation: impl FnOnce() -> String) {
        if let (Some(tenant), Actor::ApiKey(id)) = (principal.tenant(), principal.actor()) {
            let used = ApiKeyUse {
                id,
                at: self.0.clock.now(),
                address: principal.origin().address,
                operation: operation().into(),
                old_secret: principal.old_secret(),
            };
            self.add(LogEntry { tenant, row: None, used: Some(used), learned: Vec::new() });
        }
    }

    /// Counts that a Chakra key was used on behalf of the scope.
    pub fn count_key_use(&self, scope: &TenantScope, key: ChakraKeyId, what: KeyUse) {
        self.0.key_uses.count(scope, key, what, self.0.clock.now());
    }

    /// Whether calls with a Chakra key were made on this replica that are not written down yet.
    #[must_use]
    pub fn has_key_uses(&self, tenant: TenantId, key: ChakraKeyId) -> bool {
        self.0.key_uses.holds(tenant, key)
    }

    /// Keeps whose an id is until it is written with the entry of its call.
    pub fn keep_pending(&self, scope: &TenantScope, learned: &NewLearned, owner: Option<OwnedId>) {
        self.0.pending.put(scope.tenant(), learned, owner);
    }

    /// Whose an id is that waits to be written.
    #[must_use]
    pub fn pending_owner(&self, tenant: TenantId, kind: &'static str, id: &str) -> Option<Learned> {
        self.0.pending.get(tenant, kind, id)
    }

    /// How many entries wait to be written.
    #[must_use]
    pub fn waiting(&self) -> u64 {
        (self.0.queue.max_capacity() - self.0.queue.capacity()) as u64
    }

    /// Writes what a writer left that was stopped while it waited to be started again, and takes nothing more.
    pub async fn write_rest(&self) {
        // One that is still at work has overrun its stop, and has the entries.
        if let Ok(mut entries) = self.0.entries.try_lock() {
            self.0.write_last(&mut entries).await;
        }
    }

    /// Registers the writer. When it is stopped it writes what is left, and takes nothing more.
    pub fn register(&self, tasks: &Tasks) {
        let this = self.clone();
        tasks.service("write_behind", move |stop| {
            let this = this.clone();
            async move { this.0.write(stop).await }
        });
    }
}

impl Inner {
    async fn write(&self, stop: CancellationToken) {
        let mut entries = self.entries.lock().await;
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            tokio::select! {
                count = entries.recv_many(&mut batch, BATCH) => if count == 0 { return },
                () = self.key_uses.some() => {}
                () = stop.cancelled() => break,
            }
            if batch.len() < BATCH {
                tokio::select! {
                    () = tokio::time::sleep(PAUSE) => {}
                    () = stop.cancelled() => {}
                }
                while batch.len() < BATCH {
                    let Ok(entry) = entries.try_recv() else { break };
                    batch.push(entry);
                }
            }
            self.flush(&mut batch).await;
        }
        self.write_last(&mut entries).await;
    }

    /// Takes nothing more, and writes what is there.
    async fn write_last(&self, entries: &mut mpsc::Receiver<LogEntry>) {
        entries.close();
        let mut batch = Vec::new();
        while entries.recv_many(&mut batch, BATCH).await > 0 {
            self.flush(&mut batch).await;
        }
        self.flush(&mut batch).await;
    }

    async fn flush(&self, batch: &mut Vec<LogEntry>) {
        let mut tenants: HashMap<TenantId, Vec<LogEntry>> = HashMap::new();
        for entry in batch.drain(..) {
            tenants.entry(entry.tenant).or_default().push(entry);
        }
        let mut all_uses = self.key_uses.take();
        for tenant in all_uses.keys() {
            tenants.entry(*tenant).or_default();
        }
        for (tenant, entries) in tenants {
            let key_uses = all_uses.remove(&tenant).unwrap_or_default();
            self.flush_tenant(tenant, entries, key_uses).await;
        }
    }

    async fn flush_tenant(&self, tenant: TenantId, mut entries: Vec<LogEntry>, key_uses: Vec<NewKeyUse>) {
        let count = entries.iter().filter(|entry| entry.row.is_some()).count() as u64;
        let learned: Vec<_> = entries.iter_mut().flat_map(|entry| std::mem::take(&mut entry.learned)).collect();
        let writing = write_tenant(&self.db, tenant, entries, &learned, &key_uses);
        // A panic must neither keep ids pending for ever nor lose counts of uses.
        let written = AssertUnwindSafe(tokio::time::timeout(WRITE_TIMEOUT, writing)).catch_unwind().await;
        self.pending.forget(tenant, &learned);
        let reason = match written {
            Ok(Ok(Ok(()))) => {
                self.metrics.log_written.inc_by(count);
                return;
            }
            // A tenant that is gone has no uses any more.
            Ok(Ok(Err(error @ StorageError::Broken(_)))) => Causes(&error).to_string(),
            failed => {
                self.key_uses.put_back(tenant, key_uses);
                match failed {
                    Ok(Ok(Err(error))) => Causes(&error).to_string(),
                    Ok(_) => "Postgres is too slow".to_owned(),
                    Err(_) => "writing panicked".to_owned(),
                }
            }
        };
        self.metrics.log_dropped.inc_by(count);
        tracing::warn!(tenant.id = %tenant, dropped = count, reason, "rows of the request log were dropped");
    }
}

async fn write_tenant(
    db: &Db,
    tenant: TenantId,
    entries: Vec<LogEntry>,
    learned: &[NewLearned],
    key_uses: &[NewKeyUse],
) -> Result<(), StorageError> {
    let mut uses: HashMap<_, ApiKeyUse> = HashMap::new();
    let mut old_secrets = HashMap::new();
    let mut rows = Vec::with_capacity(entries.len());
    for entry in entries {
        rows.extend(entry.row);
        let Some(one) = entry.used else { continue };
        count_old_secret(&mut old_secrets, &one);
        if uses.get(&one.id).is_none_or(|latest| latest.at <= one.at) {
            uses.insert(one.id, one);
        }
    }
    let uses: Vec<_> = uses.into_values().collect();
    let mut tx = db.begin_system(tenant).await?;
    if !rows.is_empty() {
        tx.insert_requests(&rows).await?;
    }
    if !key_uses.is_empty() {
        tx.add_chakra_key_uses(key_uses).await?;
    }
    if !uses.is_empty() {
        tx.record_api_key_uses(&uses).await?;
    }
    if !old_secrets.is_empty() {
        tx.record_old_secret_uses(&old_secrets.into_values().collect::<Vec<_>>()).await?;
    }
    if !learned.is_empty() {
        tx.learn(learned).await?;
    }
    tx.commit().await
}

type Pair = (OldSecretId, Option<IpAddr>, String);

/// Adds a use to its pair of address and operation, if it was one of an old secret.
fn count_old_secret(all: &mut HashMap<Pair, OldSecretUses>, used: &ApiKeyUse) {
    let Some(id) = used.old_secret else { return };
    let operation = used.operation.clone().into_owned();
    let pair = (id, used.address, operation.clone());
    let (address, first_at, last_at) = (used.address, used.at, used.at);
    let sum = all.entry(pair).or_insert(OldSecretUses { id, address, operation, uses: 0, first_at, last_at });
    sum.uses += 1;
    sum.first_at = sum.first_at.min(used.at);
    sum.last_at = sum.last_at.max(used.at);
}
