//! `POST /api/v1/api-keys`.

use actix_web::web::Data;
use ipnet::IpNet;
use portico_app::App;
use portico_domain::permission::perm;
use portico_domain::{CustomerId, Description, Name, PhoneNumberId, RateLimit, RoleName};
use portico_identity::CreateApiKey;
use portico_web::extract::{Body, Timestamp};
use portico_web::guard::Caller;
use portico_web::problem::Problem;
use portico_web::reply::Created;
use serde::Deserialize;
use time::OffsetDateTime;
use utoipa::ToSchema;

use super::IssuedApiKey;
use crate::management::values::AddressRange;

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
    expires_at: Option<Timestamp>,
}

/// Creates an API key. Its secret is shown this once.
#[utoipa::path(post, path = "/api/v1/api-keys", tag = "api-keys", operation_id = "create_api_key",
    request_body = CreateApiKeyBody,
    responses(
        (status = 201, body = IssuedApiKey, description = "The new key and its secret."),
    ))]
pub(crate) async fn handler(
    caller: Caller<perm::ApiKeysWrite>,
    Body(body): Body<CreateApiKeyBody>,
    app: Data<App>,
) -> Result<Created<IssuedApiKey>, Problem> {
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
    let created = app.api_keys().create(caller.scope(), new).await?;
    Ok(Created(IssuedApiKey { key: created.key, secret: created.secret }))
}
