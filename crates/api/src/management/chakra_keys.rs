//! Chakra keys: write-only.

use actix_web::web::Data;
use portico_app::{App, PatchChakraKey, StoreChakraKey};
use portico_domain::permission::perm;
use portico_domain::{ChakraKey, ChakraKeyId, ChakraKeyUse, Description, KeyUsePlace, Name};
use portico_web::extract::{Body, NoBody, PageQuery, Query, Segment, given, nullable};
use portico_web::guard::Caller;
use portico_web::problem::{Document, Problem};
use portico_web::reply::{Created, Json, List, NoContent};
use serde::Deserialize;
use utoipa::ToSchema;

use super::values::AccessToken;

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
    #[schema(write_only)]
    access_token: AccessToken,
    /// Whether calls use it from now on.
    #[serde(default)]
    #[schema(default = false)]
    is_default: bool,
}

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
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<Description>)]
    description: Option<Option<Description>>,
}

/// Another access token.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"access_token": "another-access-token-from-chakra"}))]
pub(crate) struct ReplaceChakraKey {
    /// The access token that takes the place of the stored one.
    #[schema(write_only)]
    access_token: AccessToken,
}

/// Stores an access token that Chakra issued.
#[utoipa::path(post, path = "/api/v1/chakra-keys", tag = "chakra-keys", operation_id = "store_chakra_key",
    request_body = CreateChakraKey,
    responses(
        (status = 201, body = ChakraKey, description = "The stored key, without the token."),
        (status = 409, body = Document, content_type = "application/problem+json",
            description = "The name is taken, or the token is stored already."),
    ))]
pub(crate) async fn create(
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
    Ok(Created(app.store_chakra_key(caller.scope(), new).await?))
}

/// Lists Chakra keys, without their tokens.
#[utoipa::path(get, path = "/api/v1/chakra-keys", tag = "chakra-keys", operation_id = "list_chakra_keys",
    params(PageQuery<ChakraKeyId>), responses((status = 200, body = List<ChakraKey>, description = "Keys.")))]
pub(crate) async fn list(
    caller: Caller<perm::ChakraKeysRead>,
    Query(query): Query<PageQuery<ChakraKeyId>>,
    app: Data<App>,
) -> Result<Json<List<ChakraKey>>, Problem> {
    Ok(app.chakra_keys(caller.scope(), query.into()).await?.into())
}

/// Reads a Chakra key, without its token.
#[utoipa::path(get, path = "/api/v1/chakra-keys/{id}", tag = "chakra-keys", operation_id = "get_chakra_key",
    params(("id" = ChakraKeyId, Path, description = "The key.")),
    responses((status = 200, body = ChakraKey, description = "The key.")))]
pub(crate) async fn get(
    caller: Caller<perm::ChakraKeysRead>,
    Segment(id): Segment<ChakraKeyId>,
    app: Data<App>,
) -> Result<Json<ChakraKey>, Problem> {
    Ok(Json(app.chakra_key(caller.scope(), id).await?))
}

/// Renames a Chakra key or describes it anew.
#[utoipa::path(patch, path = "/api/v1/chakra-keys/{id}", tag = "chakra-keys", operation_id = "change_chakra_key",
    params(("id" = ChakraKeyId, Path, description = "The key.")), request_body = PatchChakraKeyBody,
    responses(
        (status = 200, body = ChakraKey, description = "The key as it is now."),
        (status = 409, body = Document, content_type = "application/problem+json", description = "The name is taken."),
    ))]
pub(crate) async fn patch(
    caller: Caller<perm::ChakraKeysWrite>,
    Segment(id): Segment<ChakraKeyId>,
    Body(PatchChakraKeyBody { name, description }): Body<PatchChakraKeyBody>,
    app: Data<App>,
) -> Result<Json<ChakraKey>, Problem> {
    Ok(Json(app.patch_chakra_key(caller.scope(), id, PatchChakraKey { name, description }).await?))
}

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
pub(crate) async fn verify(
    caller: Caller<perm::ChakraKeysWrite>,
    Segment(id): Segment<ChakraKeyId>,
    _: NoBody,
    app: Data<App>,
) -> Result<Json<ChakraKey>, Problem> {
    Ok(Json(app.verify_chakra_key(caller.scope(), id).await?))
}

/// Puts another access token in the place of the stored one; calls use it at once.
#[utoipa::path(post, path = "/api/v1/chakra-keys/{id}/replace", tag = "chakra-keys",
    operation_id = "replace_chakra_key", params(("id" = ChakraKeyId, Path, description = "The key.")),
    request_body = ReplaceChakraKey,
    responses(
        (status = 200, body = ChakraKey, description = "The key as it is now."),
        (status = 409, body = Document, content_type = "application/problem+json",
            description = "The token is stored already."),
    ))]
pub(crate) async fn replace(
    caller: Caller<perm::ChakraKeysWrite>,
    Segment(id): Segment<ChakraKeyId>,
    Body(body): Body<ReplaceChakraKey>,
    app: Data<App>,
) -> Result<Json<ChakraKey>, Problem> {
    Ok(Json(app.replace_chakra_key(caller.scope(), id, body.access_token.into()).await?))
}

/// Makes calls use this key.
#[utoipa::path(post, path = "/api/v1/chakra-keys/{id}/set-default", tag = "chakra-keys",
    operation_id = "set_default_chakra_key", params(("id" = ChakraKeyId, Path, description = "The key.")),
    responses((status = 200, body = ChakraKey, description = "The key as it is now.")))]
pub(crate) async fn set_default(
    caller: Caller<perm::ChakraKeysWrite>,
    Segment(id): Segment<ChakraKeyId>,
    _: NoBody,
    app: Data<App>,
) -> Result<Json<ChakraKey>, Problem> {
    Ok(Json(app.set_default_chakra_key(caller.scope(), id).await?))
}

/// Lists who used a Chakra key, the latest days first.
///
/// A row for each caller and day: how often the key was opened, and how many calls to Chakra were made with
/// it. Written down four times a second: before an old key is revoked at Chakra, make another one the
/// default, wait for a second, and see that `last_at` of the old one stands still.
#[utoipa::path(get, path = "/api/v1/chakra-keys/{id}/uses", tag = "chakra-keys",
    operation_id = "list_chakra_key_uses",
    params(("id" = ChakraKeyId, Path, description = "The key."), PageQuery<KeyUsePlace>),
    responses((status = 200, body = List<ChakraKeyUse>, description = "Uses.")))]
pub(crate) async fn uses(
    caller: Caller<perm::ChakraKeysRead>,
    Segment(id): Segment<ChakraKeyId>,
    Query(query): Query<PageQuery<KeyUsePlace>>,
    app: Data<App>,
) -> Result<Json<List<ChakraKeyUse>>, Problem> {
    Ok(app.chakra_key_uses(caller.scope(), id, query.into()).await?.into())
}

/// Deletes a Chakra key. Without a default key no call can be forwarded.
#[utoipa::path(delete, path = "/api/v1/chakra-keys/{id}", tag = "chakra-keys", operation_id = "delete_chakra_key",
    params(("id" = ChakraKeyId, Path, description = "The key.")),
    responses((status = 204, description = "It is gone.")))]
pub(crate) async fn delete(
    caller: Caller<perm::ChakraKeysWrite>,
    Segment(id): Segment<ChakraKeyId>,
    app: Data<App>,
) -> Result<NoContent, Problem> {
    app.delete_chakra_key(caller.scope(), id).await?;
    Ok(NoContent)
}
