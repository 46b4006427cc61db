//! `POST /api/v1/customers`.

use actix_web::web::Data;
use portico_app::App;
use portico_connections::NewCustomer;
use portico_domain::permission::perm;
use portico_domain::{Customer, ExternalId, Metadata, Name};
use portico_web::extract::Body;
use portico_web::guard::Caller;
use portico_web::problem::{Document, Problem};
use portico_web::reply::Created;
use serde::Deserialize;
use utoipa::ToSchema;

/// A customer to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"external_id": "shop-42", "name": "Example Shop", "metadata": {"plan": "pro"}}))]
pub(crate) struct CreateCustomer {
    /// The tenant's own id of it, unique within the tenant.
    external_id: ExternalId,
    /// Its name.
    name: Name,
    /// The tenant's own notes.
    #[serde(default)]
    #[schema(required = false)]
    metadata: Metadata,
}

/// Creates a customer.
#[utoipa::path(post, path = "/api/v1/customers", tag = "customers", operation_id = "create_customer",
    request_body = CreateCustomer,
    responses(
        (status = 201, body = Customer, description = "The new customer."),
        (status = 409, body = Document, content_type = "application/problem+json",
            description = "Another customer has this `external_id`."),
    ))]
pub(crate) async fn handler(
    caller: Caller<perm::CustomersWrite>,
    Body(CreateCustomer { external_id, name, metadata }): Body<CreateCustomer>,
    app: Data<App>,
) -> Result<Created<Customer>, Problem> {
    Ok(Created(app.customers().create(caller.scope(), NewCustomer { external_id, name, metadata }).await?))
}
