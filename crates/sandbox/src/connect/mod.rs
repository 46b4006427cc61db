//! Connecting: the browser script, the sign-up window, and what a sign-up changes.

mod sign_up;

use actix_web::HttpRequest;
use actix_web::http::{Method, StatusCode};
use actix_web::web::Query;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};

pub(crate) use sign_up::{SignUp, SignUpOutcome, initial_medium_id};

use crate::clock::now_ms;
use crate::control::{error, parse};
use crate::reply::Reply;
use crate::shared::Shared;
use crate::world::{Target, World};

const PAGE: &str = include_str!("page.html");
const SCRIPT: &str = include_str!("sdk.js");

/// What the browser loads from Chakra: the script and the sign-up window.
pub(crate) fn browser_reply(request: &HttpRequest, shared: &Shared) -> Option<Reply> {
    if request.method() != Method::GET {
        return None;
    }
    match request.uri().path() {
        "/whatsapp-partner-connect/v1/sdk.js" | "/whatsapp-partner-connect/v1_0_1/sdk.js" => {
            Some(Reply::new(StatusCode::OK, "text/javascript; charset=utf-8", SCRIPT))
        }
        "/v1/ext/whatsapp-partner/connect" => Some(page(request, shared)),
        _ => None,
    }
}

fn page(request: &HttpRequest, shared: &Shared) -> Reply {
    let query = Query::<Vec<(String, String)>>::from_query(request.query_string());
    let pairs = query.map(Query::into_inner).unwrap_or_default();
    let token = pairs.iter().find(|(name, _)| name == "connectToken").map_or("", |(_, token)| token);
    if shared.world().connect_token(token, now_ms()).is_some() {
        Reply::new(StatusCode::OK, "text/html; charset=utf-8", PAGE)
    } else {
        let text =
            "<!doctype html><title>Connect</title><p>This connect token is unknown or has expired. Ask for a new one.";
        Reply::new(StatusCode::UNAUTHORIZED, "text/html; charset=utf-8", text)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct SignUpForm {
    connect_token: String,
    outcome: SignUpOutcome,
}

/// What a button of the sign-up window does; answers with what the browser's `onSuccess` gets.
pub(crate) fn complete(body: &Bytes, shared: &Shared) -> Result<Reply, Reply> {
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

fn success(world: &World, plugin: uuid::Uuid, done: &sign_up::SignedUp) -> Value {
    let numbers = done.phone_number_ids.iter().filter_map(|id| world.numbers.get(id));
    json!({
        "pluginId": plugin,
        "whatsappBusinessAccounts": done.waba_id.iter().map(|id| json!({"id": id})).collect::<Value>(),
        "whatsappPhoneNumbers": numbers.map(crate::world::PhoneNumber::to_browser_json).collect::<Value>(),
    })
}
