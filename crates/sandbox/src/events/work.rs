//! The background work: takes errands, builds events, has them sent.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use serde_json::{Map, Value, json};
use tokio::sync::mpsc;
use tokio::time::sleep;

use super::courier::Courier;
use super::{Errand, Kind, Subject, arise};
use crate::fresh;
use crate::shared::Shared;
use crate::world::Delivery;

/// Time before each status of a message.
const STEP: Duration = Duration::from_millis(60);
/// Events of one control call that are under way at once.
const BATCH: usize = 16;

/// Runs until the other end of the channel is gone. Each errand goes its own way, so that a slow
/// receiver holds up nothing else.
///
/// # Errors
///
/// When the HTTP client cannot start.
pub(crate) fn run(
    shared: &Arc<Shared>,
    mut errands: mpsc::UnboundedReceiver<Errand>,
) -> Result<impl Future<Output = ()> + Send + 'static, reqwest::Error> {
    let courier = Arc::new(Courier::new()?);
    let shared = Arc::downgrade(shared);
    Ok(async move {
        let mut running = tokio::task::JoinSet::new();
        while let Some(errand) = errands.recv().await {
            while running.try_join_next().is_some() {}
            let Some(shared) = shared.upgrade() else { return };
            let courier = Arc::clone(&courier);
            match errand {
                Errand::Progress { number, subject, wamid, to, callback_data } => {
                    let changes = status_changes(&to, callback_data);
                    let subject = subject.and_then(|subject| subject.fence(shared.events_beyond_loopback).ok());
                    drop(
                        running
                            .spawn(async move { progress(&shared, &courier, number, subject, &wamid, changes).await }),
                    );
                }
                Errand::Outcome { after, subject, kind, changes, id } => {
                    let Ok(subject) = subject.fence(shared.events_beyond_loopback) else { continue };
                    drop(running.spawn(async move {
                        sleep(after).await;
                        event(&shared, &courier, &subject, kind, &id, &changes).await;
                    }));
                }
                Errand::Batch { subject, kind, overrides, ids } => {
                    drop(running.spawn(async move { batch(&shared, &courier, &subject, kind, &overrides, ids).await }));
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

async fn progress(
    shared: &Shared,
    courier: &Courier,
    number: u64,
    subject: Option<Subject>,
    wamid: &str,
    mut changes: Map<String, Value>,
) {
    for delivery in Delivery::STEPS {
        sleep(STEP).await;
        shared.world().messages.advance(number, delivery);
        shared.changed.notify_one();
        if let Some(subject) = &subject {
            changes.insert("status".to_owned(), json!(delivery.as_str()));
            event(shared, courier, subject, Kind::Status, wamid, &changes).await;
        }
    }
}

async fn batch(
    shared: &Shared,
    courier: &Courier,
    subject: &Subject,
    kind: Kind,
    overrides: &Map<String, Value>,
    ids: Vec<String>,
) {
    let events = stream::iter(ids).map(|id| async move { event(shared, courier, subject, kind, &id, overrides).await });
    events.buffer_unordered(BATCH).collect::<()>().await;
}

/// Sends one event in every format that the plugin asks for. What it tells of is there by then.
async fn event(
    shared: &Shared,
    courier: &Courier,
    subject: &Subject,
    kind: Kind,
    id: &str,
    changes: &Map<String, Value>,
) {
    let now = fresh::now_ms();
    let mut meta = kind.meta(subject, id, changes, now);
    arise::arise(shared, subject, kind, &mut meta, now);
    let secret = subject.secret.as_deref();
    if let Some(url) = subject.pass_through_url(kind) {
        courier.send(url, secret, Bytes::from(meta.to_string())).await;
    }
    if let Some((url, body)) = subject.chakra_url(kind).zip(kind.chakra(&meta, now)) {
        courier.send(url, secret, Bytes::from(body.to_string())).await;
    }
}
