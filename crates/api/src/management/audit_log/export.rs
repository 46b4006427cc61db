//! `GET /api/v1/audit-log/export`.

use actix_web::web::Data;
use portico_app::App;
use portico_domain::AuditRecord;
use portico_domain::permission::perm;
use portico_web::extract::Query;
use portico_web::guard::Caller;
use portico_web::problem::Problem;
use portico_web::reply::Lines;

use super::ExportQuery;

/// Gives every entry in order, a line of JSON each. Each line's `hash` is SHA-256 over the bytes of
/// `previous_hash` and the entry as canonical JSON.
#[utoipa::path(get, path = "/api/v1/audit-log/export", tag = "audit-log", operation_id = "export_audit_log",
    params(ExportQuery), responses((status = 200, body = AuditRecord, content_type = "application/x-ndjson",
        description = "Entries, a line each, as far as the log reached when the call began.")))]
pub(crate) async fn handler(
    caller: Caller<perm::AuditLogRead>,
    Query(query): Query<ExportQuery>,
    app: Data<App>,
) -> Result<Lines, Problem> {
    Ok(Lines::of(app.audit_log().export(caller.scope(), query.span()).await?))
}
