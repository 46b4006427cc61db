//! `DELETE /api/v1/customers/{id}/connection`.

use actix_web::web::Data;
use portico_app::App;
use portico_connections::Connection;
use portico_domain::CustomerId;
use portico_domain::permission::perm;
use portico_web::extract::Segment;
use portico_web::guard::Caller;
use portico_web::problem::{Document, Problem};
use portico_web::reply::Json;

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
pub(crate) async fn handler(
    caller: Caller<perm::ConnectionsWrite>,
    Segment(id): Segment<CustomerId>,
    app: Data<App>,
) -> Result<Json<Connection>, Problem> {
    Ok(Json(app.customers().disconnect(caller.scope(), id).await?))
}
