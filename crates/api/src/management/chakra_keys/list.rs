//! `GET /api/v1/chakra-keys`.

use actix_web::web::Data;
use portico_app::App;
use portico_domain::permission::perm;
use portico_domain::{ChakraKey, ChakraKeyId};
use portico_web::extract::{PageQuery, Query};
use portico_web::guard::Caller;
use portico_web::problem::Problem;
use portico_web::reply::{Json, List};

/// Lists Chakra keys, without their tokens.
#[utoipa::path(get, path = "/api/v1/chakra-keys", tag = "chakra-keys", operation_id = "list_chakra_keys",
    params(PageQuery<ChakraKeyId>), responses((status = 200, body = List<ChakraKey>, description = "Keys.")))]
pub(crate) async fn handler(
    caller: Caller<perm::ChakraKeysRead>,
    Query(query): Query<PageQuery<ChakraKeyId>>,
    app: Data<App>,
) -> Result<Json<List<ChakraKey>>, Problem> {
    Ok(app.chakra_keys().list(caller.scope(), query.into()).await?.into())
}
