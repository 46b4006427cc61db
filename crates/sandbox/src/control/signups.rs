//! `POST /_sandbox/signups`.

use actix_web::http::StatusCode;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use super::{bad, error, parse};
use crate::clock::now_ms;
use crate::connect::{SignUp, SignUpOutcome, initial_medium_id};
use crate::reply::Reply;
use crate::shared::Shared;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    plugin_id: Uuid,
    outcome: SignUpOutcome,
    waba_id: Option<String>,
    phone_number_id: Option<String>,
    display_phone_number: Option<String>,
    lag_ms: Option<u32>,
}

/// Finishes a sign-up without a browser.
pub(super) fn finish(body: &Bytes, shared: &Shared) -> Result<Reply, Reply> {
    let body: Body = parse(body)?;
    for (name, id) in [("waba_id", &body.waba_id), ("phone_number_id", &body.phone_number_id)] {
        if id.as_deref().is_some_and(|id| !portico_domain::meta_ids::is_digits(id)) {
            return Err(bad(&format!("{name} must be 1 to 32 digits")));
        }
    }
    let sign_up = SignUp {
        outcome: body.outcome,
        waba_id: body.waba_id,
        phone_number_id: body.phone_number_id,
        display_phone_number: body.display_phone_number,
        lag_ms: body.lag_ms.unwrap_or(0),
    };
    let done = shared.change(|world| sign_up.perform(world, body.plugin_id, now_ms()));
    let done = done.map_err(|refused| error(refused.status(), &refused.to_string()))?;
    Ok(Reply::json(
        StatusCode::OK,
        &json!({
            "plugin_id": body.plugin_id,
            "waba_id": done.waba_id,
            "phone_number_ids": done.phone_number_ids,
            "display_phone_number": done.display_phone_number,
            "media_ids": done.phone_number_ids.iter().map(|id| initial_medium_id(id)).collect::<Vec<_>>(),
        }),
    ))
}
