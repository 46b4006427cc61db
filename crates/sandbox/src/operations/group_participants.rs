//! Participants of groups, and requests to join.

use serde_json::{Value, json};

use super::groups::{accept_and_schedule, find_group};
use super::outcome_event::OutcomeEvent;
use super::{meta, paging};
use crate::call::Call;
use crate::events::EventKind;
use crate::reply::{Answer, Refusal, Reply};
use crate::world::{GROUP_CREATION_MS, World};

/// People whom one call may remove.
const MAX_REMOVED: usize = 8;
/// Rows on a page, unless asked otherwise, and at most.
const DEFAULT_PAGE: usize = 25;
const MAX_PAGE: usize = 1_024;

/// `get_group_join_requests`.
pub(super) fn list_requests(call: &Call<'_>, world: &mut World) -> Answer {
    let group = find_group(call, world)?;
    let row = |request: &crate::world::JoinRequest| (request.id.clone(), request.to_json());
    let mut rows: Vec<_> = group.join_requests.iter().map(row).collect();
    rows.sort_by(|one, other| one.0.cmp(&other.0));
    let page = paging::page(call, rows, DEFAULT_PAGE, MAX_PAGE)?;
    Ok(Reply::meta(&json!({"data": page.rows, "paging": page.paging})))
}

/// `approve_group_join_request`: who asked joins, and an event says so.
pub(super) fn approve(call: &Call<'_>, world: &mut World) -> Answer {
    let taken = take_join_requests(call, world)?;
    let group = find_group(call, world)?;
    group.participants.extend(taken.people.iter().cloned());
    let (id, number) = (group.id.clone(), group.number.clone());
    if !taken.people.is_empty() {
        let added: Vec<_> = taken.people.iter().map(|wa_id| json!({"wa_id": wa_id})).collect();
        let changes = json!({"added_participants": added});
        OutcomeEvent { kind: EventKind::GroupJoin, id: &id, changes, after_ms: GROUP_CREATION_MS }
            .schedule_for_number(world, &number);
    }
    Ok(taken.reply("approved_join_requests"))
}

/// `reject_group_join_request`.
pub(super) fn reject(call: &Call<'_>, world: &mut World) -> Answer {
    Ok(take_join_requests(call, world)?.reply("rejected_join_requests"))
}

/// `remove_group_participants`: who is not in the group fails in the event.
pub(super) fn remove(call: &Call<'_>, world: &mut World) -> Answer {
    let group = find_group(call, world)?;
    meta::check_product(call)?;
    let list = meta::required_list(call, "participants")?;
    if list.len() > MAX_REMOVED {
        return Err(meta::must_be("participants", "an array of at most 8 elements"));
    }
    let user = |entry: &Value| entry["user"].as_str().filter(|user| !user.is_empty()).map(str::to_owned);
    let users: Option<Vec<String>> = list.iter().map(user).collect();
    let users = users.ok_or_else(|| Refusal::parameter("The parameter participants['user'] is required."))?;
    let (mut removed, mut failed) = (Vec::new(), Vec::new());
    for user in users {
        let wa_id: String = user.chars().filter(char::is_ascii_digit).collect();
        if let Some(at) = group.participants.iter().position(|known| *known == wa_id) {
            group.participants.remove(at);
            removed.push(json!({"input": user, "wa_id": wa_id}));
        } else {
            let errors = errors("The user is not a participant of the group");
            failed.push(json!({"input": user, "wa_id": wa_id, "errors": errors}));
        }
    }
    let (id, number) = (group.id.clone(), group.number.clone());
    let mut changes = json!({"removed_participants": removed});
    if !failed.is_empty() {
        changes["failed_participants"] = failed.into();
    }
    Ok(accept_and_schedule(world, &number, EventKind::GroupLeave, &id, changes))
}

/// Join requests that a call removed from the group.
struct TakenJoinRequests {
    ids: Vec<String>,
    /// WhatsApp ids of those who had asked.
    people: Vec<String>,
    /// The entries for those that the group does not have.
    failed: Vec<Value>,
}

impl TakenJoinRequests {
    fn reply(self, name: &str) -> Reply {
        let body = json!({"messaging_product": "whatsapp", name: self.ids, "failed_join_requests": self.failed});
        Reply::meta(&body)
    }
}

fn take_join_requests(call: &Call<'_>, world: &mut World) -> Result<TakenJoinRequests, Refusal> {
    let group = find_group(call, world)?;
    meta::check_product(call)?;
    let list = meta::required_list(call, "join_requests")?;
    let ids: Option<Vec<&str>> = list.iter().map(Value::as_str).collect();
    let ids = ids.ok_or_else(|| meta::must_be("join_requests", "an array of strings"))?;
    let mut taken = TakenJoinRequests { ids: Vec::new(), people: Vec::new(), failed: Vec::new() };
    for id in ids {
        if let Some(request) = group.take_join_request(id) {
            taken.ids.push(request.id);
            taken.people.push(request.wa_id);
        } else {
            let errors = errors("The join request does not exist");
            taken.failed.push(json!({"join_request_id": id, "errors": errors}));
        }
    }
    Ok(taken)
}

fn errors(details: &str) -> Value {
    let (message, title) = ("(#100) Invalid parameter", "Invalid parameter");
    json!([{"code": 100, "message": message, "title": title, "error_data": {"details": details}}])
}
