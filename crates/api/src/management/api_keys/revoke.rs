//! `DELETE /api/v1/api-keys/{id}`.

use actix_web::web::Data;
use portico_app::App;
use portico_domain::ApiKeyId;
use portico_domain::permission::perm;
use portico_web::extract::Segment;
use portico_web::guard::Caller;
use portico_web::problem::{Document, Problem};
use portico_web::reply::NoContent;

/// Revokes an API key; calls are refused at once.
#[utoipa::path(delete, path = "/api/v1/api-keys/{id}", tag = "api-keys", operation_id = "revoke_api_key",
    params(("id" = ApiKeyId, Path, description = "The key.")),
    responses(
        (status = 204, description = "It is revoked."),
        (status = 409, body = Document, content_type = "application/problem+json",
            description = "It would leave the tenant without an owner."),
    ))]
pub(crate) async fn handler(
    caller: Caller<perm::ApiKeysWrite>,
    Segment(id): Segment<ApiKeyId>,
    app: Data<App>,
) -> Result<NoContent, Problem> {
    app.api_keys().revoke(caller.scope(), id).await?;
    Ok(NoContent)
}
