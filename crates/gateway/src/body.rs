//! The request's body: read whole and looked into where it is JSON, streamed where it is media.

use std::future::Future;
use std::io;

use bytes::{Bytes, BytesMut};
use futures_util::future::{Either, select};
use futures_util::{Stream, StreamExt};
use portico_chakra::body_scan::{BodyError, ScannedBody};
use portico_chakra::{BodyKind, Effect, Matched, Operation, UpstreamError};
use portico_connections::name_from;
use portico_core::{Error as CoreError, RequestError};
use portico_domain::Metadata;
use portico_storage::NewCustomer;
use serde_json::Value;
use tokio::sync::mpsc;

use crate::Error;
use crate::call::{BodyFailure, Headers};
use crate::headers;

/// The most that a JSON body may hold, in bytes.
const JSON_LIMIT: usize = 1024 * 1024;
/// The most that a body with media may hold, in bytes.
const MEDIA_LIMIT: usize = 100 * 1024 * 1024;

/// A request's body as far as it was read.
#[derive(Debug)]
pub(crate) enum Received {
    /// None.
    Nothing,
    /// JSON, with the fields that matter.
    Json {
        /// All of it, as it came.
        bytes: Bytes,
        /// The fields that matter.
        scanned: ScannedBody,
    },
    /// A URL-encoded form.
    Form(Bytes),
    /// Still to be streamed.
    Stream,
}

impl Received {
    /// The operation that the body asks for.
    pub(crate) fn operation(&self, matched: &Matched<'_, '_>) -> &'static Operation {
        match self {
            Self::Json { scanned, .. } => matched.route.operation_for(scanned),
            Self::Nothing | Self::Form(_) | Self::Stream => matched.route.default_operation(),
        }
    }

    /// The text of a top-level field that the catalogue watches.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        match self {
            Self::Json { scanned, .. } => scanned.top_level_text(name),
            Self::Nothing | Self::Form(_) | Self::Stream => None,
        }
    }

    /// The body as a tree; for the few operations that change something in it.
    pub(crate) fn tree(&self) -> Result<Value, Error> {
        match self {
            Self::Json { bytes, .. } => {
                serde_json::from_slice(bytes).map_err(|error| RequestError::Body(error.to_string()).into())
            }
            Self::Nothing | Self::Form(_) | Self::Stream => Ok(Value::Null),
        }
    }

    /// The customer that a call which makes a plugin stands for, if no header names another.
    pub(crate) fn new_plugin(&self, operation: &Operation) -> Result<Option<NewCustomer>, Error> {
        let fields = match operation.effect {
            Effect::CreatesPlugin => ["name", "name", "name"],
            Effect::BeginsConnect => ["newPluginName", "clientReferenceId", "clientName"],
            _ => return Ok(None),
        };
        let tree = self.tree()?;
        let field = |name: &str| tree.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        let Some(plugin) = field(fields[0]) else {
            return match operation.effect {
                Effect::CreatesPlugin => Err(CoreError::invalid("/name", "is required: a text").into()),
                _ => Ok(None),
            };
        };
        if operation.effect == Effect::BeginsConnect && field("pluginId").is_some() {
            return Err(
                CoreError::invalid("/newPluginName", "cannot stand beside pluginId: send one of the two").into()
            );
        }
        if plugin.parse::<portico_domain::Name>().is_err() {
            return Err(CoreError::invalid(
                format!("/{}", fields[0]),
                "must be 1 to 100 characters without control characters",
            )
            .into());
        }
        let reference = field(fields[1]).unwrap_or(plugin);
        let external_id = reference.parse().map_err(|error: portico_domain::text::MalformedText| {
            CoreError::invalid(
                format!("/{}", if field(fields[1]).is_some() { fields[1] } else { fields[0] }),
                error.to_string(),
            )
        })?;
        let name = match field(fields[2]).and_then(|name| name.parse().ok()) {
            Some(name) => name,
            None => name_from(&external_id)?,
        };
        Ok(Some(NewCustomer { external_id, name, metadata: Metadata::default() }))
    }
}

/// The value of a parameter of the path, which the body may name instead where templates lack it.
pub(crate) fn parameter<'m>(matched: &'m Matched<'_, '_>, received: &'m Received, name: &str) -> Option<&'m str> {
    matched.parameter(name).or_else(|| received.text(name))
}

/// Refuses a body that is announced as too long or as something that the operation does not take.
pub(crate) fn fits(operation: &Operation, headers: &dyn Headers, content_length: Option<u64>) -> Result<(), Error> {
    let limit = limit(operation);
    if content_length.is_some_and(|length| length > limit as u64) {
        return Err(RequestError::TooLarge(limit).into());
    }
    let given = headers.get("content-type").map(|value| value.split(|byte| *byte == b';').next().unwrap_or_default());
    let is = |name: &str| given.is_some_and(|given| given.trim_ascii().eq_ignore_ascii_case(name.as_bytes()));
    let streams =
        is("multipart/form-data") && matches!(operation.body, BodyKind::Multipart | BodyKind::JsonOrMultipart);
    if operation.body != BodyKind::None && !streams && headers::is_encoded(headers) {
        return Err(RequestError::ContentType("one that this call takes, without Content-Encoding").into());
    }
    match operation.body {
        BodyKind::None => Ok(()),
        // Nothing is what it says; should something come all the same, it is refused when it is there.
        BodyKind::Json if given.is_none() && content_length.unwrap_or(0) == 0 && may_be_empty(operation) => Ok(()),
        BodyKind::Json | BodyKind::JsonList if is("application/json") => Ok(()),
        BodyKind::Json | BodyKind::JsonList => Err(RequestError::ContentType("application/json").into()),
        BodyKind::JsonOrForm if is("application/json") || is("application/x-www-form-urlencoded") => Ok(()),
        BodyKind::JsonOrForm => {
            Err(RequestError::ContentType("application/json or application/x-www-form-urlencoded").into())
        }
        BodyKind::JsonOrMultipart if is("application/json") || is("multipart/form-data") => Ok(()),
        BodyKind::JsonOrMultipart => Err(RequestError::ContentType("application/json or multipart/form-data").into()),
        BodyKind::Multipart if is("multipart/form-data") => Ok(()),
        BodyKind::Multipart => Err(RequestError::ContentType("multipart/form-data").into()),
    }
}

/// Whether an empty body asks for something: for the same as an empty object, where no field is required.
fn may_be_empty(operation: &Operation) -> bool {
    operation.body == BodyKind::Json && operation.request.iter().all(|field| !field.required)
}

fn limit(operation: &Operation) -> usize {
    match operation.body {
        BodyKind::Multipart | BodyKind::JsonOrMultipart => MEDIA_LIMIT,
        BodyKind::None | BodyKind::Json | BodyKind::JsonList | BodyKind::JsonOrForm => JSON_LIMIT,
    }
}

/// Reads the body as the operation takes it.
pub(crate) async fn receive<B>(
    operation: &Operation,
    matched: &Matched<'_, '_>,
    headers: &dyn Headers,
    body: &mut B,
) -> Result<Received, Error>
where
    B: Stream<Item = Result<Bytes, BodyFailure>> + Unpin,
{
    match operation.body {
        // What a GET or DELETE carries is not read and not forwarded.
        BodyKind::None => Ok(Received::Nothing),
        BodyKind::Multipart => Ok(Received::Stream),
        BodyKind::JsonOrMultipart
            if headers.get("content-type").is_some_and(|kind| kind.to_ascii_lowercase().starts_with(b"multipart/")) =>
        {
            Ok(Received::Stream)
        }
        BodyKind::JsonOrForm
            if headers
                .get("content-type")
                .is_some_and(|kind| kind.to_ascii_lowercase().starts_with(b"application/x-www-form")) =>
        {
            Ok(Received::Form(whole(body).await?))
        }
        BodyKind::Json | BodyKind::JsonList | BodyKind::JsonOrForm | BodyKind::JsonOrMultipart => {
            let mut bytes = whole(body).await?;
            if bytes.is_empty() && may_be_empty(operation) {
                bytes = Bytes::from_static(b"{}");
            } else if bytes.is_empty() {
                return Err(RequestError::Body("the body is empty: send JSON".into()).into());
            } else if headers.get("content-type").is_none() {
                return Err(RequestError::ContentType("application/json").into());
            }
            let scanned =
                matched.route.scan(&bytes).map_err(|error: BodyError| RequestError::Body(error.to_string()))?;
            Ok(Received::Json { bytes, scanned })
        }
    }
}

async fn whole<B>(body: &mut B) -> Result<Bytes, Error>
where
    B: Stream<Item = Result<Bytes, BodyFailure>> + Unpin,
{
    let broken = |_| Error::from(RequestError::Body("the body broke off".into()));
    let Some(first) = body.next().await.transpose().map_err(broken)? else { return Ok(Bytes::new()) };
    let mut all: Option<BytesMut> = None;
    while let Some(next) = body.next().await.transpose().map_err(broken)? {
        let all = all.get_or_insert_with(|| BytesMut::from(&first[..]));
        if all.len() + next.len() > JSON_LIMIT {
            return Err(RequestError::TooLarge(JSON_LIMIT).into());
        }
        all.extend_from_slice(&next);
    }
    if first.len() > JSON_LIMIT {
        return Err(RequestError::TooLarge(JSON_LIMIT).into());
    }
    Ok(all.map_or(first, BytesMut::freeze))
}

/// Moves a body piece by piece into a channel that can cross threads, with room for a few pieces, so
/// that a slow Chakra slows the caller down and memory does not grow.
pub(crate) fn pump<B>(
    mut body: B,
) -> (impl Future<Output = Result<(), Error>>, mpsc::Receiver<Result<Bytes, io::Error>>)
where
    B: Stream<Item = Result<Bytes, BodyFailure>> + Unpin,
{
    let (sender, pieces) = mpsc::channel(4);
    let pump = async move {
        let mut length = 0;
        while let Some(piece) = body.next().await {
            let (piece, failure) = match piece {
                Ok(piece) => {
                    length += piece.len();
                    let fits = length <= MEDIA_LIMIT;
                    (Ok(piece), if fits { None } else { Some(RequestError::TooLarge(MEDIA_LIMIT)) })
                }
                Err(BodyFailure) => {
                    (Err(io::Error::other("broke off")), Some(RequestError::Body("the body broke off".into())))
                }
            };
            if let Some(failure) = failure {
                // An error in the stream breaks the request to Chakra off: nothing half-sent counts.
                let _ = sender.send(Err(io::Error::other("refused"))).await;
                return Err(failure.into());
            }
            if sender.send(piece).await.is_err() {
                // Chakra answered before it had read everything.
                return Ok(());
            }
        }
        Ok(())
    };
    (pump, pieces)
}

/// Waits for the answer while the body moves; what is wrong with the body counts first.
pub(crate) async fn while_pumping<T>(
    pump: impl Future<Output = Result<(), Error>>,
    sending: impl Future<Output = Result<T, UpstreamError>>,
) -> Result<Result<T, UpstreamError>, Error> {
    let (pump, sending) = (std::pin::pin!(pump), std::pin::pin!(sending));
    match select(pump, sending).await {
        Either::Left((pumped, sending)) => {
            pumped?;
            Ok(sending.await)
        }
        Either::Right((answered, pump)) => match answered {
            Ok(answer) => Ok(Ok(answer)),
            // The stream may have failed because the body did: its own error says more.
            Err(error) => match futures_util::FutureExt::now_or_never(pump) {
                Some(Err(refused)) => Err(refused),
                _ => Ok(Err(error)),
            },
        },
    }
}
