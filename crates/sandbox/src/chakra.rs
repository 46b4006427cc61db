//! One call of the emulated Chakra, from its body to its answer.

use actix_web::http::StatusCode;
use actix_web::http::header::AUTHORIZATION;
use actix_web::web::{Payload, Query};
use actix_web::{HttpRequest, HttpResponse};
use portico_chakra::{BodyKind, Condition, Envelope, Matched, Method, NoRoute, Operation, router};
use serde_json::{Map, Value};
use tokio::time::sleep;

use crate::call::{Call, ROWS};
use crate::clock::now_ms;
use crate::connect;
use crate::fault::{FaultKind, cut};
use crate::operations::handler;
use crate::reply::{Refusal, Reply, envelope_error};
use crate::request_body::{MultipartForm, RequestBody};
use crate::request_record::RecordedRequest;
use crate::response::{respond, respond_broken};
use crate::shared::Shared;
use crate::world::Access;

/// Answers a call: records it, then does it, unless a fault replaces or breaks the answer.
pub(crate) async fn answer(request: &HttpRequest, payload: Payload, shared: &Shared) -> HttpResponse {
    let content_type = header(request, "content-type");
    let body = RequestBody::read(payload, content_type).await;
    shared.record().push(RecordedRequest::new(request, &body));

    let mut deciding = None;
    for fault in shared.faults.due_for(request.method().as_str(), request.uri().path()) {
        if let Some(delay) = fault.delay() {
            sleep(delay).await;
        }
        if fault.kind != FaultKind::Latency {
            deciding = Some(fault);
        }
    }
    let Some(fault) = deciding else { return respond(&perform(request, body, shared)) };
    match fault.kind {
        FaultKind::Reset => respond_broken(&Reply::text(StatusCode::OK, ""), &fault),
        FaultKind::Cut => {
            let mut reply = perform(request, body, shared);
            reply.body = cut(&reply.body);
            respond(&reply)
        }
        FaultKind::Status | FaultKind::Latency => respond(&fault.reply().unwrap_or_else(Reply::no_route)),
        FaultKind::Stall | FaultKind::Truncate => {
            let reply = fault.reply().unwrap_or_else(|| perform(request, body, shared));
            respond_broken(&reply, &fault)
        }
    }
}

/// Does what the call asks for.
fn perform(request: &HttpRequest, body: RequestBody, shared: &Shared) -> Reply {
    let path = request.uri().path();
    if let Some(reply) = connect::browser_reply(request, shared) {
        return reply;
    }
    let found = router().find(Method::parse(request.method().as_str()), path);
    // What clients try in vain is a path like any other that does not exist.
    if let Err(
        NoRoute::Unknown
        | NoRoute::NotOffered(_)
        | NoRoute::Method(_)
        | NoRoute::Segment(_)
        | NoRoute::SlashAtEnd
        | NoRoute::Credential(_),
    ) = found
    {
        return Reply::no_route();
    }
    let Some(access) = authenticate(request, shared) else {
        return envelope_error(StatusCode::UNAUTHORIZED, "Unauthorized: invalid access token");
    };
    match found {
        Ok(matched) => run_operation(request, &matched, access, body, shared),
        // The version goes into Meta's path, and Meta knows no such one.
        Err(_) => Refusal::Meta(2_500, "Unknown path components: the version must look like v24.0".to_owned())
            .reply(Envelope::Chakra),
    }
}

/// Whom the bearer token stands for.
fn authenticate(request: &HttpRequest, shared: &Shared) -> Option<Access> {
    let (scheme, token) = request.headers().get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return None;
    }
    shared.world().keys.get(token.trim()).copied()
}

/// A header of the request as text; empty if there is none.
fn header<'r>(request: &'r HttpRequest, name: &str) -> &'r str {
    request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn run_operation(
    request: &HttpRequest,
    matched: &Matched<'_, '_>,
    access: Access,
    body: RequestBody,
    shared: &Shared,
) -> Reply {
    let first = matched.route.operations[0];
    let (json, form) = match parse_body(body, first.body) {
        Ok(parsed) => parsed,
        Err(refusal) => return refusal.reply(first.envelope),
    };
    let operation = choose_operation(matched, &json);
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
        form,
        range: header(request, "range"),
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
fn choose_operation(matched: &Matched<'_, '_>, json: &Map<String, Value>) -> &'static Operation {
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

type Parsed = (Map<String, Value>, Option<MultipartForm>);

fn parse_body(body: RequestBody, kind: BodyKind) -> Result<Parsed, Refusal> {
    let bytes = match body {
        RequestBody::TooLarge(..) => {
            return Err(Refusal::Chakra(StatusCode::PAYLOAD_TOO_LARGE, "request entity too large".to_owned()));
        }
        RequestBody::Aborted(_) => return Err(Refusal::bad("request aborted")),
        RequestBody::Multipart(form) if kind == BodyKind::Multipart => return Ok((Map::new(), Some(form))),
        RequestBody::Multipart(form) if kind == BodyKind::JsonOrMultipart => {
            return Ok((form.text_fields(), Some(form)));
        }
        RequestBody::Multipart(_) => return Err(Refusal::bad("The request must be application/json")),
        RequestBody::Whole(bytes) => bytes,
    };
    if bytes.is_empty() || matches!(kind, BodyKind::None | BodyKind::Multipart) {
        return Ok((Map::new(), None));
    }
    if kind == BodyKind::JsonOrForm && !bytes.trim_ascii_start().starts_with(b"{") {
        return parse_urlencoded(&bytes).map(|json| (json, None));
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

fn parse_urlencoded(bytes: &[u8]) -> Result<Map<String, Value>, Refusal> {
    let text = std::str::from_utf8(bytes).map_err(|_| Refusal::bad("The body is not valid UTF-8"))?;
    let pairs = Query::<Vec<(String, String)>>::from_query(text).map_err(|error| Refusal::bad(error.to_string()))?;
    Ok(pairs.into_inner().into_iter().map(|(name, value)| (name, Value::String(value))).collect())
}
