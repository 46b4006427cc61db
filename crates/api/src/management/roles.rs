//! Roles and permissions.

use actix_web::web::Data;
use portico_app::{App, CreateRole, PatchRole};
use portico_domain::permission::perm;
use portico_domain::{Description, Permission, PermissionSet, Role, RoleId, RoleName};
use portico_web::extract::{Body, PageQuery, Query, Segment, given, nullable};
use portico_web::guard::Caller;
use portico_web::problem::{Document, Problem};
use portico_web::reply::{Created, Json, List, NoContent};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A permission and what it allows.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PermissionEntry {
    /// `resource:action`.
    #[schema(example = "messages:send")]
    name: &'static str,
    /// What it allows.
    #[schema(example = "Send messages and mark received ones as read.")]
    description: &'static str,
}

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
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<Description>)]
    description: Option<Option<Description>>,
    /// What it allows, as a whole.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    permissions: Option<PermissionSet>,
}

/// Lists every permission that a role may have.
#[utoipa::path(get, path = "/api/v1/permissions", tag = "permissions", operation_id = "list_permissions",
    responses((status = 200, body = List<PermissionEntry>, description = "Permissions.")))]
pub(crate) async fn permissions(_: Caller<perm::RolesRead>) -> Result<Json<List<PermissionEntry>>, Problem> {
    let grantable = Permission::ALL.iter().filter(|permission| !permission.is_operator_only());
    let entry = |permission: &Permission| PermissionEntry { name: permission.as_str(), description: permission.what() };
    Ok(Json(List { data: grantable.map(entry).collect(), next_cursor: None }))
}

/// Lists roles: the built-in ones first, then the tenant's own.
#[utoipa::path(get, path = "/api/v1/roles", tag = "roles", operation_id = "list_roles",
    params(PageQuery<RoleId>), responses((status = 200, body = List<Role>, description = "Roles.")))]
pub(crate) async fn list(
    caller: Caller<perm::RolesRead>,
    Query(query): Query<PageQuery<RoleId>>,
    app: Data<App>,
) -> Result<Json<List<Role>>, Problem> {
    Ok(app.roles(caller.scope(), query.into()).await?.into())
}

/// Reads a role.
#[utoipa::path(get, path = "/api/v1/roles/{id}", tag = "roles", operation_id = "get_role",
    params(("id" = String, Path, description = "The role's id, or the name of a built-in role.", example = "messaging")),
    responses((status = 200, body = Role, description = "The role.")))]
pub(crate) async fn get(
    caller: Caller<perm::RolesRead>,
    Segment(id): Segment<String>,
    app: Data<App>,
) -> Result<Json<Role>, Problem> {
    Ok(Json(app.role(caller.scope(), &id).await?))
}

/// Creates a role.
#[utoipa::path(post, path = "/api/v1/roles", tag = "roles", operation_id = "create_role",
    request_body = CreateRoleBody,
    responses(
        (status = 201, body = Role, description = "The new role."),
        (status = 409, body = Document, content_type = "application/problem+json",
            description = "The name is taken."),
    ))]
pub(crate) async fn create(
    caller: Caller<perm::RolesWrite>,
    Body(CreateRoleBody { name, description, permissions }): Body<CreateRoleBody>,
    app: Data<App>,
) -> Result<Created<Role>, Problem> {
    Ok(Created(app.create_role(caller.scope(), CreateRole { name, description, permissions }).await?))
}

/// Changes a role of the tenant's own. Its keys feel it at once.
#[utoipa::path(patch, path = "/api/v1/roles/{id}", tag = "roles", operation_id = "change_role",
    params(("id" = RoleId, Path, description = "The role.")), request_body = PatchRoleBody,
    responses(
        (status = 200, body = Role, description = "The role as it is now."),
        (status = 409, body = Document, content_type = "application/problem+json",
            description = "The name is taken."),
    ))]
pub(crate) async fn patch(
    caller: Caller<perm::RolesWrite>,
    Segment(id): Segment<RoleId>,
    Body(PatchRoleBody { name, description, permissions }): Body<PatchRoleBody>,
    app: Data<App>,
) -> Result<Json<Role>, Problem> {
    Ok(Json(app.patch_role(caller.scope(), id, PatchRole { name, description, permissions }).await?))
}

/// Deletes a role of the tenant's own that no API key has.
#[utoipa::path(delete, path = "/api/v1/roles/{id}", tag = "roles", operation_id = "delete_role",
    params(("id" = RoleId, Path, description = "The role.")),
    responses(
        (status = 204, description = "It is gone."),
        (status = 409, body = Document, content_type = "application/problem+json",
            description = "API keys still have it."),
    ))]
pub(crate) async fn delete(
    caller: Caller<perm::RolesWrite>,
    Segment(id): Segment<RoleId>,
    app: Data<App>,
) -> Result<NoContent, Problem> {
    app.delete_role(caller.scope(), id).await?;
    Ok(NoContent)
}
