//! The request log: written in batches, off the path of the calls. When Postgres is slow the queue
//! fills and further rows are dropped and counted; a call never waits. With a call's row goes what it
//! taught of messages, which are too many to be written one by one, and the use that was made of an API
//! key; calls of Portico's own API leave nothing but the latter. With all rows go the counts of who used
//! which Chakra key; these are not dropped but counted on.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use portico_auth::{Actor, Principal};
use portico_domain::{OldSecretId, TenantId};
use portico_storage::{ApiKeyUse, NewKeyUse, NewLearned, NewRequest, OldSecretUses, StorageError};
use time::OffsetDateTime;
use tokio::sync::mpsc;

use crate::start::{App, Shared};

/// Rows in one batch at the most.
const BATCH: usize = 1_000;
/// How long a row waits for others.
const PAUSE: Duration = Duration::from_millis(250);
/// How long Postgres may take for one tenant's part of a batch.
const PATIENCE: Duration = Duration::from_secs(5);

/// One call to note.
#[derive(Debug)]
pub(crate) struct LogEntry {
    pub(crate) tenant: TenantId,
    /// Its row in the log, if it is a proxied call.
    pub(crate) row: Option<NewRequest>,
    /// The use that it made of a key.
    pub(crate) used: Option<ApiKeyUse>,
    /// Ids of messages whose owner the call taught.
    pub(crate) learned: Vec<NewLearned>,
}

impl Shared {
    /// Notes a call, if there is room.
    pub(crate) fn note(&self, entry: LogEntry) {
        if let Some(row) = &entry.row {
            self.metrics.count_call(row.status);
        }
        if let Err(full) = self.log.try_send(entry) {
            let entry = full.into_inner();
            self.unwritten.forget(entry.tenant, &entry.learned);
            self.metrics.log_dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl App {
    /// Notes that a key was used for an operation of Portico's own API, if there is room.
    pub fn note_use(&self, principal: &Principal, operation: impl FnOnce() -> String) {
        if let (Some(tenant), Actor::ApiKey(id)) = (principal.tenant(), principal.actor()) {
            let used = ApiKeyUse {
                id,
                at: OffsetDateTime::now_utc(),
                address: principal.origin().address,
                operation: operation().into(),
                old_secret: principal.old_secret(),
            };
            self.shared.note(LogEntry { tenant, row: None, used: Some(used), learned: Vec::new() });
        }
    }
}

/// Writes until the application stops, then what is left.
pub(crate) async fn write(shared: Arc<Shared>, mut entries: mpsc::Receiver<LogEntry>) {
    let mut batch = Vec::with_capacity(BATCH);
    let stopping = shared.stopping();
    tokio::pin!(stopping);
    let mut stopped = false;
    loop {
        if stopped {
            entries.close();
            if entries.recv_many(&mut batch, BATCH).await == 0 {
                flush(&shared, &mut batch).await;
                return;
            }
        } else {
            tokio::select! {
                count = entries.recv_many(&mut batch, BATCH) => if count == 0 { return },
                () = shared.key_uses.some() => {}
                () = &mut stopping => { stopped = true; continue; }
            }
            if batch.len() < BATCH {
                tokio::time::sleep(PAUSE).await;
                while batch.len() < BATCH {
                    let Ok(entry) = entries.try_recv() else { break };
                    batch.push(entry);
                }
            }
        }
        flush(&shared, &mut batch).await;
    }
}

async fn flush(shared: &Shared, batch: &mut Vec<LogEntry>) {
    let mut tenants: HashMap<TenantId, Vec<LogEntry>> = HashMap::new();
    for entry in batch.drain(..) {
        tenants.entry(entry.tenant).or_default().push(entry);
    }
    let mut all_uses = shared.key_uses.take();
    for tenant in all_uses.keys() {
        tenants.entry(*tenant).or_default();
    }
    for (tenant, mut entries) in tenants {
        let key_uses = all_uses.remove(&tenant).unwrap_or_default();
        let count = entries.iter().filter(|entry| entry.row.is_some()).count() as u64;
        let learned: Vec<_> = entries.iter_mut().flat_map(|entry| std::mem::take(&mut entry.learned)).collect();
        let written = tokio::time::timeout(PATIENCE, write_tenant(shared, tenant, entries, &learned, &key_uses)).await;
        shared.unwritten.forget(tenant, &learned);
        match written {
            Ok(Ok(())) => {
                shared.metrics.log_written.fetch_add(count, Ordering::Relaxed);
            }
            failed => {
                // A tenant that is gone has no uses any more.
                if !matches!(failed, Ok(Err(StorageError::Broken(_)))) {
                    shared.key_uses.put_back(tenant, key_uses);
                }
                shared.metrics.log_dropped.fetch_add(count, Ordering::Relaxed);
                let reason = match failed {
                    Ok(Err(error)) => error.to_string(),
                    _ => "Postgres is too slow".to_owned(),
                };
                tracing::warn!(tenant.id = %tenant, dropped = count, reason, "rows of the request log were dropped");
            }
        }
    }
}

async fn write_tenant(
    shared: &Shared,
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
    let mut tx = shared.db.begin_system(tenant).await?;
    if !rows.is_empty() {
        tx.insert_requests(&rows).await?;
    }
    if !key_uses.is_empty() {
        tx.add_chakra_key_uses(key_uses).await?;
    }
    if !uses.is_empty() {
        tx.api_keys_used(&uses).await?;
    }
    if !old_secrets.is_empty() {
        tx.old_secrets_used(&old_secrets.into_values().collect::<Vec<_>>()).await?;
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
