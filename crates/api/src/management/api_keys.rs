//! API keys.

use actix_web::web::Data;
use ipnet::IpNet;
use portico_app::{ApiKeyFilter, ApiKeyList, App, CreateApiKey, PatchApiKey};
use portico_domain::permission::perm;
use portico_domain::{
    ApiKey, ApiKeyId, ApiKeyStatus, CustomerId, Description, Name, OldSecretUse, Overlap, PhoneNumberId, RateLimit,
    RoleName,
};
use portico_web::extract::{Body, Limit, PageQuery, Query, Segment, given, nullable};
use portico_web::guard::Caller;
use portico_web::problem::{Document, Problem};
use portico_web::reply::{Created, Json, List, NoContent};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize, Serializer};
use time::OffsetDateTime;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::values::{AddressRange, Instant};

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
    /// At most so many requests per second, on both surfaces; absent: no limit of its own.
    rate_limit: Option<RateLimit>,
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
    /// Other customers; null: all.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<Vec<CustomerId>>)]
    customers: Option<Option<Vec<CustomerId>>>,
    /// Other phone numbers; null: all of the key's customers. Without `customers` beside it, the key is
    /// limited to the customers of these numbers.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<Vec<PhoneNumberId>>)]
    phone_numbers: Option<Option<Vec<PhoneNumberId>>>,
    /// Other addresses or ranges; null: from anywhere.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<Vec<AddressRange>>)]
    allowed_ips: Option<Option<Vec<AddressRange>>>,
    /// Another number of requests per second; null: no limit of its own.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<RateLimit>)]
    rate_limit: Option<Option<RateLimit>>,
    /// Not from this moment on; null: for ever.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<Instant>)]
    expires_at: Option<Option<Instant>>,
}

/// A rotation.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"overlap_seconds": 3600}))]
pub(crate) struct RotateBody {
    /// For how long the present secret still opens, in seconds, up to seven days; 0: it is refused at once,
    /// and so is every earlier one that still opens.
    #[serde(default)]
    overlap_seconds: Overlap,
}

/// Which keys, and in which order.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ApiKeysQuery {
    /// How many rows at most.
    #[serde(default)]
    #[param(value_type = Option<u16>, minimum = 1, maximum = 200, default = 50, example = 50)]
    limit: Limit,
    /// The `next_cursor` of the part before, in the same order; absent: the first part.
    cursor: Option<String>,
    /// `created_at`: oldest first. `expires_at`: soonest end first, keys without one last.
    #[serde(default)]
    #[param(inline, value_type = Option<Order>)]
    order: OrderBy,
    /// Only keys that end before this moment.
    #[param(value_type = Option<Instant>)]
    expires_before: Option<Instant>,
    /// Only keys of this status.
    #[param(value_type = Option<ApiKeyStatus>)]
    status: Option<WithStatus>,
}

/// An order of keys.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ToSchema)]
#[schema(rename_all = "snake_case")]
enum Order {
    /// Oldest first.
    #[default]
    CreatedAt,
    /// Soonest end first.
    ExpiresAt,
}

/// An [`Order`] as a parameter.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(try_from = "String")]
struct OrderBy(Order);

impl TryFrom<String> for OrderBy {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        match text.as_str() {
            "created_at" => Ok(Self(Order::CreatedAt)),
            "expires_at" => Ok(Self(Order::ExpiresAt)),
            _ => Err("must be created_at or expires_at"),
        }
    }
}

/// An [`ApiKeyStatus`] as a parameter.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(try_from = "String")]
struct WithStatus(ApiKeyStatus);

impl TryFrom<String> for WithStatus {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse().map(Self).map_err(|_| "must be active, expired or revoked")
    }
}

/// A key with its new secret, which is shown this once.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NewApiKey {
    /// The key.
    #[serde(flatten)]
    key: ApiKey,
    /// What callers send as `Authorization: Bearer …`. Nobody can read it again.
    #[serde(serialize_with = "reveal")]
    #[schema(value_type = String, pattern = "^ptc_[a-z]{2,8}_[0-9A-Za-z]{32}_[0-9A-Za-z]{6}$",
        example = "ptc_live_0aB1cD2eF3gH4iJ5kL6mN7oP8qR9sT0v_0HGDh0")]
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
        rate_limit: body.rate_limit,
        expires_at: body.expires_at.map(OffsetDateTime::from),
    };
    let created = app.create_api_key(caller.scope(), new).await?;
    Ok(Created(NewApiKey { key: created.key, secret: created.secret }))
}

/// Lists API keys, revoked ones included.
#[utoipa::path(get, path = "/api/v1/api-keys", tag = "api-keys", operation_id = "list_api_keys",
    params(ApiKeysQuery), responses((status = 200, body = List<ApiKey>, description = "Keys.")))]
pub(crate) async fn list(
    caller: Caller<perm::ApiKeysRead>,
    Query(query): Query<ApiKeysQuery>,
    app: Data<App>,
) -> Result<Json<List<ApiKey>>, Problem> {
    let filter = ApiKeyFilter {
        only: None,
        status: query.status.map(|status| status.0),
        expires_before: query.expires_before.map(OffsetDateTime::from),
        by_expiry: query.order.0 == Order::ExpiresAt,
    };
    let list = ApiKeyList { limit: query.limit.rows(), cursor: query.cursor, filter };
    Ok(app.api_keys(caller.scope(), list).await?.into())
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
        (status = 409, body = Document, content_type = "application/problem+json",
            description = "It would leave the tenant without an owner."),
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
        customers: body.customers,
        phone_numbers: body.phone_numbers,
        allowed_ips: body.allowed_ips.map(|all| all.map(|ranges| ranges.into_iter().map(IpNet::from).collect())),
        rate_limit: body.rate_limit,
        expires_at: body.expires_at.map(|at| at.map(OffsetDateTime::from)),
    };
    Ok(Json(app.patch_api_key(caller.scope(), id, patch).await?))
}

/// Revokes an API key; calls are refused at once.
#[utoipa::path(delete, path = "/api/v1/api-keys/{id}", tag = "api-keys", operation_id = "revoke_api_key",
    params(("id" = ApiKeyId, Path, description = "The key.")),
    responses(
        (status = 204, description = "It is revoked."),
        (status = 409, body = Document, content_type = "application/problem+json",
            description = "It would leave the tenant without an owner."),
    ))]
pub(crate) async fn revoke(
    caller: Caller<perm::ApiKeysWrite>,
    Segment(id): Segment<ApiKeyId>,
    app: Data<App>,
) -> Result<NoContent, Problem> {
    app.revoke_api_key(caller.scope(), id).await?;
    Ok(NoContent)
}

/// Gives an API key a new secret, which is shown this once.
///
/// The present one opens until the overlap is over, and who still uses it is reported meanwhile. Without an
/// overlap it is refused at once, and so is every earlier one that still opens. A key that may change keys may
/// rotate itself.
#[utoipa::path(post, path = "/api/v1/api-keys/{id}/rotate", tag = "api-keys", operation_id = "rotate_api_key",
    params(("id" = ApiKeyId, Path, description = "The key.")), request_body = RotateBody,
    responses(
        (status = 201, body = NewApiKey, description = "The key and its new secret."),
        (status = 409, body = Document, content_type = "application/problem+json",
            description = "It is revoked, or too many old secrets still open."),
    ))]
pub(crate) async fn rotate(
    caller: Caller<perm::ApiKeysWrite>,
    Segment(id): Segment<ApiKeyId>,
    Body(body): Body<RotateBody>,
    app: Data<App>,
) -> Result<Created<NewApiKey>, Problem> {
    let rotated = app.rotate_api_key(caller.scope(), id, body.overlap_seconds).await?;
    Ok(Created(NewApiKey { key: rotated.key, secret: rotated.secret }))
}

/// Lists who still uses secrets of an API key that rotations replaced, in the order in which they were first seen.
#[utoipa::path(get, path = "/api/v1/api-keys/{id}/old-secret-uses", tag = "api-keys", operation_id = "list_old_secret_uses",
    params(("id" = ApiKeyId, Path, description = "The key."), PageQuery<Uuid>),
    responses((status = 200, body = List<OldSecretUse>, description = "Addresses and operations.")))]
pub(crate) async fn old_secret_uses(
    caller: Caller<perm::ApiKeysRead>,
    Segment(id): Segment<ApiKeyId>,
    Query(query): Query<PageQuery<Uuid>>,
    app: Data<App>,
) -> Result<Json<List<OldSecretUse>>, Problem> {
    Ok(app.old_secret_uses(caller.scope(), id, query.into()).await?.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_says_of_secrets_what_scanners_look_for() {
        let schema = serde_json::to_value(<NewApiKey as utoipa::PartialSchema>::schema()).expect("is JSON");
        let text = schema.to_string();
        assert!(text.contains(&format!("\"^{}$\"", portico_app::API_KEY_PATTERN)), "{text}");
    }
}
