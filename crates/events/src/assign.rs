//! Giving an event that was in quarantine to whom it belongs.

use portico_domain::{CustomerId, PluginId};
use portico_storage::{NewLearned, StoredEvent, TenantTx};

use crate::Error;
use crate::formats::parse;

/// Gives a released event to a plugin's customer, and learns what it teaches.
pub(crate) async fn give(
    tx: &mut TenantTx,
    event: &StoredEvent,
    plugin: PluginId,
    customer: CustomerId,
) -> Result<(), Error> {
    let number = event.entry.phone_number_id.as_ref();
    tx.assign_event(event.entry.id, customer, plugin, number).await?;
    let Some(raw) = &event.raw else { return Ok(()) };
    let Ok(body) = parse(raw.as_bytes()) else { return Ok(()) };
    let learned = body.events.iter().flat_map(|event| &event.named).map(|named| NewLearned {
        kind: named.kind.as_str(),
        id: named.id.clone(),
        plugin: Some(plugin),
        phone_number: number.cloned(),
    });
    let learned: Vec<_> = learned.collect();
    if !learned.is_empty() {
        tx.learn(&learned).await?;
    }
    Ok(())
}
