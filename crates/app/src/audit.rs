//! The audit log: every change and every refused attempt at management.
//!
//! A use case that changes something says so with [`App::audit`] right before it commits, in the
//! transaction that makes the change true: there is no change without its entry and no entry without
//! its change. To add a use case, call it last and name the action `resource.verb`.

use portico_auth::{Actor, Origin, Party, TenantScope};
use portico_domain::TenantId;
use portico_domain::audit::{AuditActor, AuditActorKind, AuditEntry, AuditOutcome, AuditTarget, changes};
use portico_storage::{NewAuditEntry, TenantTx};
use portico_vault::audit_chain;
use serde::Serialize;
use serde_json::{Map, Value};
use time::OffsetDateTime;

use crate::error::Error;
use crate::start::{App, Shared};

/// What changed, before it is written down.
#[derive(Debug)]
pub(crate) struct Change {
    action: &'static str,
    target: Option<AuditTarget>,
    before: Value,
    after: Value,
}

impl Change {
    /// A change of that kind: `resource.verb`.
    pub(crate) const fn of(action: &'static str) -> Self {
        Self { action, target: None, before: Value::Null, after: Value::Null }
    }

    /// To what it was done.
    pub(crate) fn to(self, kind: &str, id: impl ToString) -> Self {
        Self { target: Some(AuditTarget { kind: kind.to_owned(), id: id.to_string() }), ..self }
    }

    /// The state before, as the API shows it: types that hold secrets do not serialise.
    pub(crate) fn from(self, before: &impl Serialize) -> Self {
        Self { before: serde_json::to_value(before).unwrap_or_default(), ..self }
    }

    /// The state after, as the API shows it.
    pub(crate) fn into(self, after: &impl Serialize) -> Self {
        Self { after: serde_json::to_value(after).unwrap_or_default(), ..self }
    }
}

impl App {
    /// Writes a change down in the audit log of the transaction's tenant. Call it last, right before
    /// the commit: it holds the chain's end until then.
    ///
    /// # Errors
    ///
    /// [`Error::Database`].
    pub(crate) async fn audit(&self, tx: &mut TenantTx, scope: &TenantScope, change: Change) -> Result<(), Error> {
        self.shared.audit(tx, Some(scope.party()), scope.origin(), change).await
    }

    /// Writes down that an attempt at management was refused, by method and path template. That it
    /// cannot be written changes nothing for the caller and is logged.
    pub async fn attempt_refused(&self, party: Party, origin: &Origin, attempt: String, code: &str) {
        let entry = AuditEntry {
            at: now(),
            action: attempt,
            outcome: AuditOutcome::Refused,
            reason: Some(code.to_owned()),
            actor: actor(Some(party)),
            address: address(origin),
            request_id: origin.request_id.as_deref().map(str::to_owned),
            target: None,
            changes: Map::new(),
        };
        if let Err(error) = self.append_alone(party.tenant, &entry).await {
            tracing::error!(tenant.id = %party.tenant, %error, "a refused attempt is missing in the audit log");
        }
    }

    async fn append_alone(&self, tenant: TenantId, entry: &AuditEntry) -> Result<(), Error> {
        let mut tx = self.shared.db.begin_system(tenant).await?;
        self.shared.append(&mut tx, entry).await?;
        Ok(tx.commit().await?)
    }
}

impl Shared {
    /// [`App::audit`], also for what Portico does by itself: then there is no party.
    pub(crate) async fn audit(
        &self,
        tx: &mut TenantTx,
        party: Option<Party>,
        origin: &Origin,
        change: Change,
    ) -> Result<(), Error> {
        let entry = AuditEntry {
            at: now(),
            action: change.action.to_owned(),
            outcome: AuditOutcome::Done,
            reason: None,
            actor: actor(party),
            address: address(origin),
            request_id: origin.request_id.as_deref().map(str::to_owned),
            target: change.target,
            changes: changes(&change.before, &change.after),
        };
        self.append(tx, &entry).await
    }

    async fn append(&self, tx: &mut TenantTx, entry: &AuditEntry) -> Result<(), Error> {
        let head = tx.audit_head_for_append().await?;
        let text = entry.canonical();
        let (seq, hash) = (head.seq + 1, audit_chain::link(&head.hash, &text));
        let mac = self.fingerprint_key.audit_head(tx.tenant().uuid().as_bytes(), seq, &hash);
        let new = NewAuditEntry { seq, at: entry.at, entry: &text, previous: &head.hash, hash: &hash, mac: &mac };
        Ok(tx.append_audit(&new).await?)
    }
}

/// Postgres keeps microseconds.
fn now() -> OffsetDateTime {
    let now = OffsetDateTime::now_utc();
    now.replace_nanosecond(now.microsecond() * 1_000).unwrap_or(now)
}

fn address(origin: &Origin) -> Option<String> {
    origin.address.map(|address| address.to_canonical().to_string())
}

fn actor(party: Option<Party>) -> AuditActor {
    let (kind, id) = match party.map(|party| party.actor) {
        None => (AuditActorKind::Portico, None),
        Some(Actor::Operator) => (AuditActorKind::Operator, None),
        Some(Actor::ApiKey(id)) => (AuditActorKind::ApiKey, Some(id.to_string())),
        Some(Actor::Member(id)) => (AuditActorKind::Member, Some(id.to_string())),
    };
    AuditActor { kind, id, token_id: party.and_then(|party| party.token) }
}
