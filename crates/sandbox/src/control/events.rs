//! `POST /_sandbox/events`.

use actix_web::http::StatusCode;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{bad, error, parse};
use crate::events::{DeliveryJob, EventContext, EventKind, NotSendable};
use crate::reply::Reply;
use crate::shared::Shared;

/// Events that one call may ask for.
const MAX_EVENTS: usize = 100_000;

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
    let kind = EventKind::parse(&body.kind)
        .ok_or_else(|| bad(&format!("kind must be one of {}", EventKind::NAMES.join(", "))))?;
    let count = body.count.unwrap_or(1);
    if !(1..=MAX_EVENTS).contains(&count) {
        return Err(bad(&format!("count must be 1 to {MAX_EVENTS}")));
    }
    let overrides = body.overrides.unwrap_or_default();
    let context = event_context(body.plugin_id, kind, &overrides, shared)?;
    let ids: Vec<String> = match named_id(kind, &overrides) {
        Some(id) => vec![id.to_owned(); count],
        None => (0..count).map(|_| kind.new_id()).collect(),
    };
    let reply = json!({"sent": count, "ids": ids});
    shared.enqueue(DeliveryJob::Batch { context: Box::new(context), kind, overrides, ids });
    Ok(Reply::json(StatusCode::OK, &reply))
}

fn event_context(
    plugin: Uuid,
    kind: EventKind,
    overrides: &Map<String, Value>,
    shared: &Shared,
) -> Result<EventContext, Reply> {
    let text = |name: &str| overrides.get(name).and_then(Value::as_str);
    let world = shared.world();
    let plugin = world.plugins.get(&plugin);
    let plugin = plugin.ok_or_else(|| error(StatusCode::NOT_FOUND, "plugin_id names no plugin of the sandbox"))?;
    let mut context = EventContext::of(&world, plugin, text("phone_number_id"));
    if let Some(waba) = text("waba_id") {
        waba.clone_into(&mut context.waba_id);
    }
    if let Some(number) = text("phone_number_id") {
        number.clone_into(&mut context.phone_number_id);
    }
    let conflict = |why: NotSendable| error(StatusCode::CONFLICT, &why.to_string());
    let context = context.without_forbidden_urls(shared.events_beyond_loopback).map_err(conflict)?;
    context.can_send(kind).map_err(conflict)?;
    Ok(context)
}

/// The id that the overrides give every event, as for duplicates.
fn named_id(kind: EventKind, overrides: &Map<String, Value>) -> Option<&str> {
    let names: &[&str] = if kind == EventKind::Reaction { &["id"] } else { &["id", "message_id", "wamid"] };
    names.iter().find_map(|name| overrides.get(*name).and_then(Value::as_str))
}
