//! `DELETE /api/v1/tenants/{id}`.

use actix_web::web::Data;
use portico_app::App;
use portico_domain::TenantId;
use portico_domain::permission::perm;
use portico_web::extract::Segment;
use portico_web::guard::Operator;
use portico_web::problem::Problem;
use portico_web::reply::NoContent;

/// Deletes a tenant with everything it owns, and destroys the keys that its secrets are sealed with.
/// There is no way back.
///
/// From this answer on none of its credentials works and nobody sees it. Its rows go soon afterwards in
/// the background, its audit log last. The operator's own audit log keeps who did it and when.
#[utoipa::path(delete, path = "/api/v1/tenants/{id}", tag = "tenants", operation_id = "delete_tenant",
    params(("id" = TenantId, Path, description = "The tenant.")),
    responses((status = 204, description = "It is gone.")))]
pub(crate) async fn handler(
    operator: Operator<perm::TenantsWrite>,
    Segment(id): Segment<TenantId>,
    app: Data<App>,
) -> Result<NoContent, Problem> {
    app.tenants().delete(operator.scope(), id).await?;
    Ok(NoContent)
}
