//! The record of a call: what is known of it so far, written when the call has ended.
//!
//! A call ends when its answer's body does, so a list that breaks off while it is filtered is not recorded as
//! answered. A record that is dropped before it was told how the call ended belongs to a caller who went away. What
//! may have reached Chakra then goes on ([`finishing`](crate::finishing)), and the record waits for how it comes out.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use futures_util::StreamExt as _;
use portico_auth::{Actor, Party, Principal};
use portico_chakra::{Operation, UpstreamError};
use portico_connections::Error as ConnectionsError;
use portico_core::access_log::AccessLine;
use portico_core::body_memory::BodyShare;
use portico_core::bulkhead::Lane;
use portico_core::code::{Code, INTERNAL};
use portico_core::limits::LimitState;
use portico_core::metrics::Surface;
use portico_core::write_behind::LogEntry;
use portico_domain::{ApiKeyId, CustomerId, OldSecretId, PluginId, TenantId};
use portico_storage::turns::Turn;
use portico_storage::{ApiKeyUse, NewLearned, NewRequest};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::call::{Answer, AnswerBody, Failure, Head};
use crate::named::Named;
use crate::{Error, Services};

/// What is recorded for a caller who went away before the answer had ended, as nginx has it.
const CLIENT_CLOSED_REQUEST: u16 = 499;

/// What an operation asks for, in the metrics: its permission.
pub(crate) fn class(operation: &'static Operation) -> &'static str {
    operation.permission.map_or("none", |permission| permission.as_str())
}

/// What Chakra's answer tells of a call.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// The status; none while there is no answer.
    pub(crate) upstream_status: Option<u16>,
    /// That the answer's envelope holds errors although its status says success.
    pub(crate) has_errors: bool,
    /// Ids of messages whose owner it taught.
    pub(crate) learned: Vec<NewLearned>,
}

/// One call's record. It is written when it is dropped, once.
#[derive(Debug)]
pub(crate) struct CallRecord {
    services: Arc<Services>,
    at: OffsetDateTime,
    began: Instant,
    request_id: String,
    address: Option<IpAddr>,
    /// In whose log it belongs, and who called; none while that is not known.
    caller: Option<(TenantId, Actor)>,
    old_secret: Option<OldSecretId>,
    limit: Option<LimitState>,
    operation: Option<&'static Operation>,
    status: u16,
    code: Option<Code>,
    told: Told,
    customer: Option<CustomerId>,
    plugin: Option<PluginId>,
    is_use_noted: bool,
    /// The call's place among those of its tenant that are under way.
    turn: Option<Turn>,
    /// What its body takes of the memory for bodies.
    body: Option<BodyShare>,
}

impl CallRecord {
    /// A call that begins now.
    pub(crate) fn begin(services: &Arc<Services>, head: &Head<'_>) -> Self {
        let core = &services.core;
        core.metrics.began(Surface::Compatible);
        Self {
            services: Arc::clone(services),
            at: core.clock.now(),
            began: core.clock.instant(),
            request_id: head.credentials.request_id.to_owned(),
            address: head.credentials.address,
            caller: None,
            old_secret: None,
            limit: None,
            operation: None,
            status: CLIENT_CLOSED_REQUEST,
            code: None,
            told: Told::default(),
            customer: None,
            plugin: None,
            is_use_noted: false,
            turn: None,
            body: None,
        }
    }

    /// Who calls what. From here on the call belongs into the tenant's log, also when it is refused.
    pub(crate) fn caller(&mut self, principal: &Principal, operation: &'static Operation) {
        self.operation = Some(operation);
        self.caller = principal.tenant().map(|tenant| (tenant, principal.actor()));
        self.old_secret = principal.old_secret();
        if let Some(tenant) = principal.tenant() {
            tracing::Span::current().record("tenant.id", tracing::field::display(tenant));
        }
    }

    /// Waits until the call may be worked on. The turn is held until the call has ended, or waits for its body.
    ///
    /// # Errors
    ///
    /// [`CoreError::TenantCallsBusy`](portico_core::Error::TenantCallsBusy).
    pub(crate) async fn take_turn(&mut self) -> Result<(), Error> {
        let (Some((tenant, _)), Some(operation)) = (self.caller, self.operation) else { return Ok(()) };
        let lane = if operation.media { Lane::Media } else { Lane::Compatible };
        self.turn = Some(self.services.core.bulkhead.admit(tenant, lane).await?);
        Ok(())
    }

    /// Lets another call be worked on meanwhile.
    pub(crate) fn give_up_turn(&mut self) {
        self.turn = None;
    }

    /// What the call's body takes of the memory for bodies, until the call has ended.
    pub(crate) fn body_share(&mut self) -> &mut BodyShare {
        let tenant = self.tenant();
        self.body.get_or_insert_with(|| self.services.core.body_memory.share(tenant))
    }

    /// Whose call it is that was turned away before anybody knew what they may do: it belongs into their log, and
    /// is no use of the key.
    pub(crate) fn refused_party(&mut self, party: Party, operation: &'static Operation) {
        self.operation = Some(operation);
        self.caller = Some((party.tenant, party.actor));
        self.is_use_noted = true;
    }

    /// How the caller's own limit stands.
    pub(crate) fn limit(&mut self, limit: Option<LimitState>) {
        self.limit = limit;
    }

    /// Which of the route's operations it is.
    pub(crate) fn operation(&mut self, operation: &'static Operation) {
        self.operation = Some(operation);
    }

    /// What the call names.
    pub(crate) fn names(&mut self, named: &Named) {
        self.customer = named.customer();
        self.plugin = named.plugin();
    }

    /// For which customer it makes something, if it names none.
    pub(crate) fn customer(&mut self, customer: Option<CustomerId>) {
        self.customer = self.customer.or(customer);
    }

    /// The plugin that was made for it.
    pub(crate) fn plugin(&mut self, plugin: PluginId) {
        self.plugin = Some(plugin);
    }

    /// What Chakra's answer tells.
    pub(crate) fn is_told(&mut self, told: Told) {
        self.told = told;
    }

    /// In whose log it belongs.
    pub(crate) fn tenant(&self) -> Option<TenantId> {
        self.caller.map(|(tenant, _)| tenant)
    }

    /// How the call ended, for the caller; a body that goes on takes the record along.
    pub(crate) fn ends_with(mut self, outcome: Result<Answer, Error>) -> Result<Answer, Box<Failure>> {
        let operation = self.operation.map(|operation| operation.id);
        let limit = self.limit;
        match outcome {
            Ok(answer) => {
                let status = answer.status;
                let body = match answer.body {
                    AnswerBody::Whole(bytes) => {
                        self.status = status;
                        AnswerBody::Whole(bytes)
                    }
                    AnswerBody::Pieces(pieces) => {
                        self.note_use();
                        AnswerBody::Pieces(Box::pin(self.until_the_end(status, pieces)))
                    }
                };
                Ok(Answer { body, operation, limit, ..answer })
            }
            Err(error) => Err(self.fails_with(error)),
        }
    }

    /// That the call ended with that error.
    pub(crate) fn fails_with(mut self, error: Error) -> Box<Failure> {
        (self.status, self.code) = (error.status(), Some(error.code()));
        let (operation, limit) = (self.operation.map(|operation| operation.id), self.limit);
        Box::new(Failure { error, operation, limit })
    }

    /// How the call ended although its caller had gone away: the status stays that of a caller who got nothing, and
    /// Chakra's status, or the code of what went wrong, says the rest. A body in pieces is read to its end, because it
    /// may teach ids.
    pub(crate) async fn ends_unheard(mut self, outcome: Result<Answer, Error>, told: Told) {
        self.is_told(told);
        match outcome {
            Ok(Answer { body: AnswerBody::Pieces(mut pieces), .. }) => {
                while let Some(piece) = pieces.next().await {
                    if let Err(error) = piece {
                        self.code = Some(ConnectionsError::from(error).code());
                        break;
                    }
                }
            }
            Ok(_) => {}
            Err(error) => self.code = Some(error.code()),
        }
    }

    fn api_key(&self) -> Option<ApiKeyId> {
        match self.caller? {
            (_, Actor::ApiKey(id)) => Some(id),
            (_, Actor::Operator | Actor::Member(_)) => None,
        }
    }

    /// The use that was made of an API key, once.
    fn take_use(&mut self) -> Option<ApiKeyUse> {
        let (id, operation) = (self.api_key()?, self.operation?);
        if std::mem::replace(&mut self.is_use_noted, true) {
            return None;
        }
        let (at, address, old_secret) = (self.at, self.address, self.old_secret);
        Some(ApiKeyUse { id, at, address, operation: operation.id.into(), old_secret })
    }

    /// Notes the use of the key now: the row may have to wait for a long answer, and who asks whether an old
    /// secret is still in use must not.
    fn note_use(&mut self) {
        if let (Some((tenant, _)), used @ Some(_)) = (self.caller, self.take_use()) {
            self.services.core.write_behind.add(LogEntry { tenant, row: None, used, learned: Vec::new() });
        }
    }

    /// The same pieces; the record is written after the last, or with the failure that broke them off.
    fn until_the_end(
        self,
        status: u16,
        pieces: crate::call::Pieces,
    ) -> impl futures_util::Stream<Item = Result<Bytes, UpstreamError>> {
        futures_util::stream::unfold((pieces, Some(self)), move |(mut pieces, record)| async move {
            let mut record = record?;
            match pieces.next().await {
                None => {
                    record.status = status;
                    None
                }
                Some(Ok(piece)) => Some((Ok(piece), (pieces, Some(record)))),
                Some(Err(error)) => {
                    let told = ConnectionsError::from(error);
                    (record.status, record.code) = (told.code().status, Some(told.code()));
                    drop(record);
                    let ConnectionsError::Upstream(error) = told else { return None };
                    Some((Err(error), (pieces, None)))
                }
            }
        })
    }
}

impl Drop for CallRecord {
    fn drop(&mut self) {
        if std::thread::panicking() {
            (self.status, self.code) = (INTERNAL.status, Some(INTERNAL));
        }
        let core = &self.services.core;
        let duration = core.clock.instant().saturating_duration_since(self.began);
        core.metrics.ended(Surface::Compatible, self.operation.map_or("none", class), self.status, duration);
        AccessLine {
            surface: Surface::Compatible,
            request_id: &self.request_id,
            tenant: self.caller.map(|(tenant, _)| tenant),
            operation: self.operation.map_or("", |operation| operation.id),
            status: self.status,
            duration,
        }
        .write();
        // Who is not known has no log: an unknown key belongs to no tenant.
        let (Some((tenant, _)), Some(operation)) = (self.caller, self.operation) else { return };
        let row = NewRequest {
            entry: Uuid::now_v7(),
            request_id: std::mem::take(&mut self.request_id),
            at: self.at,
            operation: operation.id,
            method: operation.method.as_str(),
            status: self.status,
            upstream_status: self.told.upstream_status,
            code: self.code.map(|code| code.code),
            has_errors: self.told.has_errors,
            duration_us: u64::try_from(duration.as_micros()).unwrap_or(u64::MAX),
            api_key: self.api_key(),
            customer: self.customer,
            plugin: self.plugin,
        };
        let (used, learned) = (self.take_use(), std::mem::take(&mut self.told.learned));
        self.services.core.write_behind.add(LogEntry { tenant, row: Some(row), used, learned });
    }
}
