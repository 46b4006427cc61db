//! `GET /api/v1/audit-log/verify`.

use actix_web::web::Data;
use portico_app::App;
use portico_domain::AuditVerdict;
use portico_domain::permission::perm;
use portico_web::extract::Query;
use portico_web::guard::Caller;
use portico_web::problem::Problem;
use portico_web::reply::Json;

use super::VerifyQuery;

/// Walks along the tenant's whole chain and says whether every entry is the one that was written, in its
/// place, and none is missing. Note `head` elsewhere and pass it as `expect` later: that also shows a log
/// that was put back to an earlier state.
#[utoipa::path(get, path = "/api/v1/audit-log/verify", tag = "audit-log", operation_id = "verify_audit_log",
    params(VerifyQuery), responses((status = 200, body = AuditVerdict, description = "What was found.")))]
pub(crate) async fn handler(
    caller: Caller<perm::AuditLogRead>,
    Query(query): Query<VerifyQuery>,
    app: Data<App>,
) -> Result<Json<AuditVerdict>, Problem> {
    Ok(Json(app.audit_log().verify(caller.scope(), query.expect.map(|end| end.0)).await?))
}
