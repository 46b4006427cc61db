//! `DELETE /api/v1/roles/{id}`.

use actix_web::web::Data;
use portico_app::App;
use portico_domain::RoleId;
use portico_domain::permission::perm;
use portico_web::extract::Segment;
use portico_web::guard::Caller;
use portico_web::problem::{Document, Problem};
use portico_web::reply::NoContent;

/// Deletes a role of the tenant's own that no API key has.
#[utoipa::path(delete, path = "/api/v1/roles/{id}", tag = "roles", operation_id = "delete_role",
    params(("id" = RoleId, Path, description = "The role.")),
    responses(
        (status = 204, description = "It is gone."),
        (status = 409, body = Document, content_type = "application/problem+json",
            description = "API keys still have it."),
    ))]
pub(crate) async fn handler(
    caller: Caller<perm::RolesWrite>,
    Segment(id): Segment<RoleId>,
    app: Data<App>,
) -> Result<NoContent, Problem> {
    app.roles().delete(caller.scope(), id).await?;
    Ok(NoContent)
}
