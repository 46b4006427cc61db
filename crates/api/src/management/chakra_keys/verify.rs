//! `POST /api/v1/chakra-keys/{id}/verify`.

use actix_web::web::Data;
use portico_app::App;
use portico_domain::permission::perm;
use portico_domain::{ChakraKey, ChakraKeyId};
use portico_web::extract::{NoBody, Segment};
use portico_web::guard::Caller;
use portico_web::problem::{Document, Problem};
use portico_web::reply::Json;

/// Asks Chakra whether it accepts the key, and notes the answer in `status`.
#[utoipa::path(post, path = "/api/v1/chakra-keys/{id}/verify", tag = "chakra-keys",
    operation_id = "verify_chakra_key", params(("id" = ChakraKeyId, Path, description = "The key.")),
    responses(
        (status = 200, body = ChakraKey, description = "The key; `status` says what Chakra said."),
        (status = 502, body = Document, content_type = "application/problem+json",
            description = "Chakra cannot be reached or understood."),
        (status = 504, body = Document, content_type = "application/problem+json",
            description = "Chakra did not answer in time."),
    ))]
pub(crate) async fn handler(
    caller: Caller<perm::ChakraKeysWrite>,
    Segment(id): Segment<ChakraKeyId>,
    _: NoBody,
    app: Data<App>,
) -> Result<Json<ChakraKey>, Problem> {
    Ok(Json(app.chakra_keys().verify(caller.scope(), id).await?))
}
