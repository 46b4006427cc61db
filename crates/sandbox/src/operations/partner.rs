//! Partner access: connect token, plugin configuration, disconnect.

use serde_json::{Map, Value, json};

use crate::call::Call;
use crate::fields::Fields;
use crate::reply::{Answer, Refusal, Reply};
use crate::world::{Target, World};

const URLS: [&str; 2] = ["passThroughWebhookUrl", "chakraWebhookUrl"];
const SWITCHES: [&str; 3] = [
    "enableMessageEchoesForPassThroughWebhook",
    "enableSendMessageTemplateEventForPassThroughWebhook",
    "enableChakraWebhook",
];
const EVENTS: &str = "whichChakraWebhookEventsToSend";
const EVENT_KINDS: [&str; 4] = ["message", "status", "message_echo", "smb_message_echo"];

/// `create_connect_token`.
pub(super) fn create_connect_token(call: &Call<'_>, world: &mut World) -> Answer {
    let fields = call.fields();
    for name in ["clientReferenceId", "clientName", "clientEmail"] {
        fields.text(name)?;
    }
    let target = match (fields.text("pluginId")?, fields.text("newPluginName")?) {
        (Some(id), None) => Target::Plugin(world.plugin(call.access.team, id, call.now)?.id),
        (None, Some(name)) => Target::NewPlugin(name.to_owned()),
        (None, None) => return Err(Refusal::bad("pluginId or newPluginName is required")),
        (Some(_), Some(_)) => return Err(Refusal::bad("pluginId and newPluginName exclude each other")),
    };
    let token = world.add_connect_token(call.access.team, target, call.now);
    Ok(Reply::data(&json!({"connectToken": token})))
}

/// `update_plugin_configuration`: absent fields stay, null clears.
pub(super) fn update_configuration(call: &Call<'_>, world: &mut World) -> Answer {
    let plugin = world.plugin(call.access.team, call.path("pluginId"), call.now)?;
    check_configuration(&call.json)?;
    for name in URLS.into_iter().chain(SWITCHES).chain([EVENTS]) {
        match call.json.get(name) {
            None => {}
            Some(Value::Null) => drop(plugin.server_config.remove(name)),
            Some(Value::String(text)) if text.is_empty() => {}
            Some(value) => drop(plugin.server_config.insert(name.to_owned(), value.clone())),
        }
    }
    Ok(Reply::success())
}

/// `fetch_plugin_configuration`.
pub(super) fn fetch_configuration(call: &Call<'_>, world: &mut World) -> Answer {
    let plugin = world.plugin(call.access.team, call.path("pluginId"), call.now)?;
    let mut data = Map::new();
    for name in URLS {
        data.insert(name.to_owned(), plugin.setting(name).into());
    }
    for name in SWITCHES {
        data.insert(name.to_owned(), plugin.switch(name).into());
    }
    let events = plugin.server_config.get(EVENTS).cloned().unwrap_or_else(|| json!(["message", "status"]));
    data.insert(EVENTS.to_owned(), events);
    Ok(Reply::data(&data.into()))
}

/// `disconnect_waba_account`, on whichever path it is tried.
pub(super) fn disconnect(call: &Call<'_>, world: &mut World) -> Answer {
    let either = |name: &str| -> Result<Option<String>, Refusal> {
        let in_path = Some(call.path(name)).filter(|value| !value.is_empty()).map(str::to_owned);
        let in_body = call.fields().id(name)?;
        match (in_path, in_body) {
            (Some(path), Some(body)) if path != body => {
                Err(Refusal::bad(format!("{name} must equal the one in the path")))
            }
            (path, body) => Ok(path.or(body)),
        }
    };
    let team = call.access.team;
    let plugin = match either("pluginId")? {
        Some(id) => Some(world.plugin(team, &id, call.now)?.id),
        None => None,
    };
    let waba = either("wabaId")?.ok_or_else(|| Refusal::bad("wabaId is required"))?;
    let holder = world.wabas.get(&waba).map(|waba| waba.plugin);
    let owned = holder.filter(|owner| world.plugins.get(owner).is_some_and(|plugin| plugin.team == team));
    if owned.is_none() || plugin.is_some_and(|plugin| owned != Some(plugin)) {
        return Err(Refusal::missing("WhatsApp business account"));
    }
    world.unbind(&waba);
    Ok(Reply::success())
}

/// Whether the known settings have the right types.
pub(super) fn check_configuration(config: &Map<String, Value>) -> Result<(), Refusal> {
    let fields = Fields(config);
    for name in URLS {
        if let Some(url) = fields.text(name)?
            && !is_http_url(url)
        {
            return Err(Refusal::bad(format!("{name} must be a valid URL")));
        }
    }
    for name in SWITCHES {
        fields.bool(name)?;
    }
    for kind in fields.list(EVENTS)? {
        if !kind.as_str().is_some_and(|kind| EVENT_KINDS.contains(&kind)) {
            return Err(Refusal::bad(format!("{EVENTS} must be some of {}", EVENT_KINDS.join(", "))));
        }
    }
    if fields.list("enabledWhatsappPhoneNumbers")?.iter().any(|id| !id.is_string()) {
        return Err(Refusal::bad("enabledWhatsappPhoneNumbers must be an array of strings"));
    }
    Ok(())
}

/// Whether the text is an absolute http or https URL.
pub(super) fn is_http_url(text: &str) -> bool {
    reqwest::Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}
