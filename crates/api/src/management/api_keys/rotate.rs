//! `POST /api/v1/api-keys/{id}/rotate`.

use actix_web::web::Data;
use portico_app::App;
use portico_domain::permission::perm;
use portico_domain::{ApiKeyId, Overlap};
use portico_web::extract::{Body, Segment};
use portico_web::guard::Caller;
use portico_web::problem::{Document, Problem};
use portico_web::reply::Created;
use serde::Deserialize;
use utoipa::ToSchema;

use super::IssuedApiKey;

/// A rotation.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"overlap_seconds": 3600}))]
pub(crate) struct RotateBody {
    /// For how long the present secret still opens, in seconds, up to seven days; 0: it is refused at once,
    /// and so is every earlier one that still opens.
    #[serde(default)]
    overlap_seconds: Overlap,
}

/// Gives an API key a new secret, which is shown this once.
///
/// The present one opens until the overlap is over, and who still uses it is reported meanwhile. Without an
/// overlap it is refused at once, and so is every earlier one that still opens. A key that may change keys may
/// rotate itself.
#[utoipa::path(post, path = "/api/v1/api-keys/{id}/rotate", tag = "api-keys", operation_id = "rotate_api_key",
    params(("id" = ApiKeyId, Path, description = "The key.")), request_body = RotateBody,
    responses(
        (status = 201, body = IssuedApiKey, description = "The key and its new secret."),
        (status = 409, body = Document, content_type = "application/problem+json",
            description = "It is revoked, or too many old secrets still open."),
    ))]
pub(crate) async fn handler(
    caller: Caller<perm::ApiKeysWrite>,
    Segment(id): Segment<ApiKeyId>,
    Body(body): Body<RotateBody>,
    app: Data<App>,
) -> Result<Created<IssuedApiKey>, Problem> {
    let rotated = app.api_keys().rotate(caller.scope(), id, body.overlap_seconds).await?;
    Ok(Created(IssuedApiKey { key: rotated.key, secret: rotated.secret }))
}
