//! `GET /api/v1/tenants/{id}`.

use actix_web::web::Data;
use portico_app::App;
use portico_domain::permission::perm;
use portico_domain::{Tenant, TenantId};
use portico_web::extract::Segment;
use portico_web::guard::Operator;
use portico_web::problem::Problem;
use portico_web::reply::Json;

/// Reads a tenant.
#[utoipa::path(get, path = "/api/v1/tenants/{id}", tag = "tenants", operation_id = "get_tenant",
    params(("id" = TenantId, Path, description = "The tenant.")),
    responses((status = 200, body = Tenant, description = "The tenant.")))]
pub(crate) async fn handler(
    operator: Operator<perm::TenantsRead>,
    Segment(id): Segment<TenantId>,
    app: Data<App>,
) -> Result<Json<Tenant>, Problem> {
    Ok(Json(app.tenants().get(operator.scope(), id).await?))
}
