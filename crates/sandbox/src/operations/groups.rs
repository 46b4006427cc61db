//! Groups.

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::outcome_event::OutcomeEvent;
use super::{meta, paging};
use crate::call::Call;
use crate::events::EventKind;
use crate::generate;
use crate::hex::hex;
use crate::reply::{Answer, Refusal, Reply};
use crate::request_body::MultipartForm;
use crate::world::{GROUP_CREATION_MS, Group, JoinApproval, World};

/// Rows on a page, unless asked otherwise, and at most.
const DEFAULT_PAGE: usize = 25;
const MAX_PAGE: usize = 1_024;
/// The largest picture, in bytes.
const MAX_PICTURE_BYTES: u64 = 5 * 1024 * 1024;

/// `create_group`: the group is there a moment later, and an event says so.
pub(super) fn create(call: &Call<'_>, world: &mut World) -> Answer {
    let number = meta::number(call, world)?;
    let (number, digits) = (number.id.clone(), number.digits());
    meta::check_product(call)?;
    let subject = meta::required(call, "subject")?;
    check_length("subject", subject, 128)?;
    let description = meta::optional(call, "description")?.unwrap_or_default();
    check_length("description", description, 2_048)?;
    let join_approval = match meta::optional(call, "join_approval_mode")? {
        None | Some("auto_approve") => JoinApproval::AutoApprove,
        Some("approval_required") => JoinApproval::ApprovalRequired,
        Some(_) => {
            return Err(Refusal::parameter(
                "Param join_approval_mode must be one of {APPROVAL_REQUIRED, AUTO_APPROVE}",
            ));
        }
    };
    let mut group =
        Group::new(generate::group_id(&digits), &number, subject, join_approval, call.now + GROUP_CREATION_MS);
    description.clone_into(&mut group.description);
    let changes = json!({"subject": group.subject, "invite_link": group.invite_link});
    let id = group.id.clone();
    world.add_group(group);
    Ok(accept_and_schedule(world, &number, EventKind::Group, &id, changes))
}

/// `list_groups`.
pub(super) fn list(call: &Call<'_>, world: &mut World) -> Answer {
    let number = meta::number(call, world)?.id.clone();
    let own = world.groups.values().filter(|group| group.number == number && group.created_at <= call.now);
    let mut rows: Vec<_> =
        own.map(|group| (format!("{:013}:{}", group.created_at, group.id), group.to_row())).collect();
    rows.sort_by(|one, other| one.0.cmp(&other.0));
    let page = paging::page(call, rows, DEFAULT_PAGE, MAX_PAGE)?;
    Ok(Reply::meta(&json!({"data": {"groups": page.rows}, "paging": page.paging})))
}

/// `get_group_info`.
pub(super) fn get(call: &Call<'_>, world: &mut World) -> Answer {
    Ok(Reply::meta(&meta::select_fields(call, find_group(call, world)?.to_json(), &[], &[])?))
}

/// `update_group_settings`.
pub(super) fn update(call: &Call<'_>, world: &mut World) -> Answer {
    let group = find_group(call, world)?;
    if call.form.as_ref().is_some_and(|form| form.parts.is_none()) {
        return Err(Refusal::bad("Malformed multipart body"));
    }
    meta::check_product(call)?;
    let mut changes = Map::new();
    let subject = meta::optional(call, "subject")?;
    if let Some(subject) = subject {
        check_length("subject", subject, 128)?;
        changes.insert("group_subject".to_owned(), json!({"text": subject, "update_successful": true}));
    }
    let description = call.json.get("description").filter(|text| !text.is_null());
    let description = description.map(|text| text.as_str().ok_or_else(|| meta::must_be("description", "a string")));
    let description = description.transpose()?;
    if let Some(description) = description {
        check_length("description", description, 2_048)?;
        changes.insert("group_description".to_owned(), json!({"text": description, "update_successful": true}));
    }
    if let Some(picture) = call.form.as_ref().map(picture_change).transpose()?.flatten() {
        changes.insert("profile_picture".to_owned(), picture);
    }
    if changes.is_empty() {
        return Err(Refusal::parameter("One of subject, description and profile_picture_file is required."));
    }
    if let Some(subject) = subject {
        subject.clone_into(&mut group.subject);
    }
    if let Some(description) = description {
        description.clone_into(&mut group.description);
    }
    let (id, number) = (group.id.clone(), group.number.clone());
    Ok(accept_and_schedule(world, &number, EventKind::GroupSettings, &id, changes.into()))
}

/// `delete_group`.
pub(super) fn delete(call: &Call<'_>, world: &mut World) -> Answer {
    let id = find_group(call, world)?.id.clone();
    let deleted = world.groups.remove(&id).ok_or_else(missing)?;
    Ok(accept_and_schedule(world, &deleted.number, EventKind::GroupDeleted, &id, json!({})))
}

/// `get_group_invite_link`.
pub(super) fn get_link(call: &Call<'_>, world: &mut World) -> Answer {
    Ok(link_reply(find_group(call, world)?))
}

/// `reset_group_invite_link`.
pub(super) fn reset_link(call: &Call<'_>, world: &mut World) -> Answer {
    let group = find_group(call, world)?;
    meta::check_product(call)?;
    group.reset_link();
    Ok(link_reply(group))
}

fn link_reply(group: &Group) -> Reply {
    Reply::meta(&json!({"messaging_product": "whatsapp", "invite_link": group.invite_link}))
}

/// The group of the path, if it is there already and its number is the plugin's or the team's.
pub(super) fn find_group<'w>(call: &Call<'_>, world: &'w mut World) -> Result<&'w mut Group, Refusal> {
    let id = call.path("groupId");
    let group = world.groups.get(id).filter(|group| group.created_at <= call.now);
    let number = group.map(|group| group.number.clone());
    // The plugin is looked at first, so that a foreign one answers as such.
    if !call.path("pluginId").is_empty() {
        world.plugin(call.access.team, call.path("pluginId"), call.now)?;
    }
    let number = number.ok_or_else(missing)?;
    meta::number_with_id(call, world, &number).map_err(|_| missing())?;
    world.groups.get_mut(id).ok_or_else(missing)
}

/// The answer to a call that was only accepted; an event with the outcome follows.
pub(super) fn accept_and_schedule(
    world: &mut World,
    number: &str,
    kind: EventKind,
    group: &str,
    mut changes: Value,
) -> Reply {
    let request = generate::group_request();
    changes["request_id"] = json!(request);
    OutcomeEvent { kind, id: group, changes, after_ms: GROUP_CREATION_MS }.schedule_for_number(world, number);
    Reply::meta(&json!({"messaging_product": "whatsapp", "request_id": request}))
}

/// What the event says of the picture in a form, if there is one.
fn picture_change(form: &MultipartForm) -> Result<Option<Value>, Refusal> {
    let file = form.parts.iter().flatten().find(|part| part.name == "profile_picture_file");
    let Some(file) = file else { return Ok(None) };
    let mime_type = file.content_type.as_deref().unwrap_or_default();
    let content = file.content.as_deref().filter(|_| (1..=MAX_PICTURE_BYTES).contains(&file.bytes));
    match content {
        Some(content) if mime_type.starts_with("image/") => Ok(Some(
            json!({"mime_type": mime_type, "sha256": hex(&Sha256::digest(content)), "update_successful": true}),
        )),
        _ => Err(Refusal::parameter("Param profile_picture_file must be an image of at most 5 MB.")),
    }
}

fn check_length(name: &str, text: &str, max: usize) -> Result<(), Refusal> {
    let fits = text.chars().count() <= max;
    if fits { Ok(()) } else { Err(meta::must_be(name, &format!("at most {max} characters long"))) }
}

fn missing() -> Refusal {
    Refusal::missing("Group")
}
