//! `GET /api/v1/operator/audit-log/verify`.

use actix_web::web::Data;
use portico_app::App;
use portico_domain::AuditVerdict;
use portico_domain::permission::perm;
use portico_web::extract::Query;
use portico_web::guard::Operator;
use portico_web::problem::Problem;
use portico_web::reply::Json;

use super::VerifyQuery;

/// Walks along the operator's own chain.
#[utoipa::path(get, path = "/api/v1/operator/audit-log/verify", tag = "operator",
    operation_id = "verify_operator_audit_log", params(VerifyQuery),
    responses((status = 200, body = AuditVerdict, description = "What was found.")))]
pub(crate) async fn handler(
    operator: Operator<perm::TenantsRead>,
    Query(query): Query<VerifyQuery>,
    app: Data<App>,
) -> Result<Json<AuditVerdict>, Problem> {
    Ok(Json(app.audit_log().operator_verify(operator.scope(), query.expect.map(|end| end.0)).await?))
}
