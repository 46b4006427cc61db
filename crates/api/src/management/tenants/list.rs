//! `GET /api/v1/tenants`.

use actix_web::web::Data;
use portico_app::App;
use portico_domain::permission::perm;
use portico_domain::{Tenant, TenantId};
use portico_web::extract::{PageQuery, Query};
use portico_web::guard::Operator;
use portico_web::problem::Problem;
use portico_web::reply::{Json, List};

/// Lists tenants, oldest first.
#[utoipa::path(get, path = "/api/v1/tenants", tag = "tenants", operation_id = "list_tenants",
    params(PageQuery<TenantId>), responses((status = 200, body = List<Tenant>, description = "Tenants.")))]
pub(crate) async fn handler(
    operator: Operator<perm::TenantsRead>,
    Query(query): Query<PageQuery<TenantId>>,
    app: Data<App>,
) -> Result<Json<List<Tenant>>, Problem> {
    Ok(app.tenants().list(operator.scope(), query.into()).await?.into())
}
