//! `DELETE /api/v1/chakra-keys/{id}`.

use actix_web::web::Data;
use portico_app::App;
use portico_domain::ChakraKeyId;
use portico_domain::permission::perm;
use portico_web::extract::Segment;
use portico_web::guard::Caller;
use portico_web::problem::Problem;
use portico_web::reply::NoContent;

/// Deletes a Chakra key. Without a default key no call can be forwarded.
#[utoipa::path(delete, path = "/api/v1/chakra-keys/{id}", tag = "chakra-keys", operation_id = "delete_chakra_key",
    params(("id" = ChakraKeyId, Path, description = "The key.")),
    responses((status = 204, description = "It is gone.")))]
pub(crate) async fn handler(
    caller: Caller<perm::ChakraKeysWrite>,
    Segment(id): Segment<ChakraKeyId>,
    app: Data<App>,
) -> Result<NoContent, Problem> {
    app.chakra_keys().delete(caller.scope(), id).await?;
    Ok(NoContent)
}
