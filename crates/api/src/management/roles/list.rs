//! `GET /api/v1/roles`.

use actix_web::web::Data;
use portico_app::App;
use portico_domain::permission::perm;
use portico_domain::{Role, RoleId};
use portico_web::extract::{PageQuery, Query};
use portico_web::guard::Caller;
use portico_web::problem::Problem;
use portico_web::reply::{Json, List};

/// Lists roles: the built-in ones first, then the tenant's own.
#[utoipa::path(get, path = "/api/v1/roles", tag = "roles", operation_id = "list_roles",
    params(PageQuery<RoleId>), responses((status = 200, body = List<Role>, description = "Roles.")))]
pub(crate) async fn handler(
    caller: Caller<perm::RolesRead>,
    Query(query): Query<PageQuery<RoleId>>,
    app: Data<App>,
) -> Result<Json<List<Role>>, Problem> {
    Ok(app.roles().list(caller.scope(), query.into()).await?.into())
}
