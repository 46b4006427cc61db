//! `PATCH /api/v1/roles/{id}`.

use actix_web::web::Data;
use portico_app::App;
use portico_domain::permission::perm;
use portico_domain::{Description, PermissionSet, Role, RoleId, RoleName};
use portico_identity::PatchRole;
use portico_web::extract::{Body, Patch, Segment, given};
use portico_web::guard::Caller;
use portico_web::problem::{Document, Problem};
use portico_web::reply::Json;
use serde::Deserialize;
use utoipa::ToSchema;

/// What changes of a role; absent fields stay as they are.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"permissions": ["messages:send"]}))]
pub(crate) struct PatchRoleBody {
    /// Another name.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    name: Option<RoleName>,
    /// What it is for; null clears it.
    #[serde(default)]
    #[schema(value_type = Option<Description>)]
    description: Patch<Description>,
    /// What it allows, as a whole.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    permissions: Option<PermissionSet>,
}

/// Changes a role of the tenant's own. Its keys feel it at once.
#[utoipa::path(patch, path = "/api/v1/roles/{id}", tag = "roles", operation_id = "change_role",
    params(("id" = RoleId, Path, description = "The role.")), request_body = PatchRoleBody,
    responses(
        (status = 200, body = Role, description = "The role as it is now."),
        (status = 409, body = Document, content_type = "application/problem+json",
            description = "The name is taken."),
    ))]
pub(crate) async fn handler(
    caller: Caller<perm::RolesWrite>,
    Segment(id): Segment<RoleId>,
    Body(PatchRoleBody { name, description, permissions }): Body<PatchRoleBody>,
    app: Data<App>,
) -> Result<Json<Role>, Problem> {
    Ok(Json(
        app.roles().patch(caller.scope(), id, PatchRole { name, description: description.into(), permissions }).await?,
    ))
}
