//! `GET /api/v1/audit-log`.

use actix_web::web::Data;
use portico_app::App;
use portico_domain::AuditRecord;
use portico_domain::permission::perm;
use portico_web::extract::{Query, page};
use portico_web::guard::Caller;
use portico_web::problem::Problem;
use portico_web::reply::{Json, List};

use super::AuditLogQuery;

/// Lists what was changed and what was refused, newest first.
#[utoipa::path(get, path = "/api/v1/audit-log", tag = "audit-log", operation_id = "list_audit_log",
    params(AuditLogQuery), responses((status = 200, body = List<AuditRecord>, description = "Entries.")))]
pub(crate) async fn handler(
    caller: Caller<perm::AuditLogRead>,
    Query(query): Query<AuditLogQuery>,
    app: Data<App>,
) -> Result<Json<List<AuditRecord>>, Problem> {
    let filter = query.filter();
    Ok(app.audit_log().list(caller.scope(), &filter, page(query.limit, query.cursor)).await?.into())
}
