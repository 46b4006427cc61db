//! `GET /api/v1/api-keys/{id}`.

use actix_web::web::Data;
use portico_app::App;
use portico_domain::permission::perm;
use portico_domain::{ApiKey, ApiKeyId};
use portico_web::extract::Segment;
use portico_web::guard::Caller;
use portico_web::problem::Problem;
use portico_web::reply::Json;

/// Reads an API key, without its secret.
#[utoipa::path(get, path = "/api/v1/api-keys/{id}", tag = "api-keys", operation_id = "get_api_key",
    params(("id" = ApiKeyId, Path, description = "The key.")),
    responses((status = 200, body = ApiKey, description = "The key.")))]
pub(crate) async fn handler(
    caller: Caller<perm::ApiKeysRead>,
    Segment(id): Segment<ApiKeyId>,
    app: Data<App>,
) -> Result<Json<ApiKey>, Problem> {
    Ok(Json(app.api_keys().get(caller.scope(), id).await?))
}
