//! `PATCH /api/v1/api-keys/{id}`.

use actix_web::web::Data;
use ipnet::IpNet;
use portico_app::App;
use portico_domain::permission::perm;
use portico_domain::{ApiKey, ApiKeyId, CustomerId, Description, Name, PhoneNumberId, RateLimit, RoleName};
use portico_identity::PatchApiKey;
use portico_web::extract::{Body, Patch, Segment, Timestamp, given};
use portico_web::guard::Caller;
use portico_web::problem::{Document, Problem};
use portico_web::reply::Json;
use serde::Deserialize;
use time::OffsetDateTime;
use utoipa::ToSchema;

use crate::management::values::AddressRange;

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
    #[serde(default)]
    #[schema(value_type = Option<Description>)]
    description: Patch<Description>,
    /// Another role.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    role: Option<RoleName>,
    /// Other customers; null: all.
    #[serde(default)]
    #[schema(value_type = Option<Vec<CustomerId>>)]
    customers: Patch<Vec<CustomerId>>,
    /// Other phone numbers; null: all of the key's customers. Without `customers` beside it, the key is
    /// limited to the customers of these numbers.
    #[serde(default)]
    #[schema(value_type = Option<Vec<PhoneNumberId>>)]
    phone_numbers: Patch<Vec<PhoneNumberId>>,
    /// Other addresses or ranges; null: from anywhere.
    #[serde(default)]
    #[schema(value_type = Option<Vec<AddressRange>>)]
    allowed_ips: Patch<Vec<AddressRange>>,
    /// Another number of requests per second; null: no limit of its own.
    #[serde(default)]
    #[schema(value_type = Option<RateLimit>)]
    rate_limit: Patch<RateLimit>,
    /// Not from this moment on; null: for ever.
    #[serde(default)]
    #[schema(value_type = Option<Timestamp>)]
    expires_at: Patch<Timestamp>,
}

/// Changes an API key; calls feel it at once.
#[utoipa::path(patch, path = "/api/v1/api-keys/{id}", tag = "api-keys", operation_id = "change_api_key",
    params(("id" = ApiKeyId, Path, description = "The key.")), request_body = PatchApiKeyBody,
    responses(
        (status = 200, body = ApiKey, description = "The key as it is now."),
        (status = 409, body = Document, content_type = "application/problem+json",
            description = "It would leave the tenant without an owner."),
    ))]
pub(crate) async fn handler(
    caller: Caller<perm::ApiKeysWrite>,
    Segment(id): Segment<ApiKeyId>,
    Body(body): Body<PatchApiKeyBody>,
    app: Data<App>,
) -> Result<Json<ApiKey>, Problem> {
    let patch = PatchApiKey {
        name: body.name,
        description: body.description.into(),
        role: body.role,
        customers: body.customers.into(),
        phone_numbers: body.phone_numbers.into(),
        allowed_ips: body.allowed_ips.map(|ranges| ranges.into_iter().map(IpNet::from).collect()).into(),
        rate_limit: body.rate_limit.into(),
        expires_at: body.expires_at.map(OffsetDateTime::from).into(),
    };
    Ok(Json(app.api_keys().patch(caller.scope(), id, patch).await?))
}
