//! `GET /api/v1/customers/{id}`.

use actix_web::web::Data;
use portico_app::App;
use portico_domain::permission::perm;
use portico_domain::{Customer, CustomerId};
use portico_web::extract::Segment;
use portico_web::guard::Caller;
use portico_web::problem::Problem;
use portico_web::reply::Json;

/// Reads a customer.
#[utoipa::path(get, path = "/api/v1/customers/{id}", tag = "customers", operation_id = "get_customer",
    params(("id" = CustomerId, Path, description = "The customer.")),
    responses((status = 200, body = Customer, description = "The customer.")))]
pub(crate) async fn handler(
    caller: Caller<perm::CustomersRead>,
    Segment(id): Segment<CustomerId>,
    app: Data<App>,
) -> Result<Json<Customer>, Problem> {
    Ok(Json(app.customers().get(caller.scope(), id).await?))
}
