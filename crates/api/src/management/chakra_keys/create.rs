//! `POST /api/v1/chakra-keys`.

use actix_web::web::Data;
use portico_app::App;
use portico_connections::StoreChakraKey;
use portico_domain::permission::perm;
use portico_domain::{ChakraKey, Description, Name};
use portico_web::extract::Body;
use portico_web::guard::Caller;
use portico_web::problem::{Document, Problem};
use portico_web::reply::Created;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::management::values::AccessToken;

/// A Chakra key to store.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "Main team", "access_token": "an-access-token-from-chakra", "is_default": true}))]
pub(crate) struct CreateChakraKey {
    /// Its name, unique within the tenant.
    name: Name,
    /// What it is for.
    description: Option<Description>,
    /// The access token. It is sealed, and nobody reads it back.
    access_token: AccessToken,
    /// Whether calls use it from now on.
    #[serde(default)]
    #[schema(default = false)]
    is_default: bool,
}

/// Stores an access token that Chakra issued.
///
/// Chakra is asked about it first. When it refuses the token, or cannot be asked, nothing is stored.
#[utoipa::path(post, path = "/api/v1/chakra-keys", tag = "chakra-keys", operation_id = "store_chakra_key",
    request_body = CreateChakraKey,
    responses(
        (status = 201, body = ChakraKey, description = "The stored key, without the token."),
        (status = 409, body = Document, content_type = "application/problem+json",
            description = "The name is taken, the token is stored already, or its Chakra team is in use."),
        (status = 502, body = Document, content_type = "application/problem+json",
            description = "Chakra cannot be reached or understood; nothing is stored."),
        (status = 504, body = Document, content_type = "application/problem+json",
            description = "Chakra did not answer in time; nothing is stored."),
    ))]
pub(crate) async fn handler(
    caller: Caller<perm::ChakraKeysWrite>,
    Body(body): Body<CreateChakraKey>,
    app: Data<App>,
) -> Result<Created<ChakraKey>, Problem> {
    let new = StoreChakraKey {
        name: body.name,
        description: body.description,
        access_token: body.access_token.into(),
        is_default: body.is_default,
    };
    Ok(Created(app.chakra_keys().create(caller.scope(), new).await?))
}
