//! One call of the emulated Chakra, from its body to its answer.

use actix_web::http::StatusCode;
use actix_web::http::header::AUTHORIZATION;
use actix_web::web::{Payload, Query};
use actix_web::{HttpRequest, HttpResponse};
use portico_chakra::{BodyKind, Condition, Envelope, Matched, Method, NoRoute, Operation, router};
use serde_json::{Map, Value};
use tokio::time::sleep;

use crate::arrival::{Arrived, Upload};
use crate::call::{Call, ROWS};
use crate::connect;
use crate::fault::Kind;
use crate::fresh::now_ms;
use crate::listener;
use crate::operations::handler;
use crate::record::Entry;
use crate::reply::{Refusal, Reply, envelope_error};
use crate::shared::Shared;
use crate::world::Access;

/// Answers a call: record it, bend it as the faults say, do it.
pub(crate) async fn answer(request: &HttpRequest, payload: Payload, shared: &Shared) -> HttpResponse {
    let content_type = listener::header(request, "content-type");
    let body = Arrived::read(payload, content_type).await;
    shared.record().push(Entry::new(request, &body));

    let mut breaking = None;
    for fault in shared.faults.take(request.method().as_str(), request.uri().path()) {
        if let Some(delay) = fault.delay() {
            sleep(delay).await;
        }
        if fault.kind != Kind::Latency {
            breaking = Some(fault);
        }
    }
    let Some(fault) = breaking else { return listener::respond(&perform(request, body, shared)) };
    match fault.kind {
        Kind::Reset => listener::respond_broken(&Reply::text(StatusCode::OK, ""), &fault),
        Kind::Status | Kind::Latency => listener::respond(&fault.reply().unwrap_or_else(Reply::no_route)),
        Kind::Stall | Kind::Truncate => {
            let reply = fault.reply().unwrap_or_else(|| perform(request, body, shared));
            listener::respond_broken(&reply, &fault)
        }
    }
}

/// Does what the call asks for.
fn perform(request: &HttpRequest, body: Arrived, shared: &Shared) -> Reply {
    let path = request.uri().path();
    if let Some(reply) = connect::browser_reply(request, shared) {
        return reply;
    }
    let found = router().find(Method::parse(request.method().as_str()), path);
    if let Err(NoRoute::Unknown | NoRoute::Method(_) | NoRoute::Segment(_)) = found {
        return Reply::no_route();
    }
    let Some(access) = access(request, shared) else {
        return envelope_error(StatusCode::UNAUTHORIZED, "Unauthorized: invalid access token");
    };
    match found {
        Ok(matched) => operate(request, &matched, access, body, shared),
        // The version goes into Meta's path, and Meta knows no such one.
        Err(_) => Refusal::Meta(2_500, "Unknown path components: the version must look like v24.0".to_owned())
            .reply(Envelope::Chakra),
    }
}

/// Whom the bearer token stands for.
fn access(request: &HttpRequest, shared: &Shared) -> Option<Access> {
    let (scheme, token) = request.headers().get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return None;
    }
    shared.world().keys.get(token.trim()).copied()
}

fn operate(request: &HttpRequest, matched: &Matched<'_, '_>, access: Access, body: Arrived, shared: &Shared) -> Reply {
    let first = matched.route.operations[0];
    let (json, upload) = match parse(body, first.body) {
        Ok(parsed) => parsed,
        Err(refusal) => return refusal.reply(first.envelope),
    };
    let operation = choose(matched, &json);
    if let Some(permission) = operation.permission.filter(|permission| !access.role.allows(*permission)) {
        let text = format!("Forbidden: the access role lacks {permission}");
        return envelope_error(StatusCode::FORBIDDEN, &text);
    }
    let Some(handler) = handler(operation.id) else {
        return envelope_error(StatusCode::NOT_IMPLEMENTED, "the sandbox does not emulate this operation yet");
    };
    let query = Query::<Vec<(String, String)>>::from_query(request.query_string());
    let call = Call {
        access,
        matched,
        query: query.map(Query::into_inner).unwrap_or_default(),
        json,
        upload,
        range: listener::header(request, "range"),
        now: now_ms(),
        base_url: &shared.base_url,
    };
    let answer = if operation.method == Method::Get {
        handler(&call, &mut shared.world())
    } else {
        shared.change(|world| handler(&call, world))
    };
    answer.unwrap_or_else(|refusal| refusal.reply(operation.envelope))
}

/// The operation that the body chooses among those on the path; the catalogue's router has put
/// those with a condition first.
fn choose(matched: &Matched<'_, '_>, json: &Map<String, Value>) -> &'static Operation {
    let is =
        |pointer: &str, text: &str| json.get(pointer.trim_start_matches('/')).and_then(Value::as_str) == Some(text);
    let fits = |operation: &&&'static Operation| match operation.when {
        Condition::Always => true,
        Condition::BodyIs(pointer, text) => is(pointer, text),
        Condition::BodyIsNot(pointer, text) => !is(pointer, text),
    };
    let operations = &matched.route.operations;
    operations.iter().find(fits).copied().unwrap_or(operations[operations.len() - 1])
}

type Parsed = (Map<String, Value>, Option<Upload>);

fn parse(body: Arrived, kind: BodyKind) -> Result<Parsed, Refusal> {
    let bytes = match body {
        Arrived::TooLarge(..) => {
            return Err(Refusal::Chakra(StatusCode::PAYLOAD_TOO_LARGE, "request entity too large".to_owned()));
        }
        Arrived::Broken(_) => return Err(Refusal::bad("request aborted")),
        Arrived::Form(upload) if kind == BodyKind::Multipart => return Ok((Map::new(), Some(upload))),
        Arrived::Form(upload) if kind == BodyKind::JsonOrMultipart => return Ok((upload.texts(), Some(upload))),
        Arrived::Form(_) => return Err(Refusal::bad("The request must be application/json")),
        Arrived::Whole(bytes) => bytes,
    };
    if bytes.is_empty() || matches!(kind, BodyKind::None | BodyKind::Multipart) {
        return Ok((Map::new(), None));
    }
    if kind == BodyKind::JsonOrForm && !bytes.trim_ascii_start().starts_with(b"{") {
        return form(&bytes).map(|json| (json, None));
    }
    match serde_json::from_slice(&bytes) {
        Ok(Value::Array(rows)) if kind == BodyKind::JsonList => {
            Ok((Map::from_iter([(ROWS.to_owned(), Value::Array(rows))]), None))
        }
        Ok(_) if kind == BodyKind::JsonList => Err(Refusal::bad("The body must be a JSON array")),
        Ok(Value::Object(json)) => Ok((json, None)),
        Ok(_) => Err(Refusal::bad("The body must be a JSON object")),
        Err(error) => Err(Refusal::bad(format!("The body is not valid JSON: {error}"))),
    }
}

fn form(bytes: &[u8]) -> Result<Map<String, Value>, Refusal> {
    let text = std::str::from_utf8(bytes).map_err(|_| Refusal::bad("The body is not valid UTF-8"))?;
    let pairs = Query::<Vec<(String, String)>>::from_query(text).map_err(|error| Refusal::bad(error.to_string()))?;
    Ok(pairs.into_inner().into_iter().map(|(name, value)| (name, Value::String(value))).collect())
}
