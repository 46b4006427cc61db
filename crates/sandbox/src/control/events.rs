//! `POST /_sandbox/events`.

use actix_web::http::StatusCode;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{bad, error, parse};
use crate::events::{Errand, Kind, NotSendable, Subject};
use crate::reply::Reply;
use crate::shared::Shared;

/// Events of one call.
const MOST: usize = 100_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    plugin_id: Uuid,
    kind: String,
    count: Option<usize>,
    overrides: Option<Map<String, Value>>,
}

/// Sends events in the background; answers with the ids they will have.
pub(super) fn send(body: &Bytes, shared: &Shared) -> Result<Reply, Reply> {
    let body: Body = parse(body)?;
    let kind =
        Kind::parse(&body.kind).ok_or_else(|| bad(&format!("kind must be one of {}", Kind::NAMES.join(", "))))?;
    let count = body.count.unwrap_or(1);
    if !(1..=MOST).contains(&count) {
        return Err(bad(&format!("count must be 1 to {MOST}")));
    }
    let overrides = body.overrides.unwrap_or_default();
    let subject = subject(body.plugin_id, kind, &overrides, shared)?;
    let ids: Vec<String> = match named_id(kind, &overrides) {
        Some(id) => vec![id.to_owned(); count],
        None => (0..count).map(|_| kind.fresh_id()).collect(),
    };
    let reply = json!({"sent": count, "ids": ids});
    shared.run(Errand::Batch { subject: Box::new(subject), kind, overrides, ids });
    Ok(Reply::json(StatusCode::OK, &reply))
}

fn subject(plugin: Uuid, kind: Kind, overrides: &Map<String, Value>, shared: &Shared) -> Result<Subject, Reply> {
    let text = |name: &str| overrides.get(name).and_then(Value::as_str);
    let world = shared.world();
    let plugin = world.plugins.get(&plugin);
    let plugin = plugin.ok_or_else(|| error(StatusCode::NOT_FOUND, "plugin_id names no plugin of the sandbox"))?;
    let mut subject = Subject::of(&world, plugin, text("phone_number_id"));
    if let Some(waba) = text("waba_id") {
        waba.clone_into(&mut subject.waba_id);
    }
    if let Some(number) = text("phone_number_id") {
        number.clone_into(&mut subject.phone_number_id);
    }
    let conflict = |why: NotSendable| error(StatusCode::CONFLICT, &why.to_string());
    let subject = subject.fence(shared.events_beyond_loopback).map_err(conflict)?;
    subject.can_send(kind).map_err(conflict)?;
    Ok(subject)
}

/// The id that the overrides give every event, as for duplicates.
fn named_id(kind: Kind, overrides: &Map<String, Value>) -> Option<&str> {
    let names: &[&str] = if kind == Kind::Reaction { &["id"] } else { &["id", "message_id", "wamid"] };
    names.iter().find_map(|name| overrides.get(*name).and_then(Value::as_str))
}
