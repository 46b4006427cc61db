//! Tenants, for the operator.

use actix_web::web::Data;
use portico_app::{App, NewTenant, TenantPatch};
use portico_domain::permission::perm;
use portico_domain::{Limits, Name, Tenant, TenantId, TenantStatus};
use portico_web::extract::{Body, PageQuery, Query, Segment, given};
use portico_web::guard::Operator;
use portico_web::problem::Problem;
use portico_web::reply::{Created, Json, List, NoContent};
use serde::Deserialize;
use utoipa::ToSchema;

/// A tenant to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "Example Shop"}))]
pub(crate) struct CreateTenant {
    /// Its name.
    name: Name,
}

/// What the operator changes; absent fields stay as they are.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"status": "suspended"}))]
pub(crate) struct PatchTenant {
    /// Another name.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    name: Option<Name>,
    /// Suspend or resume.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    status: Option<TenantStatus>,
    /// Other limits, as a whole; null lifts one.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    limits: Option<Limits>,
}

/// Creates a tenant.
#[utoipa::path(post, path = "/api/v1/tenants", tag = "tenants", operation_id = "create_tenant",
    request_body = CreateTenant, responses((status = 201, body = Tenant, description = "The new tenant.")))]
pub(crate) async fn create(
    operator: Operator<perm::TenantsWrite>,
    Body(new): Body<CreateTenant>,
    app: Data<App>,
) -> Result<Created<Tenant>, Problem> {
    Ok(Created(app.create_tenant(operator.scope(), NewTenant { name: new.name }).await?))
}

/// Lists tenants, oldest first.
#[utoipa::path(get, path = "/api/v1/tenants", tag = "tenants", operation_id = "list_tenants",
    params(PageQuery<TenantId>), responses((status = 200, body = List<Tenant>, description = "Tenants.")))]
pub(crate) async fn list(
    operator: Operator<perm::TenantsRead>,
    Query(query): Query<PageQuery<TenantId>>,
    app: Data<App>,
) -> Result<Json<List<Tenant>>, Problem> {
    Ok(app.tenants(operator.scope(), query.into()).await?.into())
}

/// Reads a tenant.
#[utoipa::path(get, path = "/api/v1/tenants/{id}", tag = "tenants", operation_id = "get_tenant",
    params(("id" = TenantId, Path, description = "The tenant.")),
    responses((status = 200, body = Tenant, description = "The tenant.")))]
pub(crate) async fn get(
    operator: Operator<perm::TenantsRead>,
    Segment(id): Segment<TenantId>,
    app: Data<App>,
) -> Result<Json<Tenant>, Problem> {
    Ok(Json(app.tenant(operator.scope(), id).await?))
}

/// Renames, suspends, resumes or limits a tenant.
///
/// The calls of a suspended tenant are refused with 403 `tenant_suspended`; what Chakra tells of it is
/// still received and kept. The operator can act on it.
#[utoipa::path(patch, path = "/api/v1/tenants/{id}", tag = "tenants", operation_id = "change_tenant",
    params(("id" = TenantId, Path, description = "The tenant.")), request_body = PatchTenant,
    responses((status = 200, body = Tenant, description = "The tenant as it is now.")))]
pub(crate) async fn patch(
    operator: Operator<perm::TenantsWrite>,
    Segment(id): Segment<TenantId>,
    Body(PatchTenant { name, status, limits }): Body<PatchTenant>,
    app: Data<App>,
) -> Result<Json<Tenant>, Problem> {
    Ok(Json(app.patch_tenant(operator.scope(), id, TenantPatch { name, status, limits }).await?))
}

/// Deletes a tenant with everything it owns, and destroys the keys that its secrets are sealed with.
/// There is no way back.
///
/// From this answer on none of its credentials works and nobody sees it. Its rows go soon afterwards in
/// the background, its audit log last. The operator's own audit log keeps who did it and when.
#[utoipa::path(delete, path = "/api/v1/tenants/{id}", tag = "tenants", operation_id = "delete_tenant",
    params(("id" = TenantId, Path, description = "The tenant.")),
    responses((status = 204, description = "It is gone.")))]
pub(crate) async fn delete(
    operator: Operator<perm::TenantsWrite>,
    Segment(id): Segment<TenantId>,
    app: Data<App>,
) -> Result<NoContent, Problem> {
    app.delete_tenant(operator.scope(), id).await?;
    Ok(NoContent)
}
