//! `PATCH /api/v1/tenants/{id}`.

use actix_web::web::Data;
use portico_app::App;
use portico_domain::permission::perm;
use portico_domain::{Limits, Name, Tenant, TenantId, TenantStatus};
use portico_identity::TenantPatch;
use portico_web::extract::{Body, NotOffered, Segment, given, refuse_not_offered};
use portico_web::guard::Operator;
use portico_web::problem::Problem;
use portico_web::reply::Json;
use serde::Deserialize;
use utoipa::ToSchema;

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
    /// Not offered yet: nothing enforces limits of a tenant. A body with this field is refused with 422
    /// `not_offered`.
    #[serde(default)]
    #[schema(value_type = Option<Limits>, nullable = false)]
    limits: NotOffered,
}

/// Renames, suspends or resumes a tenant.
///
/// The calls of a suspended tenant are refused with 403 `tenant_suspended`; what Chakra tells of it is
/// still received and kept. The operator can act on it.
#[utoipa::path(patch, path = "/api/v1/tenants/{id}", tag = "tenants", operation_id = "change_tenant",
    params(("id" = TenantId, Path, description = "The tenant.")), request_body = PatchTenant,
    responses((status = 200, body = Tenant, description = "The tenant as it is now.")))]
pub(crate) async fn handler(
    operator: Operator<perm::TenantsWrite>,
    Segment(id): Segment<TenantId>,
    Body(PatchTenant { name, status, limits }): Body<PatchTenant>,
    app: Data<App>,
) -> Result<Json<Tenant>, Problem> {
    refuse_not_offered(&[("/limits", limits)])?;
    let patch = TenantPatch { name, status, ..TenantPatch::default() };
    Ok(Json(app.tenants().patch(operator.scope(), id, patch).await?))
}
