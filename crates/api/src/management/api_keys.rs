//! API keys.

use actix_web::web::Data;
use ipnet::IpNet;
use portico_app::{App, CreateApiKey, PatchApiKey};
use portico_domain::permission::perm;
use portico_domain::{ApiKey, ApiKeyId, CustomerId, Description, Name, PhoneNumberId, RoleName};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize, Serializer};
use time::OffsetDateTime;
use utoipa::ToSchema;

use super::values::{AddressRange, Instant};
use crate::extract::{Body, PageQuery, Query, Segment, given, nullable};
use crate::guard::Caller;
use crate::problem::Problem;
use crate::reply::{Created, Json, List, NoContent};

/// A key to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "Order service", "role": "messaging"}))]
pub(crate) struct CreateApiKeyBody {
    /// Its name.
    name: Name,
    /// What it is for.
    description: Option<Description>,
    /// The name of its role, built in or the tenant's own.
    role: RoleName,
    /// Only these customers; absent: all.
    customers: Option<Vec<CustomerId>>,
    /// Only these phone numbers; absent: all of those customers.
    phone_numbers: Option<Vec<PhoneNumberId>>,
    /// Only from these addresses or ranges; absent: from anywhere.
    allowed_ips: Option<Vec<AddressRange>>,
    /// Not from this moment on; absent: for ever.
    expires_at: Option<Instant>,
}

/// What changes of a key; absent fields stay as they are.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "Order service", "expires_at": null}))]
pub(crate) struct PatchApiKeyBody {
    /// Another name.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    name: Option<Name>,
    /// What it is for; null clears it.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<Description>)]
    description: Option<Option<Description>>,
    /// Another role.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    role: Option<RoleName>,
    /// Not from this moment on; null: for ever.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<Instant>)]
    expires_at: Option<Option<Instant>>,
}

/// A new key, with the secret that is shown this once.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NewApiKey {
    /// The key.
    #[serde(flatten)]
    key: ApiKey,
    /// What callers send as `Authorization: Bearer …`. Nobody can read it again.
    #[serde(serialize_with = "reveal")]
    #[schema(value_type = String, example = "ptc_live_4kT9aZ3mQx7LwPf2RbNc8VhYs5DgJt6E_1a2b3c")]
    secret: SecretString,
}

fn reveal<S: Serializer>(secret: &SecretString, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(secret.expose_secret())
}

/// Creates an API key. Its secret is shown this once.
#[utoipa::path(post, path = "/api/v1/api-keys", tag = "api-keys", operation_id = "create_api_key",
    request_body = CreateApiKeyBody,
    responses(
        (status = 201, body = NewApiKey, description = "The new key and its secret."),
    ))]
pub(crate) async fn create(
    caller: Caller<perm::ApiKeysWrite>,
    Body(body): Body<CreateApiKeyBody>,
    app: Data<App>,
) -> Result<Created<NewApiKey>, Problem> {
    let new = CreateApiKey {
        name: body.name,
        description: body.description,
        role: body.role,
        customers: body.customers,
        phone_numbers: body.phone_numbers,
        allowed_ips: body.allowed_ips.map(|ranges| ranges.into_iter().map(IpNet::from).collect()),
        expires_at: body.expires_at.map(OffsetDateTime::from),
    };
    let created = app.create_api_key(caller.scope(), new).await?;
    Ok(Created(NewApiKey { key: created.key, secret: created.secret }))
}

/// Lists API keys, revoked ones included.
#[utoipa::path(get, path = "/api/v1/api-keys", tag = "api-keys", operation_id = "list_api_keys",
    params(PageQuery<ApiKeyId>), responses((status = 200, body = List<ApiKey>, description = "Keys.")))]
pub(crate) async fn list(
    caller: Caller<perm::ApiKeysRead>,
    Query(query): Query<PageQuery<ApiKeyId>>,
    app: Data<App>,
) -> Result<Json<List<ApiKey>>, Problem> {
    Ok(app.api_keys(caller.scope(), query.into()).await?.into())
}

/// Reads an API key, without its secret.
#[utoipa::path(get, path = "/api/v1/api-keys/{id}", tag = "api-keys", operation_id = "get_api_key",
    params(("id" = ApiKeyId, Path, description = "The key.")),
    responses((status = 200, body = ApiKey, description = "The key.")))]
pub(crate) async fn get(
    caller: Caller<perm::ApiKeysRead>,
    Segment(id): Segment<ApiKeyId>,
    app: Data<App>,
) -> Result<Json<ApiKey>, Problem> {
    Ok(Json(app.api_key(caller.scope(), id).await?))
}

/// Changes an API key; calls feel it at once.
#[utoipa::path(patch, path = "/api/v1/api-keys/{id}", tag = "api-keys", operation_id = "change_api_key",
    params(("id" = ApiKeyId, Path, description = "The key.")), request_body = PatchApiKeyBody,
    responses(
        (status = 200, body = ApiKey, description = "The key as it is now."),
    ))]
pub(crate) async fn patch(
    caller: Caller<perm::ApiKeysWrite>,
    Segment(id): Segment<ApiKeyId>,
    Body(body): Body<PatchApiKeyBody>,
    app: Data<App>,
) -> Result<Json<ApiKey>, Problem> {
    let patch = PatchApiKey {
        name: body.name,
        description: body.description,
        role: body.role,
        expires_at: body.expires_at.map(|at| at.map(OffsetDateTime::from)),
    };
    Ok(Json(app.patch_api_key(caller.scope(), id, patch).await?))
}

/// Revokes an API key; calls are refused at once.
#[utoipa::path(delete, path = "/api/v1/api-keys/{id}", tag = "api-keys", operation_id = "revoke_api_key",
    params(("id" = ApiKeyId, Path, description = "The key.")),
    responses((status = 204, description = "It is revoked.")))]
pub(crate) async fn revoke(
    caller: Caller<perm::ApiKeysWrite>,
    Segment(id): Segment<ApiKeyId>,
    app: Data<App>,
) -> Result<NoContent, Problem> {
    app.revoke_api_key(caller.scope(), id).await?;
    Ok(NoContent)
}
