//! The audit log: a tenant's, and the operator's own.

pub(super) mod export;
pub(super) mod list;
pub(super) mod operator_export;
pub(super) mod operator_list;
pub(super) mod operator_verify;
pub(super) mod verify;

use portico_domain::{AuditFilter, AuditOutcome, ChainEnd};
use portico_web::extract::{Cursor, Limit, Parsed, Timestamp, Word};
use serde::Deserialize;
use time::OffsetDateTime;
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
    from: Option<Timestamp>,
    /// Only before this moment.
    #[param(value_type = Option<String>, format = DateTime, example = "2026-11-27T00:00:00Z")]
    to: Option<Timestamp>,
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
    from: Option<Timestamp>,
    /// Only before this moment.
    #[param(value_type = Option<String>, format = DateTime, example = "2026-11-27T00:00:00Z")]
    to: Option<Timestamp>,
}

impl AuditLogQuery {
    fn filter(&self) -> AuditFilter {
        let text = |word: &Option<Word>| word.as_ref().map(|word| word.0.clone());
        AuditFilter {
            action: text(&self.action),
            actor_id: text(&self.actor_id),
            target_id: text(&self.target_id),
            outcome: self.outcome.map(|parsed| parsed.0),
            from: self.from.map(OffsetDateTime::from),
            to: self.to.map(OffsetDateTime::from),
        }
    }
}

impl ExportQuery {
    fn span(&self) -> portico_identity::Span {
        (self.from.map(OffsetDateTime::from), self.to.map(OffsetDateTime::from))
    }
}
