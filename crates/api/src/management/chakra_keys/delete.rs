//! `DELETE /api/v1/chakra-keys/{id}`.

use actix_web::web::Data;
use portico_app::App;
use portico_domain::ChakraKeyId;
use portico_domain::permission::perm;
use portico_web::extract::{Flag, Query, Segment};
use portico_web::guard::Caller;
use portico_web::problem::Problem;
use portico_web::reply::NoContent;
use serde::Deserialize;
use utoipa::IntoParams;

/// What goes with the deletion.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct DeleteChakraKeyQuery {
    /// Whether the key goes although calls use it.
    #[serde(default)]
    #[param(value_type = Option<bool>, default = false)]
    force: Flag,
}

/// Deletes a Chakra key.
///
/// Without a default key no call can be forwarded. So the default is deleted only with `force=true` if other keys
/// are stored or calls used it in the last 24 hours.
#[utoipa::path(delete, path = "/api/v1/chakra-keys/{id}", tag = "chakra-keys", operation_id = "delete_chakra_key",
    params(("id" = ChakraKeyId, Path, description = "The key."), DeleteChakraKeyQuery),
    responses((status = 204, description = "It is gone.")))]
pub(crate) async fn handler(
    caller: Caller<perm::ChakraKeysWrite>,
    Segment(id): Segment<ChakraKeyId>,
    Query(query): Query<DeleteChakraKeyQuery>,
    app: Data<App>,
) -> Result<NoContent, Problem> {
    app.chakra_keys().delete(caller.scope(), id, query.force.is_set()).await?;
    Ok(NoContent)
}
