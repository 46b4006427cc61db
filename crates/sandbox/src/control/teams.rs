//! `POST /_sandbox/teams`.

use actix_web::http::StatusCode;
use bytes::Bytes;
use serde::{Deserialize, Deserializer};
use serde_json::json;

use super::parse;
use crate::generate;
use crate::reply::Reply;
use crate::role::Role;
use crate::shared::Shared;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewTeam {
    name: Option<String>,
    #[serde(default)]
    role: Role,
    #[serde(default)]
    webhook_secret: Secret,
}

/// What events are signed with.
#[derive(Default)]
enum Secret {
    /// Something random; when the field is absent.
    #[default]
    Random,
    /// This, or nothing when the field is null.
    Given(Option<String>),
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Option::deserialize(deserializer).map(Self::Given)
    }
}

/// Makes a team with one access token.
pub(super) fn add(body: &Bytes, shared: &Shared) -> Result<Reply, Reply> {
    let new: NewTeam = parse(body)?;
    let secret = match new.webhook_secret {
        Secret::Random => Some(new_webhook_secret()),
        Secret::Given(secret) => secret,
    };
    let name = new.name.unwrap_or_else(|| "Example".to_owned());
    let team = shared.change(|world| world.add_team(&name, new.role, secret));
    Ok(Reply::json(
        StatusCode::CREATED,
        &json!({
            "team_id": team.team_id,
            "chakra_key": team.chakra_key,
            "webhook_secret": team.webhook_secret,
            "name": name,
            "role": new.role,
        }),
    ))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Key {
    chakra_key: String,
}

/// Gives the team of an access token another one.
pub(super) fn add_key(body: &Bytes, shared: &Shared) -> Result<Reply, Reply> {
    let Key { chakra_key } = parse(body)?;
    let added = shared.change(|world| world.add_key(&chakra_key)).ok_or_else(unknown_key)?;
    Ok(Reply::json(StatusCode::CREATED, &json!({"chakra_key": added})))
}

/// Revokes an access token, as a team does in Chakra's admin area.
pub(super) fn revoke_key(body: &Bytes, shared: &Shared) -> Result<(), Reply> {
    let Key { chakra_key } = parse(body)?;
    shared.change(|world| world.keys.remove(&chakra_key)).map(drop).ok_or_else(unknown_key)
}

fn unknown_key() -> Reply {
    super::error(StatusCode::NOT_FOUND, "no team has this access token")
}

/// A secret as a team sets it in Chakra's admin area.
pub(crate) fn new_webhook_secret() -> String {
    generate::hexadecimal(64)
}
