//! `POST /_sandbox/connect`, the call behind the buttons of the sign-up window.

use actix_web::http::StatusCode;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{error, parse};
use crate::clock::now_ms;
use crate::connect::{SignUp, SignUpOutcome, SignedUp};
use crate::reply::Reply;
use crate::shared::Shared;
use crate::world::{PhoneNumber, Target, World};

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct SignUpForm {
    connect_token: String,
    outcome: SignUpOutcome,
}

/// What a button of the sign-up window does; answers with what the browser's `onSuccess` gets.
pub(super) fn complete(body: &Bytes, shared: &Shared) -> Result<Reply, Reply> {
    let form: SignUpForm = parse(body)?;
    let now = now_ms();
    shared.change(|world| {
        let token = world.connect_token(&form.connect_token, now).cloned();
        let token = token.ok_or_else(|| error(StatusCode::UNAUTHORIZED, "connectToken is unknown or has expired"))?;
        if matches!(form.outcome, SignUpOutcome::Cancel | SignUpOutcome::Error) {
            return Ok(Reply::json(StatusCode::OK, &json!({})));
        }
        let plugin = match token.target {
            Target::Plugin(id) => id,
            Target::NewPlugin(name) => {
                let id = world.add_plugin(token.team, &name).id;
                // A second sign-up with the same token goes on in the plugin that the first made.
                if let Some(token) = world.connect_tokens.get_mut(&form.connect_token) {
                    token.target = Target::Plugin(id);
                }
                id
            }
        };
        let sign_up = SignUp { outcome: form.outcome, ..SignUp::default() };
        let done = sign_up.perform(world, plugin, now).map_err(|no| error(no.status(), &no.to_string()))?;
        Ok(Reply::json(StatusCode::OK, &success(world, plugin, &done)))
    })
}

fn success(world: &World, plugin: Uuid, done: &SignedUp) -> Value {
    let numbers = done.phone_number_ids.iter().filter_map(|id| world.numbers.get(id));
    json!({
        "pluginId": plugin,
        "whatsappBusinessAccounts": done.waba_id.iter().map(|id| json!({"id": id})).collect::<Value>(),
        "whatsappPhoneNumbers": numbers.map(PhoneNumber::to_browser_json).collect::<Value>(),
    })
}
