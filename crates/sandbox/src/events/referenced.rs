//! Stores the media and groups that an event refers to, so that the ids in it can be asked for.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::{EventContext, EventKind};
use crate::shared::Shared;
use crate::world::{Group, JoinApproval, World};

const VALUE: &str = "/entry/0/changes/0/value";
/// The kinds of messages that carry a medium, with the type that it has unless the message says so.
const MEDIA: [(&str, &str); 5] = [
    ("image", "image/jpeg"),
    ("audio", "audio/ogg; codecs=opus"),
    ("video", "video/mp4"),
    ("document", "application/pdf"),
    ("sticker", "image/webp"),
];

/// Stores the medium or the group of an event in Meta's format, and fills in what follows from the
/// medium's id: hash and lookaside URL.
pub(super) fn store_referenced(shared: &Shared, context: &EventContext, kind: EventKind, body: &mut Value, now: i64) {
    match kind {
        EventKind::Group => {
            if let Some(group) = created_group(context, body, now) {
                shared.change(|world| store_group(world, group));
            }
        }
        _ if kind.list_name() == "messages" => {
            if let Some((medium, mime_type)) = medium_of_message(body) {
                shared.change(|world| store_medium(world, context, medium, &mime_type));
            }
        }
        _ => {}
    }
}

/// The object of the medium in a message, and the medium's type.
fn medium_of_message(body: &mut Value) -> Option<(&mut Map<String, Value>, String)> {
    let message = body.pointer_mut(&format!("{VALUE}/messages/0"))?;
    let (kind, default) = MEDIA.into_iter().find(|(kind, _)| message["type"] == *kind)?;
    let medium = message.get_mut(kind)?.as_object_mut()?;
    let mime_type = medium.entry("mime_type").or_insert_with(|| json!(default)).as_str()?.to_owned();
    Some((medium, mime_type))
}

fn store_medium(world: &mut World, context: &EventContext, medium: &mut Map<String, Value>, mime_type: &str) {
    let Some(id) = medium.get("id").and_then(Value::as_str).map(str::to_owned) else { return };
    world.received_media.add(context.team, &id, mime_type);
    if let Some(stored) = world.received_media.get(context.team, &id) {
        let sha256 = BASE64.encode(Sha256::digest(stored.content()));
        medium.entry("sha256").or_insert_with(|| json!(sha256));
    }
    let url =
        format!("https://lookaside.fbsbx.com/whatsapp_business/attachments/?mid={id}&ext=1790000300&hash=EXAMPLE");
    let url = medium.entry("url").or_insert_with(|| json!(url)).as_str().and_then(|url| reqwest::Url::parse(url).ok());
    // A URL that overrides name may have a `mid` of its own.
    let mid = url.as_ref().and_then(|url| url.query_pairs().find(|(name, _)| name == "mid"));
    if let Some((_, mid)) = mid {
        world.received_media.add(context.team, &mid, mime_type);
    }
}

fn created_group(context: &EventContext, body: &Value, now: i64) -> Option<Group> {
    let created = body.pointer(&format!("{VALUE}/groups/0")).filter(|group| group["type"] == "group_create")?;
    let text = |name: &str| created[name].as_str();
    let number = &context.phone_number_id;
    let mut group = Group::new(text("group_id")?.to_owned(), number, text("subject")?, JoinApproval::AutoApprove, now);
    text("invite_link")?.clone_into(&mut group.invite_link);
    Some(group)
}

/// A group that a call made is there already, and one of an unknown number belongs to nobody.
fn store_group(world: &mut World, group: Group) {
    if world.numbers.contains_key(&group.number) && !world.groups.contains_key(&group.id) {
        world.add_group(group);
    }
}
