//! `GET /api/v1/api-keys/{id}/old-secret-uses`.

use actix_web::web::Data;
use portico_app::App;
use portico_domain::permission::perm;
use portico_domain::{ApiKeyId, OldSecretUse};
use portico_web::extract::{PageQuery, Query, Segment};
use portico_web::guard::Caller;
use portico_web::problem::Problem;
use portico_web::reply::{Json, List};
use uuid::Uuid;

/// Lists who still uses secrets of an API key that rotations replaced, in the order in which they were first seen.
#[utoipa::path(get, path = "/api/v1/api-keys/{id}/old-secret-uses", tag = "api-keys", operation_id = "list_old_secret_uses",
    params(("id" = ApiKeyId, Path, description = "The key."), PageQuery<Uuid>),
    responses((status = 200, body = List<OldSecretUse>, description = "Addresses and operations.")))]
pub(crate) async fn handler(
    caller: Caller<perm::ApiKeysRead>,
    Segment(id): Segment<ApiKeyId>,
    Query(query): Query<PageQuery<Uuid>>,
    app: Data<App>,
) -> Result<Json<List<OldSecretUse>>, Problem> {
    Ok(app.api_keys().old_secret_uses(caller.scope(), id, query.into()).await?.into())
}
