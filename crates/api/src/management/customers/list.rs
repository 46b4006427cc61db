//! `GET /api/v1/customers`.

use actix_web::web::Data;
use portico_app::App;
use portico_domain::permission::perm;
use portico_domain::{Customer, CustomerId, ExternalId};
use portico_web::extract::{Cursor, Limit, Query, page};
use portico_web::guard::Caller;
use portico_web::problem::Problem;
use portico_web::reply::{Json, List};
use serde::Deserialize;
use utoipa::IntoParams;

/// Which customers.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct CustomersQuery {
    /// How many rows at most.
    #[serde(default)]
    #[param(value_type = Option<u16>, minimum = 1, maximum = 200, default = 50, example = 50)]
    limit: Limit,
    /// The `next_cursor` of the part before; absent: the first part.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor<CustomerId>>,
    /// Only the one with this id of the tenant's own.
    external_id: Option<ExternalId>,
}

/// Lists customers, oldest first.
#[utoipa::path(get, path = "/api/v1/customers", tag = "customers", operation_id = "list_customers",
    params(CustomersQuery), responses((status = 200, body = List<Customer>, description = "Customers.")))]
pub(crate) async fn handler(
    caller: Caller<perm::CustomersRead>,
    Query(query): Query<CustomersQuery>,
    app: Data<App>,
) -> Result<Json<List<Customer>>, Problem> {
    Ok(app.customers().list(caller.scope(), query.external_id, page(query.limit, query.cursor)).await?.into())
}
