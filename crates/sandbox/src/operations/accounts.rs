//! WABAs and phone numbers.

use serde_json::Value;
use uuid::Uuid;

use crate::call::Call;
use crate::reply::{Answer, Refusal, Reply};
use crate::world::World;

/// `list_whatsapp_phone_numbers`.
pub(super) fn list_numbers(call: &Call<'_>, world: &mut World) -> Answer {
    let plugins = plugins(call, world)?;
    let rows = world.numbers.values().filter(|number| plugins.contains(&number.plugin));
    Ok(Reply::data(&rows.map(crate::world::PhoneNumber::to_json).collect::<Value>()))
}

/// `get_whatsapp_phone_number`.
pub(super) fn get_number(call: &Call<'_>, world: &mut World) -> Answer {
    let number = world.number(call.access.team, call.path("phoneNumberId"))?;
    Ok(Reply::data(&number.to_json()))
}

/// `list_whatsapp_business_accounts`.
pub(super) fn list_wabas(call: &Call<'_>, world: &mut World) -> Answer {
    let plugins = plugins(call, world)?;
    let rows = world.wabas.values().filter(|waba| plugins.contains(&waba.plugin));
    Ok(Reply::data(&rows.map(crate::world::Waba::to_json).collect::<Value>()))
}

/// The plugin that the query names, or all of the team.
fn plugins(call: &Call<'_>, world: &mut World) -> Result<Vec<Uuid>, Refusal> {
    match call.query("pluginId") {
        Some(id) => Ok(vec![world.plugin(call.access.team, id, call.now)?.id]),
        None => Ok(world.plugins.values().filter(|plugin| plugin.team == call.access.team).map(|p| p.id).collect()),
    }
}
