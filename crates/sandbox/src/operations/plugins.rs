//! Plugins.

use serde_json::{Value, json};

use crate::call::Call;
use crate::reply::{Answer, Refusal, Reply};
use crate::world::World;

/// `create_plugin`.
pub(super) fn create(call: &Call<'_>, world: &mut World) -> Answer {
    let fields = call.fields();
    let kind = fields.required_text("type")?;
    if kind != "whatsapp" {
        return Err(Refusal::bad("type must be whatsapp"));
    }
    let name = fields.required_text("name")?;
    Ok(Reply::data(&world.add_plugin(call.access.team, name).to_json()))
}

/// `get_plugin`.
pub(super) fn get(call: &Call<'_>, world: &mut World) -> Answer {
    Ok(Reply::data(&world.plugin(call.access.team, call.path("pluginId"), call.now)?.to_json()))
}

/// `update_plugin`. `serverConfig` replaces the whole object.
pub(super) fn update(call: &Call<'_>, world: &mut World) -> Answer {
    let fields = call.fields();
    let id = world.plugin(call.access.team, call.path("pluginId"), call.now)?.id;
    if fields.required_text("pluginId")? != call.path("pluginId") {
        return Err(Refusal::bad("pluginId must equal the one in the path"));
    }
    let name = fields.text("name")?;
    let is_active = fields.bool("isActive")?;
    let server_config = fields.object("serverConfig")?;
    if let Some(config) = server_config {
        super::partner::check_configuration(config)?;
        let enabled = config.get("enabledWhatsappPhoneNumbers").and_then(Value::as_array);
        for number in enabled.into_iter().flatten() {
            world.number_of(id, number.as_str().unwrap_or_default())?;
        }
    }
    let plugin = world.plugin(call.access.team, call.path("pluginId"), call.now)?;
    if let Some(name) = name {
        name.clone_into(&mut plugin.name);
    }
    if let Some(is_active) = is_active {
        plugin.is_active = is_active;
    }
    if let Some(config) = server_config {
        plugin.server_config.clone_from(config);
    }
    Ok(Reply::data(&plugin.to_json()))
}

/// `delete_plugin`.
pub(super) fn delete(call: &Call<'_>, world: &mut World) -> Answer {
    let id = world.plugin(call.access.team, call.path("pluginId"), call.now)?.id;
    world.delete_plugin(id);
    Ok(Reply::data(&json!({"id": id})))
}
