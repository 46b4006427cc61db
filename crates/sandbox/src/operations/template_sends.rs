//! Template sends in Chakra's own format.

use serde_json::{Value, json};

use super::outgoing_message::{self, OutgoingMessage};
use super::phone_number::is_phone_number;
use crate::call::Call;
use crate::fields::Fields;
use crate::reply::{Answer, Refusal, Reply};
use crate::world::{PROCEDURES, World};

/// `send_template_message_to_phone_number`.
pub(super) fn to_phone_number(call: &Call<'_>, world: &mut World) -> Answer {
    let to = call.path("phoneNumber");
    if !is_phone_number(to) {
        return Err(Refusal::bad("phoneNumber must be digits with the country code"));
    }
    send(call, world, to, None)
}

/// `send_template_message_for_process`: to the phone number of the record, which the id or the primary
/// key names. Digits are taken for the phone number itself, as for a lead.
pub(super) fn for_process(call: &Call<'_>, world: &mut World) -> Answer {
    let process = call.path("primaryKeyOrId");
    if is_phone_number(process) {
        return send(call, world, process, Some(process));
    }
    // The plugin is looked at first, so that a foreign one answers as such.
    world.plugin(call.access.team, call.path("pluginId"), call.now)?;
    let team = call.access.team;
    let by_key = || PROCEDURES.iter().find_map(|(procedure, key)| world.crm.find(team, procedure, key, process));
    let id = world.crm.process(team, process).or_else(by_key);
    let record = id.and_then(|id| world.crm.processes.get(&id)).ok_or_else(|| Refusal::missing("Process"))?;
    let to = record.data.get("phone_number").and_then(Value::as_str).map(str::to_owned);
    let to = to.filter(|to| is_phone_number(to));
    let to = to.ok_or_else(|| Refusal::bad("The record has no phone number"))?;
    send(call, world, &to, Some(process))
}

fn send(call: &Call<'_>, world: &mut World, to: &str, process: Option<&str>) -> Answer {
    let plugin = world.plugin(call.access.team, call.path("pluginId"), call.now)?.id;
    let fields = call.fields();
    let number = fields.id("whatsappPhoneNumberId")?;
    let number = number.ok_or_else(|| Refusal::bad("whatsappPhoneNumberId is required"))?;
    let name = fields.required_text("templateName")?;
    check_optional(fields)?;
    let values = mapping(fields, "mapping")?;
    mapping(fields, "headerMapping")?;
    mapping(fields, "buttonMapping")?;
    let waba = world.number_of(plugin, &number)?.waba.clone();
    let waba = world.wabas.get(&waba).ok_or_else(|| Refusal::missing("WhatsApp business account"))?;
    let text = waba.template(name, fields.text("language")?, call.now)?.fill(&values)?;
    let sent = outgoing_message::accept(
        world,
        &OutgoingMessage {
            plugin,
            number: &number,
            to,
            kind: "template",
            text: &text,
            callback_data: None,
            now: call.now,
        },
    );
    Ok(Reply::data(&json!({
        "id": sent.id,
        "createdAt": call.now,
        "updatedAt": call.now,
        "externalId": sent.wamid,
        "provider": "WHATSAPP",
        "dataType": "template",
        "body": {"body": text},
        "text": text,
        "attachments": null,
        "deliveryStatus": "PENDING",
        "direction": "OUTBOUND",
        "timestamp": call.now,
        "context": {"contactIdentifier": to, "messageTemplateId": name},
        "adhocAgent": null,
        "source": {"sourceId": call.access.user, "sourceType": "API"},
        "team": call.access.team,
        "chat": null,
        "plugin": plugin,
        "contact": null,
        "user": call.access.user,
        "procedure": Some(call.path("procedureShortId")).filter(|id| !id.is_empty()),
        "process": process,
        "campaign": null,
        "inReplyTo": null,
    })))
}

fn check_optional(fields: Fields<'_>) -> Result<(), Refusal> {
    for name in ["imageUrl", "videoUrl", "documentUrl"] {
        if fields.text(name)?.is_some_and(|url| !super::partner::is_http_url(url)) {
            return Err(Refusal::parameter_value());
        }
    }
    for name in ["filename", "locationName", "locationAddress", "language", "otpCode"] {
        fields.text(name)?;
    }
    for name in ["locationLatitude", "locationLongitude"] {
        fields.number(name)?;
    }
    Ok(())
}

/// The values of a mapping in the order of its names, where they are numbers.
fn mapping(fields: Fields<'_>, name: &str) -> Result<Vec<String>, Refusal> {
    let wrong = || Refusal::bad(format!("{name} must hold objects with schemaPropertyName and schemaPropertyValue"));
    let mut pairs = Vec::new();
    for (at, item) in fields.list(name)?.iter().enumerate() {
        let key = item.get("schemaPropertyName").and_then(Value::as_str).ok_or_else(wrong)?;
        let value = item.get("schemaPropertyValue").and_then(Value::as_str).ok_or_else(wrong)?;
        pairs.push((key.parse().unwrap_or(at), value.to_owned()));
    }
    pairs.sort_by_key(|(at, _)| *at);
    Ok(pairs.into_iter().map(|(_, value)| value).collect())
}
