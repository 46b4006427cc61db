//! Sends in Meta's format, and read receipts.

use serde_json::{Value, json};
use uuid::Uuid;

use super::meta;
use super::outgoing_message::{self, OutgoingMessage};
use super::partner::is_http_url;
use super::phone_number::is_phone_number;
use crate::call::Call;
use crate::reply::{Answer, Refusal, Reply};
use crate::world::{Waba, World};

const MEDIA: [&str; 5] = ["image", "audio", "video", "document", "sticker"];
const KINDS: &str = "audio, contacts, document, image, interactive, location, reaction, sticker, template, text, video";

/// `mark_message_read`: the answer has no message id.
pub(super) fn mark_read(call: &Call<'_>, world: &mut World) -> Answer {
    sender(call, world)?;
    required(&call.json_value("message_id"), "message_id")?;
    Ok(Reply::data(&json!({})))
}

/// `send_template_message_meta_format`.
pub(super) fn send_template(call: &Call<'_>, world: &mut World) -> Answer {
    let plugin = sender(call, world)?;
    let template = call.json_value("template");
    let name = required(&template["name"], "template['name']")?;
    let language = required(&template.pointer("/language/code").cloned().unwrap_or_default(), "template['language']")?;
    let values = body_values(&template)?;
    let waba = world.number_of(plugin, call.path("whatsappPhoneNumberId"))?.waba.clone();
    let waba: &Waba = world.wabas.get(&waba).ok_or_else(|| Refusal::missing("WhatsApp business account"))?;
    waba.template(&name, Some(&language), call.now)?.fill(&values)?;
    accept(call, world, plugin, "template")
}

/// `whatsapp_messages`.
pub(super) fn send(call: &Call<'_>, world: &mut World) -> Answer {
    let plugin = sender(call, world)?;
    let kind = match call.json_value("type") {
        Value::Null => "text".to_owned(),
        kind => required(&kind, "type")?,
    };
    check_content(&kind, &call.json_value(&kind))?;
    accept(call, world, plugin, &kind)
}

/// Checks plugin, number and `messaging_product`, which all bodies share; the plugin.
fn sender(call: &Call<'_>, world: &mut World) -> Result<Uuid, Refusal> {
    let plugin = world.plugin(call.access.team, call.path("pluginId"), call.now)?.id;
    world.number_of(plugin, call.path("whatsappPhoneNumberId"))?;
    meta::check_product(call)?;
    Ok(plugin)
}

fn accept(call: &Call<'_>, world: &mut World, plugin: Uuid, kind: &str) -> Answer {
    let fields = call.fields();
    let group = match fields.text("recipient_type")? {
        None | Some("individual") => false,
        Some("group") => true,
        Some(_) => return Err(Refusal::parameter("Param recipient_type must be one of {INDIVIDUAL, GROUP}")),
    };
    let to = match fields.id("to")? {
        Some(to) if group || is_phone_number(to.trim_start_matches('+')) => to,
        Some(_) => return Err(Refusal::parameter_value()),
        None => fields.id("recipient")?.ok_or_else(|| Refusal::parameter("The parameter to is required."))?,
    };
    let sent = outgoing_message::accept(
        world,
        &OutgoingMessage {
            plugin,
            number: call.path("whatsappPhoneNumberId"),
            to: to.trim_start_matches('+'),
            kind,
            text: call.json.get("text").and_then(|text| text["body"].as_str()).unwrap_or_default(),
            callback_data: fields.text("biz_opaque_callback_data")?,
            now: call.now,
        },
    );
    Ok(Reply::data(&json!({"whatsappMessageId": sent.wamid})))
}

/// What Meta checks of a message's content.
fn check_content(kind: &str, content: &Value) -> Result<(), Refusal> {
    match kind {
        "text" => {
            let body = required(&content["body"], "text['body']")?;
            if body.chars().count() > 4096 { Err(Refusal::parameter_value()) } else { Ok(()) }
        }
        medium if MEDIA.contains(&medium) => check_medium(content),
        "location" if content["latitude"].is_null() || content["longitude"].is_null() => {
            Err(Refusal::parameter("The parameters location['latitude'] and location['longitude'] are required."))
        }
        "reaction" => required(&content["message_id"], "reaction['message_id']").map(drop),
        "contacts" if content.as_array().is_none_or(Vec::is_empty) => {
            Err(Refusal::parameter("The parameter contacts is required."))
        }
        "location" | "contacts" => Ok(()),
        "interactive" => check_interactive(content),
        _ => Err(Refusal::parameter(format!("Param type must be one of {{{}}}", KINDS.to_uppercase()))),
    }
}

fn check_medium(content: &Value) -> Result<(), Refusal> {
    let link = content["link"].as_str().filter(|link| !link.is_empty());
    let id = content["id"].as_str().filter(|id| !id.is_empty());
    match (link, id) {
        (Some(link), _) if is_http_url(link) => Ok(()),
        (None, Some(id)) if portico_domain::meta_ids::is_digits(id) => Ok(()),
        _ => Err(Refusal::parameter_value()),
    }
}

fn check_interactive(content: &Value) -> Result<(), Refusal> {
    let kind = required(&content["type"], "interactive['type']")?;
    if let Some(kind @ ("image" | "video" | "document")) = content.pointer("/header/type").and_then(Value::as_str) {
        check_medium(&content["header"][kind])?;
    }
    match kind.as_str() {
        "button" => check_buttons(content),
        "list" => check_rows(content),
        _ => Ok(()),
    }
}

/// One to three buttons, each with an id of its own and a title of up to 20 characters.
fn check_buttons(content: &Value) -> Result<(), Refusal> {
    required(&content.pointer("/body/text").cloned().unwrap_or_default(), "interactive['body']['text']")?;
    let buttons = content.pointer("/action/buttons").and_then(Value::as_array);
    let buttons =
        buttons.ok_or_else(|| Refusal::parameter("The parameter interactive['action']['buttons'] is required."))?;
    let mut ids: Vec<&str> = Vec::new();
    for button in buttons {
        let id = button.pointer("/reply/id").and_then(Value::as_str).unwrap_or_default();
        let title = button.pointer("/reply/title").and_then(Value::as_str).unwrap_or_default();
        if id.is_empty() || ids.contains(&id) || !(1..=20).contains(&title.chars().count()) {
            return Err(Refusal::parameter_value());
        }
        ids.push(id);
    }
    if (1..=3).contains(&buttons.len()) { Ok(()) } else { Err(Refusal::parameter_value()) }
}

/// One to ten rows in all sections.
fn check_rows(content: &Value) -> Result<(), Refusal> {
    required(&content.pointer("/body/text").cloned().unwrap_or_default(), "interactive['body']['text']")?;
    let sections = content.pointer("/action/sections").and_then(Value::as_array);
    let rows: usize =
        sections.into_iter().flatten().filter_map(|section| section["rows"].as_array()).map(Vec::len).sum();
    if (1..=10).contains(&rows) { Ok(()) } else { Err(Refusal::parameter_value()) }
}

/// The texts for the variables of a template's body.
fn body_values(template: &Value) -> Result<Vec<String>, Refusal> {
    let components = template["components"].as_array().map(Vec::as_slice).unwrap_or_default();
    let body =
        components.iter().find(|part| part["type"].as_str().is_some_and(|kind| kind.eq_ignore_ascii_case("body")));
    let parameters = body.and_then(|body| body["parameters"].as_array()).map(Vec::as_slice).unwrap_or_default();
    let text = |parameter: &Value| match parameter["type"].as_str() {
        Some("text") => required(&parameter["text"], "template['components'][body]['parameters']['text']"),
        Some(kind @ ("currency" | "date_time")) => {
            Ok(parameter[kind]["fallback_value"].as_str().unwrap_or_default().to_owned())
        }
        _ => Err(Refusal::Meta(132_012, "Parameter format does not match format in the created template".to_owned())),
    };
    parameters.iter().map(text).collect()
}

fn required(value: &Value, name: &str) -> Result<String, Refusal> {
    match value {
        Value::String(text) if !text.is_empty() => Ok(text.clone()),
        _ => Err(Refusal::parameter(format!("The parameter {name} is required."))),
    }
}

impl Call<'_> {
    /// A field of the body; null when absent.
    fn json_value(&self, name: &str) -> Value {
        self.json.get(name).cloned().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn buttons(count: usize) -> Value {
        let button = |n: usize| json!({"type": "reply", "reply": {"id": n.to_string(), "title": "Yes"}});
        json!({"type": "button", "body": {"text": "?"}, "action": {"buttons": (0..count).map(button).collect::<Vec<_>>()}})
    }

    #[test]
    fn a_fourth_reply_button_is_one_too_many() {
        assert_eq!(check_content("interactive", &buttons(3)), Ok(()));
        assert_eq!(check_content("interactive", &buttons(4)), Err(Refusal::parameter_value()));
    }

    #[test]
    fn an_image_header_needs_a_link() {
        let mut content = buttons(1);
        content["header"] = json!({"type": "image", "image": {}});
        assert_eq!(check_content("interactive", &content), Err(Refusal::parameter_value()));
        content["header"]["image"]["link"] = json!("https://example.com/a.png");
        assert_eq!(check_content("interactive", &content), Ok(()));
    }

    #[test]
    fn a_type_that_meta_does_not_know_is_refused() {
        assert!(matches!(check_content("poem", &json!({})), Err(Refusal::Meta(100, _))));
        assert!(matches!(check_content("text", &json!({})), Err(Refusal::Meta(100, _))));
    }
}
