//! `PATCH /api/v1/customers/{id}`.

use actix_web::web::Data;
use portico_app::App;
use portico_connections::CustomerPatch;
use portico_domain::permission::perm;
use portico_domain::{Customer, CustomerId, ExternalId, Metadata, Name};
use portico_web::extract::{Body, Segment, given};
use portico_web::guard::Caller;
use portico_web::problem::{Document, Problem};
use portico_web::reply::Json;
use serde::Deserialize;
use utoipa::ToSchema;

/// What changes of a customer; absent fields stay as they are.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "Example Shop"}))]
pub(crate) struct PatchCustomer {
    /// Another id of the tenant's own.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    external_id: Option<ExternalId>,
    /// Another name.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    name: Option<Name>,
    /// Other notes, as a whole.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    metadata: Option<Metadata>,
}

/// Changes a customer.
#[utoipa::path(patch, path = "/api/v1/customers/{id}", tag = "customers", operation_id = "change_customer",
    params(("id" = CustomerId, Path, description = "The customer.")), request_body = PatchCustomer,
    responses(
        (status = 200, body = Customer, description = "The customer as it is now."),
        (status = 409, body = Document, content_type = "application/problem+json",
            description = "Another customer has this `external_id`."),
    ))]
pub(crate) async fn handler(
    caller: Caller<perm::CustomersWrite>,
    Segment(id): Segment<CustomerId>,
    Body(PatchCustomer { external_id, name, metadata }): Body<PatchCustomer>,
    app: Data<App>,
) -> Result<Json<Customer>, Problem> {
    Ok(Json(app.customers().patch(caller.scope(), id, CustomerPatch { external_id, name, metadata }).await?))
}
