//! The platform: configuration of the team, health.

use serde_json::json;

use crate::call::Call;
use crate::reply::{Answer, Reply};
use crate::world::{PROCEDURES, World};

/// `fetch_config`.
#[expect(clippy::unnecessary_wraps, reason = "handlers share one signature")]
pub(super) fn fetch_config(call: &Call<'_>, world: &mut World) -> Answer {
    let name = world.teams.get(&call.access.team).map(|team| team.name.clone()).unwrap_or_default();
    let empty = [
        "entities",
        "attributeTypes",
        "attributes",
        "derivedAttributes",
        "attributeGroups",
        "roles",
        "pods",
        "taskTypes",
        "forms",
        "formFields",
        "formActionButtons",
        "stateTasks",
        "userProfiles",
        "attributeConfig",
        "skillTypes",
    ];
    let mut data = json!({"team": {"id": call.access.team, "name": name}});
    for key in empty {
        data[key] = json!([]);
    }
    let procedure = |(id, key): &(&str, &str)| json!({"id": id, "shortId": id, "name": id, "primaryKey": key});
    data["procedures"] = PROCEDURES.iter().map(procedure).collect();
    let campaigns = world.crm.campaigns.values().filter(|campaign| campaign.team == call.access.team);
    data["campaigns"] = campaigns.map(|campaign| json!({"id": campaign.id, "name": campaign.name})).collect();
    Ok(Reply::data(&data))
}

/// `health`.
#[expect(clippy::unnecessary_wraps, reason = "handlers share one signature")]
pub(super) fn health(_: &Call<'_>, _: &mut World) -> Answer {
    Ok(Reply::data(&json!({"status": "ok"})))
}
