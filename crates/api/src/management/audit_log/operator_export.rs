//! `GET /api/v1/operator/audit-log/export`.

use actix_web::web::Data;
use portico_app::App;
use portico_domain::AuditRecord;
use portico_domain::permission::perm;
use portico_web::extract::Query;
use portico_web::guard::Operator;
use portico_web::problem::Problem;
use portico_web::reply::Lines;

use super::ExportQuery;

/// Gives every entry of the operator's own log in order, a line of JSON each.
#[utoipa::path(get, path = "/api/v1/operator/audit-log/export", tag = "operator",
    operation_id = "export_operator_audit_log", params(ExportQuery),
    responses((status = 200, body = AuditRecord, content_type = "application/x-ndjson",
        description = "Entries, a line each, as far as the log reached when the call began.")))]
pub(crate) async fn handler(
    operator: Operator<perm::TenantsRead>,
    Query(query): Query<ExportQuery>,
    app: Data<App>,
) -> Result<Lines, Problem> {
    Ok(Lines::of(app.audit_log().operator_export(operator.scope(), query.span()).await?))
}
