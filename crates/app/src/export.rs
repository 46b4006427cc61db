//! A tenant's bundle: everything that it owns but secrets, a line of JSON each.
//!
//! The first line says what it is, the last how many rows of each table came before it: a bundle without
//! that line is cut short.

use std::collections::{BTreeMap, HashSet};
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures_util::stream::{Stream, try_unfold};
use portico_auth::Scope;
use portico_domain::TenantId;
use portico_domain::permission::perm;
use portico_storage::Export;
use serde_json::json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::audit::Change;
use crate::error::Error;
use crate::start::{App, Shared};

/// Exports at once in one process: each holds a connection for as long as its reader takes.
const AT_ONCE: usize = 4;

/// The tenants whose bundles are being written.
#[derive(Debug, Default)]
pub(crate) struct Exports(Mutex<HashSet<TenantId>>);

/// The right to write one.
struct Slot {
    shared: Arc<Shared>,
    tenant: TenantId,
}

impl Slot {
    fn take(shared: &Arc<Shared>, tenant: TenantId) -> Result<Self, Error> {
        let mut running = shared.exports.0.lock().unwrap_or_else(PoisonError::into_inner);
        if running.len() >= AT_ONCE || !running.insert(tenant) {
            return Err(Error::Conflict {
                code: "export_running",
                pointer: None,
                detail: "another export is being written; repeat the call when it has ended",
            });
        }
        Ok(Self { shared: Arc::clone(shared), tenant })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.shared.exports.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.tenant);
    }
}

/// Where an export is.
struct Writing {
    export: Export,
    counts: BTreeMap<String, u64>,
    tenant: TenantId,
    step: Step,
    /// Given back when the export ends or its reader goes away.
    _slot: Slot,
}

enum Step {
    Manifest,
    Rows,
    Done,
}

impl App {
    /// Everything that the tenant owns as of now, but secrets: a line of JSON for each row. It is read as
    /// it is asked for, and ends without its last line when nobody asks for a minute.
    ///
    /// # Errors
    ///
    /// [`Error::Denied`] for a limited key; [`Error::Conflict`] while another is written; in the stream
    /// [`Error::Database`].
    pub async fn export_tenant(
        &self,
        scope: &Scope<perm::TenantExport>,
    ) -> Result<impl Stream<Item = Result<Bytes, Error>> + use<>, Error> {
        scope.whole_tenant()?;
        let slot = Slot::take(&self.shared, scope.tenant())?;
        let mut tx = self.shared.db.begin(scope).await?;
        self.audit(&mut tx, scope, Change::of("tenant.export").to("tenant", scope.tenant())).await?;
        tx.commit().await?;
        let export = self.shared.db.export(scope).await?;
        let writing =
            Writing { export, counts: BTreeMap::new(), tenant: scope.tenant(), step: Step::Manifest, _slot: slot };
        Ok(try_unfold(writing, |mut writing| async move { Ok(writing.next().await?.map(|part| (part, writing))) }))
    }
}

impl Writing {
    async fn next(&mut self) -> Result<Option<Bytes>, Error> {
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
        let at = OffsetDateTime::now_utc().format(&Rfc3339).unwrap_or_default();
        let tables: Vec<_> = self.export.tables().collect();
        line(&json!({"type": "manifest", "data": {
            "format": "portico-tenant-export", "version": 1, "tenant_id": self.tenant, "at": at, "tables": tables,
        }}))
    }
}

fn line(value: &serde_json::Value) -> Bytes {
    format!("{value}\n").into()
}
