//! Calling.

use serde_json::{Map, Value, json};

use crate::call::Call;
use crate::generate;
use crate::reply::{Answer, Refusal, Reply};
use crate::world::{PhoneNumber, World};

const PASSWORD: &str = "sip_user_password";

/// `get_calling_settings`.
pub(super) fn get_settings(call: &Call<'_>, world: &mut World) -> Answer {
    let number = sender(call, world)?;
    let mut calling = Value::Object(number.calling.clone());
    let servers = calling.pointer_mut("/sip/servers").and_then(Value::as_array_mut);
    for server in servers.into_iter().flatten().filter_map(Value::as_object_mut) {
        if call.query("include_sip_credentials") == Some("true") {
            server.entry(PASSWORD).or_insert_with(|| generate::alphanumeric(24).into());
        } else {
            server.remove(PASSWORD);
        }
    }
    Ok(Reply::meta(&json!({"calling": calling})))
}

/// `update_calling_settings`: what the body does not name stays.
pub(super) fn update_settings(call: &Call<'_>, world: &mut World) -> Answer {
    let number = sender(call, world)?;
    let calling = call.json.get("calling").and_then(Value::as_object);
    let calling = calling.ok_or_else(|| Refusal::parameter("The parameter calling is required."))?;
    check_settings(calling)?;
    let mut calling = calling.clone();
    let servers = calling.get_mut("sip").and_then(|sip| sip.get_mut("servers")).and_then(Value::as_array_mut);
    for server in servers.into_iter().flatten().filter_map(Value::as_object_mut) {
        // Meta makes the password.
        server.insert(PASSWORD.to_owned(), generate::alphanumeric(24).into());
    }
    number.calling.extend(calling);
    Ok(Reply::meta(&json!({"success": true})))
}

/// `get_call_permissions`: nobody has permitted anything yet.
pub(super) fn get_permissions(call: &Call<'_>, world: &mut World) -> Answer {
    sender(call, world)?;
    if call.query("user_wa_id").is_none() && call.query("recipient").is_none() {
        return Err(Refusal::parameter("The parameter user_wa_id is required."));
    }
    Ok(Reply::meta(&json!({
        "messaging_product": "whatsapp",
        "permission": {"status": "no_permission"},
        "actions": [
            {
                "action_name": "send_call_permission_request",
                "can_perform_action": true,
                "limits": [{"time_period": "PT24H", "max_allowed": 1, "current_usage": 0}],
            },
            {"action_name": "start_call", "can_perform_action": false},
        ],
    })))
}

/// `calls`.
pub(super) fn control_call(call: &Call<'_>, world: &mut World) -> Answer {
    let id = sender(call, world)?.id.clone();
    let fields = call.fields();
    if fields.text("messaging_product")? != Some("whatsapp") {
        return Err(Refusal::parameter("Param messaging_product must be one of {WHATSAPP}"));
    }
    let action = fields.text("action")?.unwrap_or_default();
    match action {
        "connect" => connect(call, sender(call, world)?),
        "pre_accept" | "accept" | "reject" | "terminate" => {
            let known =
                fields.text("call_id")?.ok_or_else(|| Refusal::parameter("The parameter call_id is required."))?;
            let other = world.numbers.values().any(|number| number.id != id && number.calls.contains(known));
            if other || !known.starts_with("wacid.") {
                return Err(Refusal::parameter("Invalid parameter: call_id names no call of this number"));
            }
            if matches!(action, "pre_accept" | "accept") {
                check_session(call)?;
            }
            if matches!(action, "reject" | "terminate") {
                sender(call, world)?.calls.remove(known);
            }
            Ok(Reply::meta(&json!({"messaging_product": "whatsapp", "success": true})))
        }
        _ => Err(Refusal::parameter("Param action must be one of {CONNECT, PRE_ACCEPT, ACCEPT, REJECT, TERMINATE}")),
    }
}

fn connect(call: &Call<'_>, number: &mut PhoneNumber) -> Answer {
    let fields = call.fields();
    if fields.id("to")?.is_none() && fields.id("recipient")?.is_none() {
        return Err(Refusal::parameter("The parameter to is required."));
    }
    check_session(call)?;
    if number.calling.get("status").and_then(Value::as_str) != Some("ENABLED") {
        return Err(Refusal::Meta(138_000, "Calling is not enabled for this phone number".to_owned()));
    }
    let id = generate::wacid();
    number.calls.insert(id.clone());
    Ok(Reply::meta(&json!({"messaging_product": "whatsapp", "calls": [{"id": id}]})))
}

fn check_session(call: &Call<'_>) -> Result<(), Refusal> {
    let missing = || Refusal::parameter("The parameter session is required.");
    let session = call.fields().object("session")?.ok_or_else(missing)?;
    let is_text = |name: &str| session.get(name).is_some_and(Value::is_string);
    if is_text("sdp_type") && is_text("sdp") { Ok(()) } else { Err(missing()) }
}

fn check_settings(calling: &Map<String, Value>) -> Result<(), Refusal> {
    for (name, allowed) in [
        ("status", &["ENABLED", "DISABLED"][..]),
        ("call_icon_visibility", &["DEFAULT", "DISABLE_ALL"]),
        ("callback_permission_status", &["ENABLED", "DISABLED"]),
    ] {
        let value = calling.get(name);
        if value.is_some_and(|value| !value.as_str().is_some_and(|text| allowed.contains(&text))) {
            return Err(Refusal::parameter(format!(
                "Param calling['{name}'] must be one of {{{}}}",
                allowed.join(", ")
            )));
        }
    }
    Ok(())
}

fn sender<'w>(call: &Call<'_>, world: &'w mut World) -> Result<&'w mut PhoneNumber, Refusal> {
    world.number(call.access.team, call.path("whatsappPhoneNumberId"))
}
