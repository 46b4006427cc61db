//! The audit log: a tenant's, and the operator's own.

use actix_web::web::Data;
use portico_app::App;
use portico_domain::permission::perm;
use portico_domain::{AuditFilter, AuditOutcome, AuditRecord, AuditVerdict, ChainEnd};
use portico_web::extract::{Cursor, Limit, Moment, Parsed, Query, Word, page};
use portico_web::guard::{Caller, Operator};
use portico_web::problem::Problem;
use portico_web::reply::{Json, Lines, List};
use serde::Deserialize;
use utoipa::IntoParams;

/// Which entries.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct AuditLogQuery {
    /// How many rows at most.
    #[serde(default)]
    #[param(value_type = Option<u16>, minimum = 1, maximum = 200, default = 50, example = 50)]
    limit: Limit,
    /// The `next_cursor` of the part before; absent: the first part.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor<u64>>,
    /// Only this action: `resource.verb` for a change, method and path template for a refused attempt.
    #[param(value_type = Option<String>, example = "api_key.create")]
    action: Option<Word>,
    /// Only what this key or member did or tried.
    #[param(value_type = Option<String>, example = "key_01h455vb4pex5vsknk084sn02q")]
    actor_id: Option<Word>,
    /// Only what was done to this thing.
    #[param(value_type = Option<String>, example = "cus_01h455vb4pex5vsknk084sn02q")]
    target_id: Option<Word>,
    /// Only what was done, or only what was refused.
    #[param(value_type = Option<AuditOutcome>, inline)]
    outcome: Option<Parsed<AuditOutcome>>,
    /// Only from this moment on.
    #[param(value_type = Option<String>, format = DateTime, example = "2026-11-26T00:00:00Z")]
    from: Option<Moment>,
    /// Only before this moment.
    #[param(value_type = Option<String>, format = DateTime, example = "2026-11-27T00:00:00Z")]
    to: Option<Moment>,
}

/// Against what the chain is verified.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct VerifyQuery {
    /// An end that was noted earlier, `seq:hash` as in `head`: the chain must still hold it.
    #[param(value_type = Option<String>, pattern = "^[1-9][0-9]{0,17}:[0-9a-f]{64}$",
        example = "17:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")]
    expect: Option<Parsed<ChainEnd>>,
}

/// Which part of the log is exported.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ExportQuery {
    /// Only from this moment on.
    #[param(value_type = Option<String>, format = DateTime, example = "2026-11-26T00:00:00Z")]
    from: Option<Moment>,
    /// Only before this moment.
    #[param(value_type = Option<String>, format = DateTime, example = "2026-11-27T00:00:00Z")]
    to: Option<Moment>,
}

impl AuditLogQuery {
    fn filter(&self) -> AuditFilter {
        let text = |word: &Option<Word>| word.as_ref().map(|word| word.0.clone());
        AuditFilter {
            action: text(&self.action),
            actor_id: text(&self.actor_id),
            target_id: text(&self.target_id),
            outcome: self.outcome.map(|parsed| parsed.0),
            from: self.from.map(|moment| moment.0),
            to: self.to.map(|moment| moment.0),
        }
    }
}

impl ExportQuery {
    fn span(&self) -> portico_app::Span {
        (self.from.map(|moment| moment.0), self.to.map(|moment| moment.0))
    }
}

/// Lists what was changed and what was refused, newest first.
#[utoipa::path(get, path = "/api/v1/audit-log", tag = "audit-log", operation_id = "list_audit_log",
    params(AuditLogQuery), responses((status = 200, body = List<AuditRecord>, description = "Entries.")))]
pub(crate) async fn list(
    caller: Caller<perm::AuditLogRead>,
    Query(query): Query<AuditLogQuery>,
    app: Data<App>,
) -> Result<Json<List<AuditRecord>>, Problem> {
    let filter = query.filter();
    Ok(app.audit_log(caller.scope(), &filter, page(query.limit, query.cursor)).await?.into())
}

/// Walks along the tenant's whole chain and says whether every entry is the one that was written, in its
/// place, and none is missing. Note `head` elsewhere and pass it as `expect` later: that also shows a log
/// that was put back to an earlier state.
#[utoipa::path(get, path = "/api/v1/audit-log/verify", tag = "audit-log", operation_id = "verify_audit_log",
    params(VerifyQuery), responses((status = 200, body = AuditVerdict, description = "What was found.")))]
pub(crate) async fn verify(
    caller: Caller<perm::AuditLogRead>,
    Query(query): Query<VerifyQuery>,
    app: Data<App>,
) -> Result<Json<AuditVerdict>, Problem> {
    Ok(Json(app.verify_audit_log(caller.scope(), query.expect.map(|end| end.0)).await?))
}

/// Gives every entry in order, a line of JSON each. Each line's `hash` is SHA-256 over the bytes of
/// `previous_hash` and the entry as canonical JSON.
#[utoipa::path(get, path = "/api/v1/audit-log/export", tag = "audit-log", operation_id = "export_audit_log",
    params(ExportQuery), responses((status = 200, body = AuditRecord, content_type = "application/x-ndjson",
        description = "Entries, a line each, as far as the log reached when the call began.")))]
pub(crate) async fn export(
    caller: Caller<perm::AuditLogRead>,
    Query(query): Query<ExportQuery>,
    app: Data<App>,
) -> Result<Lines, Problem> {
    Ok(Lines::of(app.export_audit_log(caller.scope(), query.span()).await?))
}

/// Lists the operator's own entries, newest first: which tenants were made, suspended, resumed, changed
/// and deleted. It stays when the tenant is gone.
#[utoipa::path(get, path = "/api/v1/operator/audit-log", tag = "operator", operation_id = "list_operator_audit_log",
    params(AuditLogQuery), responses((status = 200, body = List<AuditRecord>, description = "Entries.")))]
pub(crate) async fn operator_list(
    operator: Operator<perm::TenantsRead>,
    Query(query): Query<AuditLogQuery>,
    app: Data<App>,
) -> Result<Json<List<AuditRecord>>, Problem> {
    let filter = query.filter();
    Ok(app.operator_audit_log(operator.scope(), &filter, page(query.limit, query.cursor)).await?.into())
}

/// Walks along the operator's own chain.
#[utoipa::path(get, path = "/api/v1/operator/audit-log/verify", tag = "operator",
    operation_id = "verify_operator_audit_log", params(VerifyQuery),
    responses((status = 200, body = AuditVerdict, description = "What was found.")))]
pub(crate) async fn operator_verify(
    operator: Operator<perm::TenantsRead>,
    Query(query): Query<VerifyQuery>,
    app: Data<App>,
) -> Result<Json<AuditVerdict>, Problem> {
    Ok(Json(app.verify_operator_audit_log(operator.scope(), query.expect.map(|end| end.0)).await?))
}

/// Gives every entry of the operator's own log in order, a line of JSON each.
#[utoipa::path(get, path = "/api/v1/operator/audit-log/export", tag = "operator",
    operation_id = "export_operator_audit_log", params(ExportQuery),
    responses((status = 200, body = AuditRecord, content_type = "application/x-ndjson",
        description = "Entries, a line each, as far as the log reached when the call began.")))]
pub(crate) async fn operator_export(
    operator: Operator<perm::TenantsRead>,
    Query(query): Query<ExportQuery>,
    app: Data<App>,
) -> Result<Lines, Problem> {
    Ok(Lines::of(app.export_operator_audit_log(operator.scope(), query.span()).await?))
}
