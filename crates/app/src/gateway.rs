//! The compatible surface: from a request in Chakra's form to Chakra and back.
//!
//! match → authenticate → the key's own rate limit → permission → ownership → (further limits,
//! idempotency: later, between ownership and the key) → key → forward → account. The key's own limit
//! comes first, because it is there to spare everybody else the work. What the catalogue says of an operation decides all of it;
//! there is no code for a single operation here. What an operation changes that Portico keeps records
//! of is in [`effects`], by the kinds of effect that the catalogue knows.

mod answer;
mod body;
mod effects;
mod guard;
mod headers;
mod links;
mod rewrite;

use std::pin::Pin;
use std::time::Instant;

use bytes::Bytes;
use futures_util::Stream;
use http::{HeaderName, HeaderValue};
use portico_auth::{Actor, TenantScope};
use portico_chakra::{Matched, Method, Operation, Outgoing, OutgoingBody, Unanswered, client, router};
use portico_domain::{CustomerId, OldSecretId, PluginId};
use portico_storage::{ApiKeyUse, NewLearned, NewRequest};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::authenticate::{Presented, REJUDGED_AFTER};
use crate::error::Error;
use crate::limits::Standing;
use crate::request_log::LogEntry;
use crate::start::App;
use body::Received;

/// A request in Chakra's form.
#[derive(Debug)]
pub struct Call<'a, B> {
    /// The method as it came.
    pub method: &'a str,
    /// The path as it came, still encoded.
    pub path: &'a str,
    /// The query as it came, still encoded.
    pub query: Option<&'a str>,
    /// The caller's credential.
    pub presented: Presented<'a>,
    /// The id by which the call is known in the log.
    pub request_id: &'a str,
    /// The request's headers.
    pub headers: &'a dyn Headers,
    /// The request's body.
    pub body: B,
    /// The announced length of the body, in bytes.
    pub content_length: Option<u64>,
}

/// A request's headers, whatever the web framework.
pub trait Headers: std::fmt::Debug {
    /// The first value of that lower-case name.
    fn get(&self, name: &str) -> Option<&[u8]>;
}

/// The caller's connection broke while the body was read.
#[derive(Debug, Clone, Copy)]
pub struct BodyFailure;

/// What the caller gets.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers, without those of the connection.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// The body.
    pub body: AnswerBody,
    /// The operation of the catalogue.
    pub operation: Option<&'static str>,
    /// How the caller's own limit stands, if it has one.
    pub standing: Option<Standing>,
}

/// A body on its way to the caller.
pub enum AnswerBody {
    /// All of it.
    Whole(Bytes),
    /// Piece by piece, as it arrives.
    Pieces(Pin<Box<dyn Stream<Item = Result<Bytes, Unanswered>>>>),
}

impl std::fmt::Debug for AnswerBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Whole(bytes) => write!(f, "Whole({} bytes)", bytes.len()),
            Self::Pieces(_) => f.write_str("Pieces"),
        }
    }
}

/// Why the caller gets no answer of Chakra's.
#[derive(Debug)]
pub struct Failure {
    /// What went wrong.
    pub error: Error,
    /// The operation, as far as it was known.
    pub operation: Option<&'static str>,
    /// How the caller's own limit stands, if it has one.
    pub standing: Option<Standing>,
}

/// What is known of a call so far, for the log.
#[derive(Debug, Default)]
struct Account {
    scope: Option<TenantScope>,
    old_secret: Option<OldSecretId>,
    standing: Option<Standing>,
    operation: Option<&'static Operation>,
    upstream_status: Option<u16>,
    has_errors: bool,
    customer: Option<CustomerId>,
    plugin: Option<PluginId>,
    learned: Vec<NewLearned>,
}

impl App {
    /// Forwards a call to Chakra if the caller may make it.
    ///
    /// # Errors
    ///
    /// [`Failure`], with what the outside may know.
    pub async fn forward<B>(&self, call: Call<'_, B>) -> Result<Answer, Failure>
    where
        B: Stream<Item = Result<Bytes, BodyFailure>> + Unpin,
    {
        let (at, began) = (OffsetDateTime::now_utc(), Instant::now());
        let (request_id, address) = (call.request_id, call.presented.address);
        let mut account = Account::default();
        let result = self.run(call, &mut account).await;
        let operation = account.operation.map(|operation| operation.id);
        let (status, code) = match &result {
            Ok(answer) => (answer.status, None),
            Err(error) => error.status_and_code(),
        };
        // Who is not known has no log: an unknown key belongs to no tenant.
        if let (Some(scope), Some(operation)) = (account.scope, account.operation) {
            let api_key = match scope.actor() {
                Actor::ApiKey(id) => Some(id),
                Actor::Operator | Actor::Member(_) => None,
            };
            let used = api_key.map(|id| ApiKeyUse {
                id,
                at,
                address,
                operation: operation.id.into(),
                old_secret: account.old_secret,
            });
            let row = NewRequest {
                entry: Uuid::now_v7(),
                request_id: request_id.to_owned(),
                at,
                operation: operation.id,
                method: operation.method.as_str(),
                status,
                upstream_status: account.upstream_status,
                code,
                has_errors: account.has_errors,
                duration_us: u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX),
                api_key,
                customer: account.customer,
                plugin: account.plugin,
            };
            self.shared.note(LogEntry { tenant: scope.tenant(), row: Some(row), used, learned: account.learned });
        }
        match result {
            Ok(answer) => Ok(Answer { operation, standing: account.standing, ..answer }),
            Err(error) => Err(Failure { error, operation, standing: account.standing }),
        }
    }

    async fn run<B>(&self, call: Call<'_, B>, account: &mut Account) -> Result<Answer, Error>
    where
        B: Stream<Item = Result<Bytes, BodyFailure>> + Unpin,
    {
        let Call { method, path, query, presented, request_id, headers, mut body, content_length } = call;
        let matched = router().find(Method::parse(method), path)?;
        let judged = Instant::now();
        let principal = self.authenticate(presented).await.map_err(|refused| refused.error)?;
        // Operations on one route share permission and body kind (a test of the catalogue says so);
        // which of them it is, the body may have to tell.
        let first = matched.route.usual();
        account.operation = Some(first);
        // What is refused from here on belongs into the tenant's log.
        account.scope = principal.authorize_call(None).ok();
        account.old_secret = principal.old_secret();
        account.standing = self.count_call(&principal)?;
        let query = guard::Query::parse(query, first)?;
        let permission = query.permission(first);
        let mut scope = principal.authorize_call(first.permission)?;
        if let Some(extra) = permission {
            principal.authorize_call(Some(extra))?;
        }
        guard::body_fits(first, headers, content_length)?;
        let mut named = guard::Named::default();
        self.check_path_and_query(&scope, &matched, &query, &mut named).await?;
        account.customer = named.customer();
        account.plugin = named.plugin();

        let received = body::receive(first, &matched, headers, &mut body).await?;
        if judged.elapsed() >= REJUDGED_AFTER {
            let principal = self.authenticate(presented).await.map_err(|refused| refused.error)?;
            scope = principal.authorize_call(first.permission)?;
            if let Some(extra) = permission {
                principal.authorize_call(Some(extra))?;
            }
            named = guard::Named::default();
            self.check_path_and_query(&scope, &matched, &query, &mut named).await?;
        }
        let operation = received.operation(&matched);
        account.operation = Some(operation);
        self.check_body(&scope, operation, &received, &mut named).await?;
        Self::check_whole(&scope, operation, &matched, &received, &named)?;
        account.customer = named.customer();
        account.plugin = named.plugin();

        let customer = self.customer_for(&scope, operation, headers, &received).await?;
        account.customer = account.customer.or(customer);
        let key = self.default_chakra_key(&scope).await?;
        let received = self.prepare(&scope, operation, &matched, received, customer, account).await?;

        let outgoing_headers = headers::outgoing(operation, headers, matches!(received, Received::Stream), request_id)?;
        let limit = if operation.media { client::MEDIA_LIMIT } else { client::CALL_LIMIT };
        let target = guard::target(self.chakra.paths(), &matched, operation, &query, &received, &named);
        let token = self.token(&scope, &key);
        let outgoing =
            |body| Outgoing { method: operation.method, target, key: token, headers: outgoing_headers, body, limit };
        let incoming = match &received {
            Received::Nothing => self.chakra.send(outgoing(OutgoingBody::Empty)).await,
            Received::Json { bytes, .. } | Received::Form(bytes) => {
                self.chakra.send(outgoing(OutgoingBody::Whole(bytes.clone()))).await
            }
            Received::Stream => {
                let (pump, pieces) = body::pump(body);
                let sending = self.chakra.send(outgoing(OutgoingBody::Pieces(pieces)));
                body::while_pumping(pump, sending).await?
            }
        }?;
        account.upstream_status = Some(incoming.status());
        let asked = answer::Asked { scope, key, operation, named, customer, received };
        let needs_links = !operation.links.is_empty() || operation.hands_on_redirects;
        let links = needs_links.then(|| {
            let origin = links::Origin::of(self.shared.public_url.as_deref(), headers);
            links::Links::new(&origin, path, &matched)
        });
        self.answer(asked, links.unwrap_or_default(), incoming, account).await
    }
}

/// Ids in a path that the body may name instead, for templates that lack them.
fn parameter<'m>(matched: &'m Matched<'_, '_>, received: &'m Received, name: &str) -> Option<&'m str> {
    matched.parameter(name).or_else(|| received.text(name))
}
