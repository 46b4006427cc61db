//! `POST /api/v1/chakra-keys/{id}/replace`.

use actix_web::web::Data;
use portico_app::App;
use portico_domain::permission::perm;
use portico_domain::{ChakraKey, ChakraKeyId};
use portico_web::extract::{Body, Segment};
use portico_web::guard::Caller;
use portico_web::problem::{Document, Problem};
use portico_web::reply::Json;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::management::values::AccessToken;

/// Another access token.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"access_token": "another-access-token-from-chakra"}))]
pub(crate) struct ReplaceChakraKey {
    /// The access token that takes the place of the stored one.
    access_token: AccessToken,
}

/// Puts another access token in the place of the stored one; calls use it at once.
///
/// Chakra is asked about it first. When it refuses the token, or cannot be asked, the stored one stays.
#[utoipa::path(post, path = "/api/v1/chakra-keys/{id}/replace", tag = "chakra-keys",
    operation_id = "replace_chakra_key", params(("id" = ChakraKeyId, Path, description = "The key.")),
    request_body = ReplaceChakraKey,
    responses(
        (status = 200, body = ChakraKey, description = "The key as it is now."),
        (status = 409, body = Document, content_type = "application/problem+json",
            description = "The token is stored already, or its Chakra team is in use."),
        (status = 502, body = Document, content_type = "application/problem+json",
            description = "Chakra cannot be reached or understood; nothing is stored."),
        (status = 504, body = Document, content_type = "application/problem+json",
            description = "Chakra did not answer in time; nothing is stored."),
    ))]
pub(crate) async fn handler(
    caller: Caller<perm::ChakraKeysWrite>,
    Segment(id): Segment<ChakraKeyId>,
    Body(body): Body<ReplaceChakraKey>,
    app: Data<App>,
) -> Result<Json<ChakraKey>, Problem> {
    Ok(Json(app.chakra_keys().replace(caller.scope(), id, body.access_token.into()).await?))
}
