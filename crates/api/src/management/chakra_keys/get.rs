//! `GET /api/v1/chakra-keys/{id}`.

use actix_web::web::Data;
use portico_app::App;
use portico_domain::permission::perm;
use portico_domain::{ChakraKey, ChakraKeyId};
use portico_web::extract::Segment;
use portico_web::guard::Caller;
use portico_web::problem::Problem;
use portico_web::reply::Json;

/// Reads a Chakra key, without its token.
#[utoipa::path(get, path = "/api/v1/chakra-keys/{id}", tag = "chakra-keys", operation_id = "get_chakra_key",
    params(("id" = ChakraKeyId, Path, description = "The key.")),
    responses((status = 200, body = ChakraKey, description = "The key.")))]
pub(crate) async fn handler(
    caller: Caller<perm::ChakraKeysRead>,
    Segment(id): Segment<ChakraKeyId>,
    app: Data<App>,
) -> Result<Json<ChakraKey>, Problem> {
    Ok(Json(app.chakra_keys().get(caller.scope(), id).await?))
}
