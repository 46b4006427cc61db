//! The keys that sign tokens, for the operator.

use actix_web::web::Data;
use portico_app::App;
use portico_domain::SigningKey;
use portico_domain::permission::perm;
use portico_web::extract::Body;
use portico_web::guard::Operator;
use portico_web::problem::Problem;
use portico_web::reply::{Json, List};
use serde::Deserialize;
use utoipa::ToSchema;

/// How to rotate.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"active_in_seconds": 120}))]
pub(crate) struct RotateSigningKeys {
    /// How long the new key is published before it signs, in seconds: 5 to 86400; absent: 120, which is
    /// longer than outside verifiers keep the key set.
    #[schema(minimum = 5, maximum = 86400, default = 120)]
    active_in_seconds: Option<u32>,
    /// For a key that leaked: the new key signs at once, and every token that any other key signed is
    /// refused at once. Not together with `active_in_seconds`.
    #[serde(default)]
    #[schema(default = false)]
    revoke_others: bool,
}

/// Lists the keys that sign tokens, oldest first.
#[utoipa::path(get, path = "/api/v1/signing-keys", tag = "signing-keys", operation_id = "list_signing_keys",
    responses((status = 200, body = List<SigningKey>, description = "The keys, on one page.")))]
pub(crate) async fn list(
    operator: Operator<perm::SigningKeysRead>,
    app: Data<App>,
) -> Result<Json<List<SigningKey>>, Problem> {
    Ok(Json(List { data: app.list_signing_keys(operator.scope()).await?, next_cursor: None }))
}

/// Makes the next key that signs tokens.
///
/// The present key is accepted until its last token has expired. A key that waits to sign already is
/// answered instead of making another one. With `revoke_others` the new key signs at once and all others
/// are refused at once, and with them every token that lives. Keys are rotated without being asked after 30 days.
#[utoipa::path(post, path = "/api/v1/signing-keys/rotate", tag = "signing-keys", operation_id = "rotate_signing_keys",
    request_body = RotateSigningKeys,
    responses((status = 200, body = SigningKey, description = "The key that signs next.")))]
pub(crate) async fn rotate(
    operator: Operator<perm::SigningKeysWrite>,
    Body(body): Body<RotateSigningKeys>,
    app: Data<App>,
) -> Result<Json<SigningKey>, Problem> {
    Ok(Json(app.rotate_signing_keys(operator.scope(), body.active_in_seconds, body.revoke_others).await?))
}
