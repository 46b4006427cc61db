//! `GET /api/v1/permissions`.

use portico_domain::Permission;
use portico_domain::permission::perm;
use portico_web::guard::Caller;
use portico_web::problem::Problem;
use portico_web::reply::{Json, List};
use serde::Serialize;
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

/// Lists every permission that a role may have.
#[utoipa::path(get, path = "/api/v1/permissions", tag = "permissions", operation_id = "list_permissions",
    responses((status = 200, body = List<PermissionEntry>, description = "Permissions.")))]
pub(crate) async fn handler(_: Caller<perm::RolesRead>) -> Result<Json<List<PermissionEntry>>, Problem> {
    let grantable = Permission::ALL.iter().filter(|permission| !permission.is_operator_only());
    let entry = |permission: &Permission| PermissionEntry { name: permission.as_str(), description: permission.what() };
    Ok(Json(List { data: grantable.map(entry).collect(), next_cursor: None }))
}
