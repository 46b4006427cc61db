//! `POST /api/v1/chakra-keys/{id}/set-default`.

use actix_web::web::Data;
use portico_app::App;
use portico_domain::permission::perm;
use portico_domain::{ChakraKey, ChakraKeyId};
use portico_web::extract::{NoBody, Segment};
use portico_web::guard::Caller;
use portico_web::problem::Problem;
use portico_web::reply::Json;

/// Makes calls use this key.
#[utoipa::path(post, path = "/api/v1/chakra-keys/{id}/set-default", tag = "chakra-keys",
    operation_id = "set_default_chakra_key", params(("id" = ChakraKeyId, Path, description = "The key.")),
    responses((status = 200, body = ChakraKey, description = "The key as it is now.")))]
pub(crate) async fn handler(
    caller: Caller<perm::ChakraKeysWrite>,
    Segment(id): Segment<ChakraKeyId>,
    _: NoBody,
    app: Data<App>,
) -> Result<Json<ChakraKey>, Problem> {
    Ok(Json(app.chakra_keys().set_default(caller.scope(), id).await?))
}
