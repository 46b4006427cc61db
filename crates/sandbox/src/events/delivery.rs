//! Delivery in the background: takes jobs, builds their events, and has them sent.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use serde_json::{Map, Value, json};
use tokio::sync::mpsc;
use tokio::time::sleep;

use super::webhook_sender::WebhookSender;
use super::{DeliveryJob, EventContext, EventKind, referenced};
use crate::clock::now_ms;
use crate::shared::Shared;
use crate::world::Delivery;

/// Time before each status of a message.
const STATUS_INTERVAL: Duration = Duration::from_millis(60);
/// Events of one control call that are delivered at the same time.
const CONCURRENT_EVENTS: usize = 16;

/// Runs until the other end of the channel is gone. Each job is a task of its own, so that a slow
/// receiver holds up nothing else.
///
/// # Errors
///
/// When the HTTP client cannot start.
pub(crate) fn deliver_jobs(
    shared: &Arc<Shared>,
    mut queue: mpsc::UnboundedReceiver<DeliveryJob>,
) -> Result<impl Future<Output = ()> + Send + 'static, reqwest::Error> {
    let sender = Arc::new(WebhookSender::new()?);
    let shared = Arc::downgrade(shared);
    Ok(async move {
        let mut running = tokio::task::JoinSet::new();
        while let Some(job) = queue.recv().await {
            while running.try_join_next().is_some() {}
            let Some(shared) = shared.upgrade() else { return };
            let sender = Arc::clone(&sender);
            match job {
                DeliveryJob::MessageStatuses { number, context, wamid, to, callback_data } => {
                    let changes = status_changes(&to, callback_data);
                    let context =
                        context.and_then(|context| context.without_forbidden_urls(shared.events_beyond_loopback).ok());
                    drop(running.spawn(async move {
                        deliver_statuses(&shared, &sender, number, context, &wamid, changes).await;
                    }));
                }
                DeliveryJob::CallOutcome { after, context, kind, changes, id } => {
                    let Ok(context) = context.without_forbidden_urls(shared.events_beyond_loopback) else { continue };
                    drop(running.spawn(async move {
                        sleep(after).await;
                        deliver(&shared, &sender, &context, kind, &id, &changes).await;
                    }));
                }
                DeliveryJob::Batch { context, kind, overrides, ids } => {
                    drop(
                        running.spawn(
                            async move { deliver_batch(&shared, &sender, &context, kind, &overrides, ids).await },
                        ),
                    );
                }
            }
        }
    })
}

fn status_changes(to: &str, callback_data: Option<String>) -> Map<String, Value> {
    let mut changes = Map::new();
    changes.insert("recipient_id".to_owned(), json!(to));
    if let Some(data) = callback_data {
        changes.insert("biz_opaque_callback_data".to_owned(), json!(data));
    }
    changes
}

async fn deliver_statuses(
    shared: &Shared,
    sender: &WebhookSender,
    number: u64,
    context: Option<EventContext>,
    wamid: &str,
    mut changes: Map<String, Value>,
) {
    for delivery in Delivery::STEPS {
        sleep(STATUS_INTERVAL).await;
        shared.world().messages.advance(number, delivery);
        shared.changed.notify_one();
        if let Some(context) = &context {
            changes.insert("status".to_owned(), json!(delivery.as_str()));
            deliver(shared, sender, context, EventKind::Status, wamid, &changes).await;
        }
    }
}

async fn deliver_batch(
    shared: &Shared,
    sender: &WebhookSender,
    context: &EventContext,
    kind: EventKind,
    overrides: &Map<String, Value>,
    ids: Vec<String>,
) {
    let events =
        stream::iter(ids).map(|id| async move { deliver(shared, sender, context, kind, &id, overrides).await });
    events.buffer_unordered(CONCURRENT_EVENTS).collect::<()>().await;
}

/// Sends one event in every format that the plugin asks for. What it refers to is stored first.
async fn deliver(
    shared: &Shared,
    sender: &WebhookSender,
    context: &EventContext,
    kind: EventKind,
    id: &str,
    changes: &Map<String, Value>,
) {
    let now = now_ms();
    let mut meta = kind.meta_body(context, id, changes, now);
    referenced::store_referenced(shared, context, kind, &mut meta, now);
    let secret = context.secret.as_deref();
    if let Some(url) = context.pass_through_url(kind) {
        sender.send(url, secret, Bytes::from(meta.to_string())).await;
    }
    if let Some((url, body)) = context.chakra_url(kind).zip(kind.chakra_body(&meta, now)) {
        sender.send(url, secret, Bytes::from(body.to_string())).await;
    }
}
