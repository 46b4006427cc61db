//! `PUT /api/v1/customers/by-external-id/{external_id}`.

use actix_web::web::Data;
use portico_app::App;
use portico_connections::EnsureCustomer;
use portico_domain::permission::perm;
use portico_domain::{Customer, ExternalId, Metadata, Name};
use portico_web::extract::{Body, Segment, given};
use portico_web::guard::Caller;
use portico_web::problem::Problem;
use portico_web::reply::{Created, Either, Json};
use serde::Deserialize;
use utoipa::ToSchema;

/// What a customer should be like; absent fields stay as they are.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "Example Shop"}))]
pub(crate) struct EnsureCustomerBody {
    /// Its name; a new customer without one is called like its external id.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    name: Option<Name>,
    /// The tenant's own notes, as a whole.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    metadata: Option<Metadata>,
}

/// Gets the customer with this id of the tenant's own, or makes one. Repeating it changes nothing more.
#[utoipa::path(put, path = "/api/v1/customers/by-external-id/{external_id}", tag = "customers",
    operation_id = "ensure_customer",
    params(("external_id" = ExternalId, Path, description = "The tenant's own id of the customer.")),
    request_body = EnsureCustomerBody,
    responses(
        (status = 200, body = Customer, description = "The customer, which was there."),
        (status = 201, body = Customer, description = "The customer, which was made."),
    ))]
pub(crate) async fn handler(
    caller: Caller<perm::CustomersWrite>,
    Segment(external_id): Segment<ExternalId>,
    Body(EnsureCustomerBody { name, metadata }): Body<EnsureCustomerBody>,
    app: Data<App>,
) -> Result<Either<Created<Customer>, Json<Customer>>, Problem> {
    let ensure = EnsureCustomer { external_id, name, metadata };
    let (customer, created) = app.customers().ensure(caller.scope(), ensure).await?;
    Ok(if created { Either::Left(Created(customer)) } else { Either::Right(Json(customer)) })
}
