//! `GET /api/v1/operator/audit-log`.

use actix_web::web::Data;
use portico_app::App;
use portico_domain::AuditRecord;
use portico_domain::permission::perm;
use portico_web::extract::{Query, page};
use portico_web::guard::Operator;
use portico_web::problem::Problem;
use portico_web::reply::{Json, List};

use super::AuditLogQuery;

/// Lists the operator's own entries, newest first: which tenants were made, suspended, resumed, changed
/// and deleted. It stays when the tenant is gone.
#[utoipa::path(get, path = "/api/v1/operator/audit-log", tag = "operator", operation_id = "list_operator_audit_log",
    params(AuditLogQuery), responses((status = 200, body = List<AuditRecord>, description = "Entries.")))]
pub(crate) async fn handler(
    operator: Operator<perm::TenantsRead>,
    Query(query): Query<AuditLogQuery>,
    app: Data<App>,
) -> Result<Json<List<AuditRecord>>, Problem> {
    let filter = query.filter();
    Ok(app.audit_log().operator_list(operator.scope(), &filter, page(query.limit, query.cursor)).await?.into())
}
