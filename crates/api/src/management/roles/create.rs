//! `POST /api/v1/roles`.

use actix_web::web::Data;
use portico_app::App;
use portico_domain::permission::perm;
use portico_domain::{Description, PermissionSet, Role, RoleName};
use portico_identity::CreateRole;
use portico_web::extract::Body;
use portico_web::guard::Caller;
use portico_web::problem::{Document, Problem};
use portico_web::reply::Created;
use serde::Deserialize;
use utoipa::ToSchema;

/// A role to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "support-desk", "permissions": ["messages:send", "chats:read"]}))]
pub(crate) struct CreateRoleBody {
    /// Its name, unique within the tenant.
    name: RoleName,
    /// What it is for.
    description: Option<Description>,
    /// What it allows: nothing that the caller may not do.
    permissions: PermissionSet,
}

/// Creates a role.
#[utoipa::path(post, path = "/api/v1/roles", tag = "roles", operation_id = "create_role",
    request_body = CreateRoleBody,
    responses(
        (status = 201, body = Role, description = "The new role."),
        (status = 409, body = Document, content_type = "application/problem+json",
            description = "The name is taken."),
    ))]
pub(crate) async fn handler(
    caller: Caller<perm::RolesWrite>,
    Body(CreateRoleBody { name, description, permissions }): Body<CreateRoleBody>,
    app: Data<App>,
) -> Result<Created<Role>, Problem> {
    Ok(Created(app.roles().create(caller.scope(), CreateRole { name, description, permissions }).await?))
}
