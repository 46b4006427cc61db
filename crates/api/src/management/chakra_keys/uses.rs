//! `GET /api/v1/chakra-keys/{id}/uses`.

use actix_web::web::Data;
use portico_app::App;
use portico_domain::permission::perm;
use portico_domain::{ChakraKeyId, ChakraKeyUse, KeyUseCursor};
use portico_web::extract::{PageQuery, Query, Segment};
use portico_web::guard::Caller;
use portico_web::problem::Problem;
use portico_web::reply::{Json, List};

/// Lists who used a Chakra key, the latest days first.
///
/// A row for each caller and day: how often the key was opened, and how many calls to Chakra were made with
/// it. Written down four times a second: before an old key is revoked at Chakra, make another one the
/// default, wait for a second, and see that `last_at` of the old one stands still.
#[utoipa::path(get, path = "/api/v1/chakra-keys/{id}/uses", tag = "chakra-keys",
    operation_id = "list_chakra_key_uses",
    params(("id" = ChakraKeyId, Path, description = "The key."), PageQuery<KeyUseCursor>),
    responses((status = 200, body = List<ChakraKeyUse>, description = "Uses.")))]
pub(crate) async fn handler(
    caller: Caller<perm::ChakraKeysRead>,
    Segment(id): Segment<ChakraKeyId>,
    Query(query): Query<PageQuery<KeyUseCursor>>,
    app: Data<App>,
) -> Result<Json<List<ChakraKeyUse>>, Problem> {
    Ok(app.chakra_keys().uses(caller.scope(), id, query.into()).await?.into())
}
