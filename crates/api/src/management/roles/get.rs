//! `GET /api/v1/roles/{id}`.

use actix_web::web::Data;
use portico_app::App;
use portico_domain::Role;
use portico_domain::permission::perm;
use portico_web::extract::Segment;
use portico_web::guard::Caller;
use portico_web::problem::Problem;
use portico_web::reply::Json;

/// Reads a role.
#[utoipa::path(get, path = "/api/v1/roles/{id}", tag = "roles", operation_id = "get_role",
    params(("id" = String, Path, description = "The role's id, or the name of a built-in role.", example = "messaging")),
    responses((status = 200, body = Role, description = "The role.")))]
pub(crate) async fn handler(
    caller: Caller<perm::RolesRead>,
    Segment(id): Segment<String>,
    app: Data<App>,
) -> Result<Json<Role>, Problem> {
    Ok(Json(app.roles().get(caller.scope(), &id).await?))
}
