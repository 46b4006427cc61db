//! The people of a team.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::call::Call;
use crate::reply::{Answer, Refusal, Reply};
use crate::world::{User, World};

/// What a caller cannot change.
const READ_ONLY_FIELDS: [&str; 7] = ["id", "team", "createdAt", "updatedAt", "username", "isDeleted", "deletedAt"];

/// `list_users`.
#[expect(clippy::unnecessary_wraps, reason = "handlers share one signature")]
pub(super) fn list(call: &Call<'_>, world: &mut World) -> Answer {
    Ok(Reply::data(&of_team(call, world).map(User::to_json).collect()))
}

/// `list_users_v2`: the docs call it humanised; here the roles are named.
#[expect(clippy::unnecessary_wraps, reason = "handlers share one signature")]
pub(super) fn list_v2(call: &Call<'_>, world: &mut World) -> Answer {
    Ok(Reply::data(&of_team(call, world).map(|user| humanised(call, user)).collect()))
}

/// `fetch_user`.
pub(super) fn fetch(call: &Call<'_>, world: &mut World) -> Answer {
    Ok(Reply::data(&find_user(call, world)?.to_json()))
}

/// `fetch_user_v2`.
pub(super) fn fetch_v2(call: &Call<'_>, world: &mut World) -> Answer {
    let user = find_user(call, world)?;
    Ok(Reply::data(&humanised(call, user)))
}

/// `update_user`.
pub(super) fn update(call: &Call<'_>, world: &mut World) -> Answer {
    let fields = call.fields();
    for name in ["firstName", "lastName", "middleName", "displayName", "bio", "timezone"] {
        fields.text(name)?;
    }
    let user = find_user(call, world)?;
    // An unset field changes nothing.
    let changes =
        |name: &str| user.fields.contains_key(name) && !READ_ONLY_FIELDS.contains(&name) && fields.get(name).is_some();
    let given = call.json.iter().filter(|(name, _)| changes(name));
    let given: Map<String, Value> = given.map(|(name, value)| (name.clone(), value.clone())).collect();
    user.fields.extend(given);
    user.fields.insert("updatedAt".to_owned(), json!(call.now));
    Ok(Reply::data(&user.to_json()))
}

/// In the order of their names.
fn of_team<'w>(call: &Call<'_>, world: &'w World) -> impl Iterator<Item = &'w User> {
    let mut users: Vec<&User> = world.crm.users.values().filter(|user| user.team == call.access.team).collect();
    users.sort_by_key(|user| user.fields.get("username").map(Value::to_string));
    users.into_iter()
}

fn humanised(call: &Call<'_>, user: &User) -> Value {
    let mut json = user.to_json();
    json["roles"] = if user.id == call.access.user { json!([call.access.role]) } else { json!(["agent"]) };
    json
}

fn find_user<'w>(call: &Call<'_>, world: &'w mut World) -> Result<&'w mut User, Refusal> {
    let id = Uuid::try_parse(call.path("userId")).ok();
    let user = id.and_then(|id| world.crm.users.get_mut(&id)).filter(|user| user.team == call.access.team);
    user.ok_or_else(|| Refusal::missing("User"))
}
