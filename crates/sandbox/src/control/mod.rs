//! Control calls, for tests: below `/_sandbox`, without a credential.

mod connect;
mod events;
mod signups;
mod teams;

use actix_web::HttpRequest;
use actix_web::http::{Method, StatusCode};
use actix_web::web::{Payload, Query};
use bytes::Bytes;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use time::OffsetDateTime;

pub(crate) use teams::new_webhook_secret;

use crate::fault::Fault;
use crate::reply::Reply;
use crate::request_body::RequestBody;
use crate::shared::Shared;

/// The page at `/`.
pub(crate) const LANDING: &str = "\
This is Portico's sandbox: an emulated ChakraHQ. Nothing here reaches WhatsApp.

Call it as you would call https://api.chakrahq.com, with the access token of a team of its own.
Control calls ask for no credential:

  GET    /_sandbox/openapi.json   all of it as an OpenAPI document
  GET    /_sandbox/health     {\"status\":\"ok\"}
  POST   /_sandbox/teams      {\"name\"?,\"role\"?:\"admin|messaging|viewer\",\"webhook_secret\"?} -> a new team and its access token
  POST   /_sandbox/keys       {\"chakra_key\"} -> another access token of the same team; DELETE with the same body revokes it
  GET    /_sandbox/state      everything that it keeps, access tokens included: to see what a call changed
  GET    /_sandbox/requests   what arrived, oldest first; ?limit=10 the latest ten, ?since=2026-12-01T08:00:00Z; DELETE clears
  GET    /_sandbox/faults     the faults in force; DELETE lifts them
  POST   /_sandbox/faults     {\"path_prefix\",\"method\"?,\"kind\":\"status|latency|reset|stall|truncate\",\"status\"?,\"ms\"?,\"times\"?,\"body\"?,\"headers\"?}
  POST   /_sandbox/signups    {\"plugin_id\",\"outcome\":\"finish|waba_only|cancel|error\",\"waba_id\"?,\"phone_number_id\"?,\"display_phone_number\"?,\"lag_ms\"?}
  POST   /_sandbox/events     {\"plugin_id\",\"kind\",\"count\"?,\"overrides\"?} -> signed events to the plugin's webhook URLs

What a browser loads is where Chakra has it:

  GET    /whatsapp-partner-connect/v1/sdk.js   the script; ChakraWhatsappConnect.init({connectToken, container, onReady, onSuccess, onMessage, onError})
  GET    /v1/ext/whatsapp-partner/connect?connectToken=…   the sign-up window, with a button for each way it can end
  POST   /_sandbox/connect    {\"connectToken\",\"outcome\"} what a button of that window does
";

/// Answers a control call; a refusal is `{"error": …}`.
pub(crate) async fn answer(request: &HttpRequest, payload: Payload, shared: &Shared) -> Reply {
    let RequestBody::Whole(body) = RequestBody::read(payload, "").await else {
        return bad("the body is too long or broke off; send at most 1 MiB");
    };
    let path = request.uri().path();
    let (get, post, delete) = (Method::GET, Method::POST, Method::DELETE);
    let method = request.method();
    let allowed = match path {
        "/_sandbox/health" | "/_sandbox/state" | "/_sandbox/openapi.json" | "/_sandbox" | "/_sandbox/" => vec![get],
        "/_sandbox/requests" => vec![get, delete],
        "/_sandbox/keys" => vec![post, delete],
        "/_sandbox/faults" => vec![get, post, delete],
        "/_sandbox/teams" | "/_sandbox/signups" | "/_sandbox/events" | "/_sandbox/connect" => vec![post],
        _ => match path.strip_prefix("/_sandbox/media/") {
            Some(file) => return media(file, shared),
            None => return error(StatusCode::NOT_FOUND, "no such control call; GET / lists them"),
        },
    };
    if !allowed.contains(method) {
        let allowed: Vec<_> = allowed.iter().map(Method::as_str).collect();
        let mut reply = error(StatusCode::METHOD_NOT_ALLOWED, &format!("{path} takes {}", allowed.join(", ")));
        reply.headers.push(("allow".to_owned(), allowed.join(", ")));
        return reply;
    }
    call(method, path, request.query_string(), &body, shared).unwrap_or_else(|refusal| refusal)
}

fn call(method: &Method, path: &str, query: &str, body: &Bytes, shared: &Shared) -> Result<Reply, Reply> {
    let ok = |value: &Value| Ok(Reply::json(StatusCode::OK, value));
    match (path, method) {
        ("/_sandbox/openapi.json", _) => match &shared.document {
            Some(document) => Ok(Reply::new(StatusCode::OK, "application/json", document.clone())),
            None => Err(error(StatusCode::NOT_FOUND, "this sandbox was started without a document")),
        },
        ("/_sandbox/state", _) => ok(&json!(*shared.world())),
        ("/_sandbox/requests", &Method::GET) => {
            let Asked { limit, since } = Asked::of(query)?;
            let data = shared.record().to_json(limit, since);
            ok(&json!({"data": data}))
        }
        ("/_sandbox/requests", _) => {
            shared.record().clear();
            Ok(no_content())
        }
        ("/_sandbox/faults", &Method::GET) => ok(&json!({"data": shared.faults.list()})),
        ("/_sandbox/faults", &Method::DELETE) => {
            shared.faults.clear();
            Ok(no_content())
        }
        ("/_sandbox/faults", _) => add_fault(body, shared),
        ("/_sandbox/teams", _) => teams::add(body, shared),
        ("/_sandbox/keys", &Method::DELETE) => teams::revoke_key(body, shared).map(|()| no_content()),
        ("/_sandbox/keys", _) => teams::add_key(body, shared),
        ("/_sandbox/signups", _) => signups::finish(body, shared),
        ("/_sandbox/events", _) => events::send(body, shared),
        ("/_sandbox/connect", _) => connect::complete(body, shared),
        ("/_sandbox/health", _) => ok(&json!({"status": "ok"})),
        _ => Ok(Reply::text(StatusCode::OK, LANDING)),
    }
}

/// Which requests are asked for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    limit: Option<usize>,
    #[serde(default, with = "time::serde::rfc3339::option")]
    since: Option<OffsetDateTime>,
}

impl Asked {
    fn of(query: &str) -> Result<Self, Reply> {
        let asked = Query::<Self>::from_query(query).map(Query::into_inner);
        asked.map_err(|error| bad(&format!("{error}; limit is a number, since a time such as 2026-12-01T08:00:00Z")))
    }
}

fn add_fault(body: &Bytes, shared: &Shared) -> Result<Reply, Reply> {
    let fault: Fault = parse(body)?;
    if !fault.path_prefix.starts_with('/') {
        return Err(bad("path_prefix must begin with /, for example /v1/ext"));
    }
    if fault.status.is_some_and(|status| !(200..=599).contains(&status)) {
        return Err(bad("status must be an HTTP status from 200 to 599"));
    }
    if fault.times == Some(0) {
        return Err(bad("times must be at least 1; leave it out for a fault that stays until it is cleared"));
    }
    if fault.kind == crate::fault::FaultKind::Latency && fault.ms.is_none() {
        return Err(bad("ms is missing: for latency, say how many milliseconds"));
    }
    let reply = json!(fault);
    shared.faults.add(fault);
    Ok(Reply::json(StatusCode::CREATED, &reply))
}

fn media(path: &str, shared: &Shared) -> Reply {
    match shared.world().media.get(path) {
        Some(medium) => Reply::new(StatusCode::OK, &medium.content_type, medium.content.clone()),
        None => {
            error(StatusCode::NOT_FOUND, "no such file; the sandbox keeps files up to 16 MiB, and only while it runs")
        }
    }
}

/// A control body; unknown fields and wrong types are refused by name.
pub(crate) fn parse<T: DeserializeOwned>(body: &Bytes) -> Result<T, Reply> {
    let body: &[u8] = if body.is_empty() { b"{}" } else { body };
    serde_json::from_slice(body).map_err(|error| bad(&format!("{error}; GET / shows what each control call takes")))
}

/// 400 with that text, which says what to fix.
pub(crate) fn bad(text: &str) -> Reply {
    error(StatusCode::BAD_REQUEST, text)
}

pub(crate) fn error(status: StatusCode, text: &str) -> Reply {
    Reply::json(status, &json!({"error": text}))
}

fn no_content() -> Reply {
    Reply::new(StatusCode::NO_CONTENT, "application/json", "")
}
