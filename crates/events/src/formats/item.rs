//! One item of a list in a change: a message, a status, a call, or what happened to a group.

use portico_chakra::LearnedKind;
use serde_json::value::RawValue;

use super::json::{each, id, pick, text};
use super::{hashed, time_of, unknown};
use crate::kind::EventKind;
use crate::message::{Doubt, NamedId, ParsedEvent, Party};

/// The kinds of messages that carry a medium.
const MEDIA: [&str; 5] = ["image", "audio", "video", "document", "sticker"];

/// A message in the list of `kind`, whose other side is who wrote it or, for an echo, to whom it went.
pub(super) fn message<'a>(kind: EventKind, field: &str, item: &'a RawValue) -> Result<ParsedEvent<'a>, Doubt> {
    let [wamid, time, kind_of, group, system] = pick(item, ["id", "timestamp", "type", "group_id", "system"])?;
    let [from, from_user, from_parent, to, to_user, to_parent] =
        pick(item, ["from", "from_user_id", "from_parent_user_id", "to", "to_user_id", "to_parent_user_id"])?;
    let told = kind_of.and_then(text).unwrap_or_default();
    let kind = match (kind, &*told) {
        (EventKind::MessageReceived, "system") if tells_of_identity(system)? => EventKind::IdentityChanged,
        (kind, _) => kind,
    };
    let mut event = of(kind, field, item, id(wamid), "");
    event.occurred_at = time_of(time);
    // What one program wrote in standby has a receiver as an echo has.
    let is_outgoing = kind == EventKind::MessageEcho || (kind == EventKind::MessageStandby && to.is_some());
    let (user, parent, phone) = if is_outgoing { (to_user, to_parent, to) } else { (from_user, from_parent, from) };
    event.party = Party { user_id: id(user), parent_user_id: id(parent), phone: id(phone), username: None };
    event.group_id = id(group);
    event.message_id = id(wamid);
    name(&mut event, LearnedKind::Message, id(wamid));
    let group = event.group_id.clone();
    name(&mut event, LearnedKind::Group, group);
    if let Some(medium) = MEDIA.iter().find(|medium| **medium == told) {
        name_media(&mut event, pick(item, [medium])?[0])?;
    }
    Ok(event)
}

/// Whether a system message says that somebody has another number or id now.
fn tells_of_identity(system: Option<&RawValue>) -> Result<bool, Doubt> {
    let Some(system) = system else { return Ok(false) };
    let kind = pick(system, ["type"])?[0].and_then(text).unwrap_or_default();
    Ok(matches!(&*kind, "user_changed_number" | "user_changed_user_id" | "customer_changed_number"))
}

fn name_media(event: &mut ParsedEvent<'_>, medium: Option<&RawValue>) -> Result<(), Doubt> {
    let Some(medium) = medium else { return Ok(()) };
    let [media, url] = pick(medium, ["id", "url"])?;
    name(event, LearnedKind::Media, id(media));
    // By this id Chakra gives out what stands at the URL.
    let url = url.and_then(text).unwrap_or_default();
    let query = url.split_once('?').map_or("", |(_, query)| query.split('#').next().unwrap_or_default());
    let mid = query.split('&').find_map(|pair| pair.strip_prefix("mid="));
    let is_digits = |mid: &&str| (1..=32).contains(&mid.len()) && mid.bytes().all(|byte| byte.is_ascii_digit());
    name(event, LearnedKind::Media, mid.filter(is_digits).map(str::to_owned));
    Ok(())
}

/// How far a message came, or a call.
pub(super) fn status<'a>(kind: EventKind, field: &str, item: &'a RawValue) -> Result<ParsedEvent<'a>, Doubt> {
    let [of_id, time, status] = pick(item, ["id", "timestamp", "status"])?;
    let [to, to_user, to_parent, to_kind, participant, participant_user] = pick(
        item,
        [
            "recipient_id",
            "recipient_user_id",
            "recipient_parent_user_id",
            "recipient_type",
            "recipient_participant_id",
            "recipient_participant_user_id",
        ],
    )?;
    let status = status.and_then(text).unwrap_or_default().to_ascii_lowercase();
    let status = id_of(&status);
    let in_group = to_kind.and_then(text).is_some_and(|kind| kind == "group");
    let (phone, user) = if in_group { (participant, participant_user) } else { (to, to_user) };
    let party = Party { user_id: id(user), parent_user_id: id(to_parent), phone: id(phone), username: None };
    // In a group each person's copy comes further by itself.
    let member = if in_group { party.user_id.as_ref().or(party.phone.as_ref()) } else { None };
    let step = match (&status, member) {
        (Some(status), Some(member)) => format!("{status}:{member}"),
        (Some(status), None) => status.clone(),
        (None, _) => String::new(),
    };
    let mut event = of(kind, field, item, id(of_id).filter(|_| status.is_some()), &step);
    event.occurred_at = time_of(time);
    event.party = party;
    event.group_id = id(to).filter(|_| in_group);
    event.status = status;
    let learned = if kind == EventKind::CallStatus { LearnedKind::Call } else { LearnedKind::Message };
    if learned == LearnedKind::Message {
        event.message_id = id(of_id);
    }
    name(&mut event, learned, id(of_id));
    let group = event.group_id.clone();
    name(&mut event, LearnedKind::Group, group);
    Ok(event)
}

/// What happened to a call. Whoever is not the business is the other side.
pub(super) fn call<'a>(field: &str, item: &'a RawValue) -> Result<ParsedEvent<'a>, Doubt> {
    let [call, time, what, direction] = pick(item, ["id", "timestamp", "event", "direction"])?;
    let [from, from_user, to, to_user] = pick(item, ["from", "from_user_id", "to", "to_user_id"])?;
    let what = what.and_then(text).unwrap_or_default();
    let kind = match &*what {
        "connect" => EventKind::CallConnect,
        "terminate" => EventKind::CallTerminate,
        _ => EventKind::CallUpdate,
    };
    let step = if kind == EventKind::CallUpdate { id_of(&what).unwrap_or_default() } else { String::new() };
    let is_known = kind != EventKind::CallUpdate || !step.is_empty();
    let mut event = of(kind, field, item, id(call).filter(|_| is_known), &step);
    event.occurred_at = time_of(time);
    let outgoing = direction.and_then(text).is_some_and(|direction| direction == "BUSINESS_INITIATED");
    let (phone, user) = if outgoing { (to, to_user) } else { (from, from_user) };
    event.party = Party { user_id: id(user), phone: id(phone), ..Party::default() };
    name(&mut event, LearnedKind::Call, id(call));
    Ok(event)
}

/// What happened to a group.
pub(super) fn group<'a>(kind: EventKind, field: &str, item: &'a RawValue) -> Result<ParsedEvent<'a>, Doubt> {
    let [group, time] = pick(item, ["group_id", "timestamp"])?;
    let mut event = of(kind, field, item, None, "");
    event.occurred_at = time_of(time);
    event.group_id = id(group);
    name(&mut event, LearnedKind::Group, id(group));
    Ok(event)
}

/// What a person prefers, or what became of a conversation.
pub(super) fn about_person<'a>(kind: EventKind, field: &str, item: &'a RawValue) -> Result<ParsedEvent<'a>, Doubt> {
    let [phone, user, time] = pick(item, ["wa_id", "user_id", "timestamp"])?;
    let mut event = of(kind, field, item, None, "");
    event.occurred_at = time_of(time);
    event.party = Party { user_id: id(user), phone: id(phone), ..Party::default() };
    Ok(event)
}

/// Counts the items of a list, so that an empty one is not passed over without a word.
pub(super) fn is_filled(list: Option<&RawValue>) -> bool {
    let mut filled = false;
    if let Some(list) = list {
        let _ = each(list, |_| {
            filled = true;
            Err(Doubt::TooMany)
        });
    }
    filled
}

/// An event with its key: by the id and step where there is one, else by its bytes.
fn of<'a>(kind: EventKind, field: &str, item: &'a RawValue, id: Option<String>, step: &str) -> ParsedEvent<'a> {
    let key = match id {
        Some(id) if step.is_empty() => format!("{}:{id}", kind.as_str()),
        Some(id) => format!("{}:{id}:{step}", kind.as_str()),
        None => hashed(kind, &[field, item.get()]),
    };
    ParsedEvent { kind, ..unknown(field, key, item.get()) }
}

fn id_of(text: &str) -> Option<String> {
    let is_word = (1..=64).contains(&text.len()) && !text.chars().any(char::is_control);
    is_word.then(|| text.to_owned())
}

pub(super) fn name(event: &mut ParsedEvent<'_>, kind: LearnedKind, id: Option<String>) {
    if let Some(id) = id
        && !event.named.iter().any(|named| named.kind == kind && named.id == id)
    {
        event.named.push(NamedId { kind, id });
    }
}
