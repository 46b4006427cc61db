//! What every send has in common: the message is kept, and events with its statuses follow.

use uuid::Uuid;

use super::phone_number::is_phone_number;
use crate::events::{DeliveryJob, EventContext};
use crate::generate;
use crate::world::{Delivery, Message, World};

/// A message that passed every check.
#[derive(Debug)]
pub(super) struct OutgoingMessage<'a> {
    pub(super) plugin: Uuid,
    /// Meta's id of the sending number.
    pub(super) number: &'a str,
    pub(super) to: &'a str,
    /// Meta's `type`.
    pub(super) kind: &'a str,
    /// The text, as far as it has one.
    pub(super) text: &'a str,
    pub(super) callback_data: Option<&'a str>,
    pub(super) now: i64,
}

/// The ids of a message that was accepted.
#[derive(Debug)]
pub(super) struct AcceptedMessage {
    pub(super) id: Uuid,
    pub(super) wamid: String,
}

/// Keeps a message and has its statuses follow; gives its ids.
pub(super) fn accept(world: &mut World, outgoing: &OutgoingMessage<'_>) -> AcceptedMessage {
    let sent = AcceptedMessage { id: Uuid::new_v4(), wamid: generate::wamid() };
    let callback_data = outgoing.callback_data.map(str::to_owned);
    let chat = is_phone_number(outgoing.to)
        .then(|| world.chat_with(outgoing.plugin, outgoing.number, outgoing.to, false, outgoing.now));
    let number = world.messages.push(Message {
        id: sent.id,
        wamid: sent.wamid.clone(),
        plugin: outgoing.plugin,
        number: outgoing.number.to_owned(),
        to: outgoing.to.to_owned(),
        kind: outgoing.kind.to_owned(),
        text: outgoing.text.to_owned(),
        inbound: false,
        chat,
        callback_data: callback_data.clone(),
        delivery: Delivery::Pending,
        at: outgoing.now,
    });
    let plugin = world.plugins.get(&outgoing.plugin);
    let listens = |plugin: &&crate::world::Plugin| {
        plugin.setting("passThroughWebhookUrl").is_some() || plugin.setting("chakraWebhookUrl").is_some()
    };
    let context = plugin.filter(listens).map(|plugin| Box::new(EventContext::of(world, plugin, Some(outgoing.number))));
    world.outbox.push(DeliveryJob::MessageStatuses {
        number,
        context,
        wamid: sent.wamid.clone(),
        to: outgoing.to.to_owned(),
        callback_data,
    });
    sent
}
