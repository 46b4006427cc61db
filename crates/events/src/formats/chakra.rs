//! Chakra's own format: `event` and `payload`, usually one event in a body.

use portico_chakra::LearnedKind;
use serde_json::value::RawValue;

use super::item::{self, is_filled, name};
use super::json::{each, id, pick, text};
use super::people::{complete, contacts};
use super::{Events, hashed, time_of, unknown};
use crate::kind::EventKind;
use crate::message::{Doubt, ParsedEvent, Party, Source};

/// Reads a body; whether Chakra's format is known to have such an event.
pub(super) fn read<'a>(event: &'a RawValue, payload: &'a RawValue, events: &mut Events<'a>) -> Result<bool, Doubt> {
    let name = text(event).unwrap_or_default();
    let found = match &*name {
        "message" => vec![message(&name, payload)?],
        "status" | "deliveryStatus" => vec![status(&name, payload)?],
        "message_echo" | "smb_message_echo" => {
            return echoes(&name, event, payload, events).map(|()| true);
        }
        _ => Vec::new(),
    };
    let is_known = !found.is_empty();
    let found = if is_known { found } else { vec![bare(&name, payload)] };
    for mut one in found {
        place(&mut one, payload)?;
        events.add(one)?;
    }
    Ok(is_known)
}

fn bare<'a>(name: &str, payload: &'a RawValue) -> ParsedEvent<'a> {
    unknown(name, hashed(EventKind::Unknown, &[name, payload.get()]), payload.get())
}

/// Says whose the event claims to be. Chakra names the account; it is not known to name the number, but would do it
/// like this.
fn place(event: &mut ParsedEvent<'_>, payload: &RawValue) -> Result<(), Doubt> {
    let [waba, number, whatsapp_number, time] =
        pick(payload, ["wabaId", "phoneNumberId", "whatsappPhoneNumberId", "timestamp"])?;
    event.waba_id = id(waba).and_then(|id| id.parse().ok());
    event.phone_number_id = id(number.or(whatsapp_number)).and_then(|id| id.parse().ok());
    event.occurred_at = event.occurred_at.or_else(|| time_of(time));
    Ok(())
}

/// A message as Meta has it, in a frame of Chakra's.
fn message<'a>(field: &str, payload: &'a RawValue) -> Result<ParsedEvent<'a>, Doubt> {
    let [message, external, people] = pick(payload, ["message", "externalId", "contacts"])?;
    let Some(message) = message else { return Ok(bare(field, payload)) };
    let mut event = item::message(EventKind::MessageReceived, field, message)?;
    if event.message_id.is_none()
        && let Some(wamid) = id(external)
    {
        event.key = format!("{}:{wamid}", event.kind.as_str());
        name(&mut event, LearnedKind::Message, Some(wamid.clone()));
        event.message_id = Some(wamid);
    }
    complete(&mut event.party, &contacts(people)?);
    Ok(event)
}

/// How far a message came; the older form says the same in the same words.
fn status<'a>(field: &str, payload: &'a RawValue) -> Result<ParsedEvent<'a>, Doubt> {
    let [wamid, status, to, to_user] =
        pick(payload, ["externalId", "deliveryStatus", "recipientId", "recipientUserId"])?;
    let status = status.and_then(text).map(|status| status.to_ascii_lowercase());
    let status = status.filter(|status| (1..=64).contains(&status.len()) && !status.contains(char::is_control));
    let kind = EventKind::MessageStatus;
    let key = match (id(wamid), &status) {
        (Some(wamid), Some(status)) => format!("{}:{wamid}:{status}", kind.as_str()),
        _ => hashed(kind, &[field, payload.get()]),
    };
    let mut event = ParsedEvent { kind, ..unknown(field, key, payload.get()) };
    event.message_id = id(wamid);
    event.status = status;
    event.party = Party { user_id: id(to_user), phone: id(to), ..Party::default() };
    name(&mut event, LearnedKind::Message, id(wamid));
    Ok(event)
}

/// What was sent from the phone, or by Chakra's own chat.
fn echoes<'a>(field: &str, event: &'a RawValue, payload: &'a RawValue, events: &mut Events<'a>) -> Result<(), Doubt> {
    let [list, waba, time] = pick(payload, ["message_echoes", "wabaId", "timestamp"])?;
    let Some(list) = list.filter(|list| is_filled(Some(list))) else {
        let kind = EventKind::MessageEcho;
        let key = hashed(kind, &[field, payload.get()]);
        let mut one = ParsedEvent { kind, ..unknown(field, key, payload.get()) };
        place(&mut one, payload)?;
        return events.add(one);
    };
    each(list, |echo| {
        let mut one = item::message(EventKind::MessageEcho, field, echo)?;
        place(&mut one, payload)?;
        let mut pieces = vec![(r#"{"event":"#, event.get())];
        pieces.push((r#","payload":{"wabaId":"#, waba.map_or("null", RawValue::get)));
        pieces.push((r#","timestamp":"#, time.map_or("null", RawValue::get)));
        pieces.push((r#","message_echoes":["#, echo.get()));
        one.source = Source { pieces, end: "]}}" };
        events.add(one)
    })
}
