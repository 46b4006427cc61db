//! The log of proxied calls.

use actix_web::web::Data;
use portico_app::App;
use portico_domain::RequestEntry;
use portico_domain::permission::perm;
use portico_web::extract::{Limit, Query};
use portico_web::guard::Caller;
use portico_web::problem::Problem;
use portico_web::reply::{Json, List};
use serde::Deserialize;
use utoipa::IntoParams;

/// Which calls.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct RequestsQuery {
    /// How many rows at most.
    #[serde(default)]
    #[param(value_type = Option<u16>, minimum = 1, maximum = 200, default = 50, example = 50)]
    limit: Limit,
    /// The `next_cursor` of the part before; absent: the first part.
    cursor: Option<String>,
}

/// Lists proxied calls, newest first: metadata only.
#[utoipa::path(get, path = "/api/v1/requests", tag = "requests", operation_id = "list_requests",
    params(RequestsQuery), responses((status = 200, body = List<RequestEntry>, description = "Calls.")))]
pub(crate) async fn list(
    caller: Caller<perm::RequestsRead>,
    Query(query): Query<RequestsQuery>,
    app: Data<App>,
) -> Result<Json<List<RequestEntry>>, Problem> {
    Ok(app.requests(caller.scope(), query.limit.rows(), query.cursor.as_deref()).await?.into())
}
