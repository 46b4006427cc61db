//! The audit log: every change and every refused attempt at management.
//!
//! A use case that changes something says so with [`AuditRecorder::record`] right before it commits, in the
//! transaction that makes the change true: there is no change without its entry and no entry without
//! its change. To add a use case, call it last and name the action `resource.verb`.

use std::sync::Arc;

use portico_auth::{Actor, Origin, Party, TenantScope};
use portico_domain::audit::{AuditActor, AuditActorKind, AuditEntry, AuditOutcome, AuditTarget, changes};
use portico_domain::clock::Clock;
use portico_domain::{ChainEnd, TenantId};
use portico_storage::{Db, TenantTx};
use portico_vault::AuditChainKey;
use serde::Serialize;
use serde_json::{Map, Value};
use time::OffsetDateTime;

use crate::error::{Error, Thing};

/// What changed, before it is written down.
#[derive(Debug, Clone)]
pub struct Change {
    action: &'static str,
    target: Option<AuditTarget>,
    before: Value,
    after: Value,
}

impl Change {
    /// A change of that kind: `resource.verb`.
    #[must_use]
    pub const fn of(action: &'static str) -> Self {
        Self { action, target: None, before: Value::Null, after: Value::Null }
    }

    /// To what it was done.
    #[expect(clippy::needless_pass_by_value, reason = "ids are copied, and texts are short")]
    #[must_use]
    pub fn to(self, kind: &str, id: impl ToString) -> Self {
        Self { target: Some(AuditTarget { kind: kind.to_owned(), id: id.to_string() }), ..self }
    }

    /// The state before, as the API shows it: types that hold secrets do not serialise.
    #[must_use]
    pub fn from(self, before: &impl Serialize) -> Self {
        Self { before: serde_json::to_value(before).unwrap_or_default(), ..self }
    }

    /// The state after, as the API shows it.
    #[must_use]
    pub fn into(self, after: &impl Serialize) -> Self {
        Self { after: serde_json::to_value(after).unwrap_or_default(), ..self }
    }
}

/// Writes the audit log, in transactions of its callers. Cheap to clone.
#[derive(Debug, Clone)]
pub struct AuditRecorder {
    db: Db,
    key: Arc<AuditChainKey>,
    clock: Clock,
}

impl AuditRecorder {
    /// One whose entries are chained under that key.
    #[must_use]
    pub const fn new(db: Db, key: Arc<AuditChainKey>, clock: Clock) -> Self {
        Self { db, key, clock }
    }

    /// Adds a change to the audit log of the transaction's tenant, done by who the scope stands for. Call it last,
    /// right before the commit: it holds the chain's end until then.
    ///
    /// # Errors
    ///
    /// [`Error::Missing`] when the tenant was erased meanwhile; [`Error::Database`].
    pub async fn record(&self, tx: &mut TenantTx, scope: &TenantScope, change: Change) -> Result<(), Error> {
        self.record_by(tx, Some(scope.party()), scope.origin(), change).await
    }

    /// [`AuditRecorder::record`] where there is no scope; without a party for what Portico does by itself.
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn record_by(
        &self,
        tx: &mut TenantTx,
        party: Option<Party>,
        origin: &Origin,
        change: Change,
    ) -> Result<(), Error> {
        if !tx.lock_tenant_shared().await? {
            return Err(Error::Missing(Thing::Tenant));
        }
        self.append(tx, &done(self.clock.now(), party, origin, change)).await.map(drop)
    }

    /// Adds an act of the operator to the operator's own audit log too, and turns the transaction to it:
    /// nothing but the commit may follow. For what must be known when the tenant is gone.
    ///
    /// # Errors
    ///
    /// [`Error::Database`].
    pub async fn record_for_operator(
        &self,
        tx: &mut TenantTx,
        scope: &TenantScope,
        change: Change,
    ) -> Result<(), Error> {
        tx.turn_to_operator().await?;
        self.record(tx, scope, change).await
    }

    /// The last entry of a tenant that this transaction has erased already; gives the end of its chain.
    ///
    /// # Errors
    ///
    /// [`Error::Database`].
    pub async fn record_last(
        &self,
        tx: &mut TenantTx,
        party: Party,
        origin: &Origin,
        change: Change,
    ) -> Result<ChainEnd, Error> {
        self.append(tx, &done(self.clock.now(), Some(party), origin, change)).await
    }

    /// Adds an entry in a transaction of its own, unless the tenant is gone.
    pub(super) async fn append_alone(&self, tenant: TenantId, entry: &AuditEntry) -> Result<(), Error> {
        let mut tx = self.db.begin_system(tenant).await?;
        if tx.lock_tenant_shared().await? {
            self.append(&mut tx, entry).await?;
        }
        Ok(tx.commit().await?)
    }

    /// The time by which entries are dated.
    pub(super) const fn clock(&self) -> &Clock {
        &self.clock
    }

    async fn append(&self, tx: &mut TenantTx, entry: &AuditEntry) -> Result<ChainEnd, Error> {
        Ok(tx.append_audit(&self.key, entry).await?)
    }
}

/// An entry that tells of something done.
pub fn done(at: OffsetDateTime, party: Option<Party>, origin: &Origin, change: Change) -> AuditEntry {
    AuditEntry {
        at: whole_micros(at),
        action: change.action.to_owned(),
        outcome: AuditOutcome::Done,
        reason: None,
        actor: actor(party),
        address: address(origin),
        request_id: origin.request_id.as_deref().map(str::to_owned),
        target: change.target,
        attempts: None,
        changes: changes(&change.before, &change.after),
    }
}

/// An entry that tells of refused attempts.
pub(super) fn refused(at: OffsetDateTime, party: Party, origin: &Origin, attempt: String, code: &str) -> AuditEntry {
    AuditEntry {
        at: whole_micros(at),
        action: attempt,
        outcome: AuditOutcome::Refused,
        reason: Some(code.to_owned()),
        actor: actor(Some(party)),
        address: address(origin),
        request_id: origin.request_id.as_deref().map(str::to_owned),
        target: None,
        attempts: None,
        changes: Map::new(),
    }
}

/// Postgres keeps microseconds.
fn whole_micros(at: OffsetDateTime) -> OffsetDateTime {
    at.replace_nanosecond(at.microsecond() * 1_000).unwrap_or(at)
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
