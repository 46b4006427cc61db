//! What Chakra signs events with, and what becomes of what is not signed rightly.

use actix_web::web::Data;
use portico_app::App;
use portico_domain::Overlap;
use portico_domain::permission::perm;
use portico_events::HookSigning;
use portico_web::extract::{Body, NoBody, Timestamp};
use portico_web::guard::Caller;
use portico_web::problem::Problem;
use portico_web::reply::Json;
use serde::Deserialize;
use utoipa::ToSchema;

use super::values::TeamSecret;

/// The secret of the Chakra team.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"secret": "the-team's-hmac-verification-secret", "overlap_seconds": 3600}))]
pub(crate) struct SetSecretBody {
    /// The HMAC verification secret, as it stands at Chakra under Admin, Team, Secrets. It is no access token.
    secret: TeamSecret,
    /// For how long the secret in force until now is still taken, in seconds, up to seven days; 0: not at all.
    #[serde(default)]
    overlap_seconds: Overlap,
}

/// Until when signatures are only looked at.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"until": "2030-01-31T12:00:00Z"}))]
pub(crate) struct LogOnlyBody {
    /// The moment: at most 24 hours from now.
    until: Timestamp,
}

/// Tells how what is posted to the tenant's hooks is judged.
#[utoipa::path(get, path = "/api/v1/webhook-secret", tag = "hooks", operation_id = "get_webhook_secret",
    responses((status = 200, body = HookSigning, description = "The secrets in force, without the secrets.")))]
pub(crate) async fn get(caller: Caller<perm::WebhooksRead>, app: Data<App>) -> Result<Json<HookSigning>, Problem> {
    Ok(Json(app.webhook_secrets().get(caller.scope()).await?))
}

/// Sets the secret that Chakra signs the events of the tenant's team with.
///
/// It is sealed, and nobody reads it back. Until the overlap is over, the one before is taken too; an older one ends at
/// once.
#[utoipa::path(put, path = "/api/v1/webhook-secret", tag = "hooks", operation_id = "set_webhook_secret",
    request_body = SetSecretBody, responses((status = 200, body = HookSigning, description = "It is in force.")))]
pub(crate) async fn set(
    caller: Caller<perm::WebhooksWrite>,
    Body(body): Body<SetSecretBody>,
    app: Data<App>,
) -> Result<Json<HookSigning>, Problem> {
    Ok(Json(app.webhook_secrets().set(caller.scope(), body.secret.into(), body.overlap_seconds).await?))
}

/// Has events taken that are not signed rightly, for a first day.
///
/// Each is marked, as its `signature` shows, and counted. Whoever knows the address of a hook can post events meanwhile.
#[utoipa::path(put, path = "/api/v1/webhook-secret/log-only", tag = "hooks", operation_id = "begin_log_only",
    request_body = LogOnlyBody, responses((status = 200, body = HookSigning, description = "As it is now.")))]
pub(crate) async fn begin_log_only(
    caller: Caller<perm::WebhooksWrite>,
    Body(body): Body<LogOnlyBody>,
    app: Data<App>,
) -> Result<Json<HookSigning>, Problem> {
    Ok(Json(app.webhook_secrets().set_log_only(caller.scope(), Some(body.until.into())).await?))
}

/// Has events refused that are not signed rightly.
#[utoipa::path(delete, path = "/api/v1/webhook-secret/log-only", tag = "hooks", operation_id = "end_log_only",
    responses((status = 200, body = HookSigning, description = "As it is now.")))]
pub(crate) async fn end_log_only(
    caller: Caller<perm::WebhooksWrite>,
    _: NoBody,
    app: Data<App>,
) -> Result<Json<HookSigning>, Problem> {
    Ok(Json(app.webhook_secrets().set_log_only(caller.scope(), None).await?))
}
