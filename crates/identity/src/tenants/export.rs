//! A tenant's bundle: everything that it owns but secrets, a line of JSON each.
//!
//! The first line says what it is, the last how many rows of each table came before it: a bundle without
//! that line is cut short.

use std::collections::BTreeMap;
use std::collections::hash_map::{Entry, HashMap};
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::stream::{Stream, try_unfold};
use portico_auth::Scope;
use portico_domain::TenantId;
use portico_domain::clock::Clock;
use portico_domain::permission::perm;
use portico_storage::{Export, StorageError};
use serde_json::json;
use time::format_description::well_known::Rfc3339;

use portico_core::Core;
use portico_core::audit::Change;
use portico_core::{Error, code};

/// Exports at once in one process: each holds a connection for as long as its reader takes.
const AT_ONCE: usize = 4;
/// How long one may take altogether, however steadily its reader reads.
const LONGEST: Duration = Duration::from_mins(10);

/// The tenants whose bundles are being written, and until when each may.
#[derive(Debug, Default)]
struct Running(Mutex<HashMap<TenantId, Instant>>);

impl Running {
    /// Until when a tenant's export that begins now may take. How many others are under way is nothing
    /// of the tenant's concern: then all that it is told is to come again.
    fn begin(&self, tenant: TenantId, now: Instant) -> Result<Instant, Error> {
        let mut running = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Whose reader hangs has not noticed yet that its time is over.
        running.retain(|_, until| now < *until);
        let at_once = running.len();
        match running.entry(tenant) {
            Entry::Occupied(_) => Err(Error::Conflict {
                code: code::EXPORT_RUNNING,
                pointer: None,
                detail: "another export of this tenant is being written; repeat the call when it has ended",
            }),
            Entry::Vacant(_) if at_once >= AT_ONCE => Err(Error::Busy),
            Entry::Vacant(place) => Ok(*place.insert(now + LONGEST)),
        }
    }

    /// Ends that export, and no later one of the tenant.
    fn end(&self, tenant: TenantId, until: Instant) {
        let mut running = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if running.get(&tenant) == Some(&until) {
            running.remove(&tenant);
        }
    }
}

/// The right to write one.
struct Slot {
    running: Arc<Running>,
    tenant: TenantId,
    until: Instant,
}

impl Slot {
    fn take(running: &Arc<Running>, tenant: TenantId, now: Instant) -> Result<Self, Error> {
        let until = running.begin(tenant, now)?;
        Ok(Self { running: Arc::clone(running), tenant, until })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.running.end(self.tenant, self.until);
    }
}

/// Where an export is.
struct Writing {
    export: Export,
    counts: BTreeMap<String, u64>,
    tenant: TenantId,
    step: Step,
    clock: Clock,
    /// Given back when the export ends or its reader goes away.
    slot: Slot,
}

enum Step {
    Manifest,
    Rows,
    Done,
}

/// Bundles of what tenants own.
#[derive(Debug)]
pub struct TenantExports {
    core: Core,
    running: Arc<Running>,
}

impl TenantExports {
    /// The service on that core.
    #[must_use]
    pub fn new(core: &Core) -> Self {
        Self { core: core.clone(), running: Arc::default() }
    }

    /// Everything that the tenant owns as of now, but secrets: a line of JSON for each row. It is read as
    /// it is asked for, and ends without its last line when nobody asks for a minute, or after ten minutes.
    ///
    /// # Errors
    ///
    /// [`Error::Denied`] for a limited key; [`Error::Conflict`] while another of the tenant is written;
    /// [`Error::Busy`] while those of other tenants are; in the stream [`Error::Database`].
    pub async fn export(
        &self,
        scope: &Scope<perm::TenantExport>,
    ) -> Result<impl Stream<Item = Result<Bytes, Error>> + use<>, Error> {
        scope.whole_tenant()?;
        let slot = Slot::take(&self.running, scope.tenant(), self.core.clock.instant())?;
        let mut tx = self.core.db.begin(scope).await?;
        self.core.audit.record(&mut tx, scope, Change::of("tenant.export").to("tenant", scope.tenant())).await?;
        tx.commit().await?;
        let export = self.core.db.export(scope).await?;
        let writing = Writing {
            export,
            counts: BTreeMap::new(),
            tenant: scope.tenant(),
            step: Step::Manifest,
            clock: self.core.clock.clone(),
            slot,
        };
        Ok(try_unfold(writing, |mut writing| async move { Ok(writing.next().await?.map(|part| (part, writing))) }))
    }
}

impl Writing {
    async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        if self.clock.instant() >= self.slot.until {
            return Err(Error::Database(StorageError::Slow));
        }
        match self.step {
            Step::Manifest => {
                self.step = Step::Rows;
                Ok(Some(self.manifest()))
            }
            Step::Rows => {
                let Some(part) = self.export.next().await? else {
                    self.step = Step::Done;
                    return Ok(Some(line(&json!({"type": "end", "data": {"rows": self.counts}}))));
                };
                let kind = json!(part.table);
                let mut text = String::new();
                for row in &part.rows {
                    // Writing to a String cannot fail.
                    let _ = writeln!(text, "{{\"type\":{kind},\"data\":{row}}}");
                }
                *self.counts.entry(part.table).or_default() += part.rows.len() as u64;
                Ok(Some(text.into()))
            }
            Step::Done => Ok(None),
        }
    }

    fn manifest(&self) -> Bytes {
        let at = self.clock.now().format(&Rfc3339).unwrap_or_default();
        let tables: Vec<_> = self.export.tables().collect();
        line(&json!({"type": "manifest", "data": {
            "format": "portico-tenant-export", "version": 1, "tenant_id": self.tenant, "at": at, "tables": tables,
        }}))
    }
}

fn line(value: &serde_json::Value) -> Bytes {
    format!("{value}\n").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_waits_for_others_is_not_told_of_them_and_a_hanging_export_ends() {
        let (exports, now) = (Running::default(), Instant::now());
        let tenants = [0; AT_ONCE + 1].map(|_| TenantId::generate());
        let untils: Vec<_> =
            tenants[1..].iter().map(|tenant| exports.begin(*tenant, now).expect("there is room")).collect();
        assert!(matches!(exports.begin(tenants[0], now), Err(Error::Busy)));
        let again = exports.begin(tenants[1], now);
        assert!(matches!(again, Err(Error::Conflict { code: code::EXPORT_RUNNING, .. })), "{again:?}");
        exports.end(tenants[1], untils[0]);
        exports.begin(tenants[0], now).expect("one has ended");

        let later = now + LONGEST;
        let second = exports.begin(tenants[2], later).expect("the time of the first is over");
        exports.end(tenants[2], untils[1]);
        let third = exports.begin(tenants[2], later);
        assert!(matches!(third, Err(Error::Conflict { .. })), "the first ended the second: {third:?}");
        exports.end(tenants[2], second);
        exports.begin(tenants[2], later).expect("the second has ended");
    }
}
