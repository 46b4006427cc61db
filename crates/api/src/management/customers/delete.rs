//! `DELETE /api/v1/customers/{id}`.

use actix_web::web::Data;
use portico_app::App;
use portico_domain::CustomerId;
use portico_domain::permission::perm;
use portico_web::extract::Segment;
use portico_web::guard::Caller;
use portico_web::problem::{Document, Problem};
use portico_web::reply::NoContent;

/// Deletes a customer that has no plugin.
#[utoipa::path(delete, path = "/api/v1/customers/{id}", tag = "customers", operation_id = "delete_customer",
    params(("id" = CustomerId, Path, description = "The customer.")),
    responses(
        (status = 204, description = "It is gone."),
        (status = 409, body = Document, content_type = "application/problem+json",
            description = "The customer still has a plugin."),
    ))]
pub(crate) async fn handler(
    caller: Caller<perm::CustomersWrite>,
    Segment(id): Segment<CustomerId>,
    app: Data<App>,
) -> Result<NoContent, Problem> {
    app.customers().delete(caller.scope(), id).await?;
    Ok(NoContent)
}
