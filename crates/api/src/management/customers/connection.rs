//! `GET /api/v1/customers/{id}/connection`.

use actix_web::web::Data;
use portico_app::App;
use portico_connections::Connection;
use portico_domain::CustomerId;
use portico_domain::permission::perm;
use portico_web::extract::Segment;
use portico_web::guard::Caller;
use portico_web::problem::Problem;
use portico_web::reply::Json;

/// Says whether and how a customer is connected, as Portico last knew.
#[utoipa::path(get, path = "/api/v1/customers/{id}/connection", tag = "customers", operation_id = "get_connection",
    params(("id" = CustomerId, Path, description = "The customer.")),
    responses((status = 200, body = Connection, description = "The connection.")))]
pub(crate) async fn handler(
    caller: Caller<perm::ConnectionsRead>,
    Segment(id): Segment<CustomerId>,
    app: Data<App>,
) -> Result<Json<Connection>, Problem> {
    Ok(Json(app.customers().connection(caller.scope(), id).await?))
}
