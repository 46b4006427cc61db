//! `PATCH /api/v1/chakra-keys/{id}`.

use actix_web::web::Data;
use portico_app::App;
use portico_connections::PatchChakraKey;
use portico_domain::permission::perm;
use portico_domain::{ChakraKey, ChakraKeyId, Description, Name};
use portico_web::extract::{Body, Patch, Segment, given};
use portico_web::guard::Caller;
use portico_web::problem::{Document, Problem};
use portico_web::reply::Json;
use serde::Deserialize;
use utoipa::ToSchema;

/// What changes of a Chakra key; absent fields stay as they are.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "Main team"}))]
pub(crate) struct PatchChakraKeyBody {
    /// Another name.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    name: Option<Name>,
    /// What it is for; null clears it.
    #[serde(default)]
    #[schema(value_type = Option<Description>)]
    description: Patch<Description>,
}

/// Renames a Chakra key or describes it anew.
#[utoipa::path(patch, path = "/api/v1/chakra-keys/{id}", tag = "chakra-keys", operation_id = "change_chakra_key",
    params(("id" = ChakraKeyId, Path, description = "The key.")), request_body = PatchChakraKeyBody,
    responses(
        (status = 200, body = ChakraKey, description = "The key as it is now."),
        (status = 409, body = Document, content_type = "application/problem+json", description = "The name is taken."),
    ))]
pub(crate) async fn handler(
    caller: Caller<perm::ChakraKeysWrite>,
    Segment(id): Segment<ChakraKeyId>,
    Body(PatchChakraKeyBody { name, description }): Body<PatchChakraKeyBody>,
    app: Data<App>,
) -> Result<Json<ChakraKey>, Problem> {
    Ok(Json(
        app.chakra_keys().patch(caller.scope(), id, PatchChakraKey { name, description: description.into() }).await?,
    ))
}
