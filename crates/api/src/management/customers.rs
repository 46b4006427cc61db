//! Customers and their connection.

use actix_web::web::Data;
use portico_app::{App, Connection, CustomerPatch, EnsureCustomer, NewCustomer};
use portico_domain::permission::perm;
use portico_domain::{Customer, CustomerId, ExternalId, Metadata, Name};
use portico_web::extract::{Body, Cursor, Limit, Query, Segment, given, page};
use portico_web::guard::Caller;
use portico_web::problem::{Document, Problem};
use portico_web::reply::{Created, Either, Json, List, NoContent};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

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

/// Creates a customer.
#[utoipa::path(post, path = "/api/v1/customers", tag = "customers", operation_id = "create_customer",
    request_body = CreateCustomer,
    responses(
        (status = 201, body = Customer, description = "The new customer."),
        (status = 409, body = Document, content_type = "application/problem+json",
            description = "Another customer has this `external_id`."),
    ))]
pub(crate) async fn create(
    caller: Caller<perm::CustomersWrite>,
    Body(CreateCustomer { external_id, name, metadata }): Body<CreateCustomer>,
    app: Data<App>,
) -> Result<Created<Customer>, Problem> {
    Ok(Created(app.create_customer(caller.scope(), NewCustomer { external_id, name, metadata }).await?))
}

/// Lists customers, oldest first.
#[utoipa::path(get, path = "/api/v1/customers", tag = "customers", operation_id = "list_customers",
    params(CustomersQuery), responses((status = 200, body = List<Customer>, description = "Customers.")))]
pub(crate) async fn list(
    caller: Caller<perm::CustomersRead>,
    Query(query): Query<CustomersQuery>,
    app: Data<App>,
) -> Result<Json<List<Customer>>, Problem> {
    Ok(app.customers(caller.scope(), query.external_id, page(query.limit, query.cursor)).await?.into())
}

/// Reads a customer.
#[utoipa::path(get, path = "/api/v1/customers/{id}", tag = "customers", operation_id = "get_customer",
    params(("id" = CustomerId, Path, description = "The customer.")),
    responses((status = 200, body = Customer, description = "The customer.")))]
pub(crate) async fn get(
    caller: Caller<perm::CustomersRead>,
    Segment(id): Segment<CustomerId>,
    app: Data<App>,
) -> Result<Json<Customer>, Problem> {
    Ok(Json(app.customer(caller.scope(), id).await?))
}

/// Changes a customer.
#[utoipa::path(patch, path = "/api/v1/customers/{id}", tag = "customers", operation_id = "change_customer",
    params(("id" = CustomerId, Path, description = "The customer.")), request_body = PatchCustomer,
    responses(
        (status = 200, body = Customer, description = "The customer as it is now."),
        (status = 409, body = Document, content_type = "application/problem+json",
            description = "Another customer has this `external_id`."),
    ))]
pub(crate) async fn patch(
    caller: Caller<perm::CustomersWrite>,
    Segment(id): Segment<CustomerId>,
    Body(PatchCustomer { external_id, name, metadata }): Body<PatchCustomer>,
    app: Data<App>,
) -> Result<Json<Customer>, Problem> {
    Ok(Json(app.patch_customer(caller.scope(), id, CustomerPatch { external_id, name, metadata }).await?))
}

/// Deletes a customer that has no plugin.
#[utoipa::path(delete, path = "/api/v1/customers/{id}", tag = "customers", operation_id = "delete_customer",
    params(("id" = CustomerId, Path, description = "The customer.")),
    responses(
        (status = 204, description = "It is gone."),
        (status = 409, body = Document, content_type = "application/problem+json",
            description = "The customer still has a plugin."),
    ))]
pub(crate) async fn delete(
    caller: Caller<perm::CustomersWrite>,
    Segment(id): Segment<CustomerId>,
    app: Data<App>,
) -> Result<NoContent, Problem> {
    app.delete_customer(caller.scope(), id).await?;
    Ok(NoContent)
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
pub(crate) async fn ensure(
    caller: Caller<perm::CustomersWrite>,
    Segment(external_id): Segment<ExternalId>,
    Body(EnsureCustomerBody { name, metadata }): Body<EnsureCustomerBody>,
    app: Data<App>,
) -> Result<Either<Created<Customer>, Json<Customer>>, Problem> {
    let ensure = EnsureCustomer { external_id, name, metadata };
    let (customer, created) = app.ensure_customer(caller.scope(), ensure).await?;
    Ok(if created { Either::Left(Created(customer)) } else { Either::Right(Json(customer)) })
}

/// Says whether and how a customer is connected, as Portico last knew.
#[utoipa::path(get, path = "/api/v1/customers/{id}/connection", tag = "customers", operation_id = "get_connection",
    params(("id" = CustomerId, Path, description = "The customer.")),
    responses((status = 200, body = Connection, description = "The connection.")))]
pub(crate) async fn connection(
    caller: Caller<perm::ConnectionsRead>,
    Segment(id): Segment<CustomerId>,
    app: Data<App>,
) -> Result<Json<Connection>, Problem> {
    Ok(Json(app.connection(caller.scope(), id).await?))
}

/// Disconnects every WABA of a customer at Chakra. Its plugins stay, for a reconnect.
#[utoipa::path(delete, path = "/api/v1/customers/{id}/connection", tag = "customers", operation_id = "disconnect",
    params(("id" = CustomerId, Path, description = "The customer.")),
    responses(
        (status = 200, body = Connection, description = "The connection as it is now."),
        (status = 409, body = Document, content_type = "application/problem+json",
            description = "The tenant has no Chakra key."),
        (status = 502, body = Document, content_type = "application/problem+json",
            description = "Chakra refused, or cannot be reached or understood. Repeat the call."),
        (status = 504, body = Document, content_type = "application/problem+json",
            description = "Chakra did not answer in time. Repeat the call."),
    ))]
pub(crate) async fn disconnect(
    caller: Caller<perm::ConnectionsWrite>,
    Segment(id): Segment<CustomerId>,
    app: Data<App>,
) -> Result<Json<Connection>, Problem> {
    Ok(Json(app.disconnect(caller.scope(), id).await?))
}
