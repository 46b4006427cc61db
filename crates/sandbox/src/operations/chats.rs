//! Chats and their messages.

use actix_web::http::StatusCode;
use serde_json::{Value, json};
use uuid::Uuid;

use super::phone_number::is_phone_number;
use super::processes::count;
use crate::call::Call;
use crate::reply::{Answer, Refusal, Reply};
use crate::world::{Chat, Message, World};

/// Rows on a page, unless asked otherwise; chats and messages on a page at the most.
const DEFAULT_PAGE: usize = 25;
const MAX_CHATS: usize = 100;
const MAX_MESSAGES: usize = 1_000;

/// `list_chats`.
pub(super) fn list(call: &Call<'_>, world: &mut World) -> Answer {
    let fields = call.fields();
    let by_creation = match fields.text("orderField")?.unwrap_or("updatedAt") {
        "createdAt" => true,
        "updatedAt" => false,
        _ => return Err(Refusal::bad("orderField must be one of createdAt, updatedAt")),
    };
    let ascending = match fields.text("orderDirection")?.unwrap_or("desc").to_ascii_lowercase().as_str() {
        "asc" => true,
        "desc" => false,
        _ => return Err(Refusal::bad("orderDirection must be one of asc, desc")),
    };
    let search = fields.text("search")?.unwrap_or_default();
    let team = Some(call.access.team);
    let mut all: Vec<&Chat> = world
        .chats
        .values()
        .filter(|chat| world.team_of(chat.plugin) == team && chat.person.contains(search))
        .collect();
    all.sort_by_key(|chat| (if by_creation { chat.created_at } else { chat.updated_at }, chat.id));
    if !ascending {
        all.reverse();
    }
    page(call, all, MAX_CHATS, |chat| world.chat_json(chat))
}

/// `list_chat_messages`: the latest first.
pub(super) fn messages(call: &Call<'_>, world: &mut World) -> Answer {
    let chat = find_chat(call, world)?;
    page(call, world.messages.of_chat(chat).rev().collect(), MAX_MESSAGES, Message::to_json)
}

/// `list_messages_for_phone_number`: of every number of the team, the latest first.
pub(super) fn messages_with(call: &Call<'_>, world: &mut World) -> Answer {
    let person = call.fields().id("customerPhoneNumber")?;
    let person = person.ok_or_else(|| Refusal::bad("customerPhoneNumber is required"))?;
    if !is_phone_number(&person) {
        return Err(Refusal::bad("customerPhoneNumber must be digits with the country code"));
    }
    let team = Some(call.access.team);
    let fits = |message: &&Message| message.to == person && world.team_of(message.plugin) == team;
    page(call, world.messages.iter().rev().filter(fits).collect(), MAX_MESSAGES, Message::to_json)
}

/// `delete_chat`.
pub(super) fn delete(call: &Call<'_>, world: &mut World) -> Answer {
    let chat = find_chat(call, world)?;
    world.chats.remove(&chat);
    Ok(Reply::data(&json!({"id": chat})))
}

fn find_chat(call: &Call<'_>, world: &World) -> Result<Uuid, Refusal> {
    let id = Uuid::try_parse(call.path("chatId")).ok();
    let chat = id.and_then(|id| world.chats.get(&id));
    let chat = chat.filter(|chat| world.team_of(chat.plugin) == Some(call.access.team));
    chat.map(|chat| chat.id).ok_or_else(|| Refusal::missing("Chat"))
}

fn page<T>(call: &Call<'_>, all: Vec<T>, max: usize, to_json: impl Fn(T) -> Value) -> Answer {
    let fields = call.fields();
    let limit = count(fields.number("limit")?, "limit", max)?.unwrap_or(DEFAULT_PAGE).max(1);
    let page = count(fields.number("page")?, "page", 1_000_000)?.unwrap_or(1).max(1);
    let total = all.len();
    let rows: Vec<Value> = all.into_iter().skip((page - 1) * limit).take(limit).map(to_json).collect();
    Ok(Reply::json(StatusCode::OK, &json!({"_data": rows, "_meta": {"total": total}, "_errors": []})))
}
