//! `GET /api/v1/api-keys`.

use actix_web::web::Data;
use portico_app::App;
use portico_domain::permission::perm;
use portico_domain::{ApiKey, ApiKeyStatus};
use portico_identity::{ApiKeyFilter, ApiKeyList};
use portico_web::extract::{Limit, Query, Timestamp};
use portico_web::guard::Caller;
use portico_web::problem::Problem;
use portico_web::reply::{Json, List};
use serde::Deserialize;
use time::OffsetDateTime;
use utoipa::{IntoParams, ToSchema};

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
    order: Order,
    /// Only keys that end before this moment.
    #[param(value_type = Option<Timestamp>)]
    expires_before: Option<Timestamp>,
    /// Only keys of this status.
    #[param(value_type = Option<ApiKeyStatus>)]
    status: Option<ApiKeyStatus>,
}

/// An order of keys.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Order {
    /// Oldest first.
    #[default]
    CreatedAt,
    /// Soonest end first.
    ExpiresAt,
}

/// Lists API keys, revoked ones included.
#[utoipa::path(get, path = "/api/v1/api-keys", tag = "api-keys", operation_id = "list_api_keys",
    params(ApiKeysQuery), responses((status = 200, body = List<ApiKey>, description = "Keys.")))]
pub(crate) async fn handler(
    caller: Caller<perm::ApiKeysRead>,
    Query(query): Query<ApiKeysQuery>,
    app: Data<App>,
) -> Result<Json<List<ApiKey>>, Problem> {
    let filter = ApiKeyFilter {
        only: None,
        status: query.status,
        expires_before: query.expires_before.map(OffsetDateTime::from),
        by_expiry: query.order == Order::ExpiresAt,
    };
    let list = ApiKeyList { limit: query.limit.rows(), cursor: query.cursor, filter };
    Ok(app.api_keys().list(caller.scope(), list).await?.into())
}
