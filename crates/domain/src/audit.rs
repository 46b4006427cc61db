//! Entries of the audit log, as they are hashed, kept and shown.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use time::OffsetDateTime;
use utoipa::ToSchema;

use crate::ids::TokenId;

/// Who did it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuditActor {
    /// `operator`, `api_key`, `member`, or `portico` for what Portico does by itself.
    #[schema(example = "api_key")]
    pub kind: AuditActorKind,
    /// The key or member; null for the operator and Portico.
    #[schema(example = "key_01h455vb4pex5vsknk084sn02q")]
    pub id: Option<String>,
    /// The short-lived token that was presented, if it was one.
    pub token_id: Option<TokenId>,
}

/// What kind of actor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AuditActorKind {
    /// Whoever runs this Portico.
    Operator,
    /// The bearer of an API key.
    ApiKey,
    /// A person of the tenant.
    Member,
    /// Portico itself.
    Portico,
}

/// What it was done to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuditTarget {
    /// The kind of thing, as `api_key`.
    #[schema(example = "customer")]
    pub kind: String,
    /// Its id.
    #[schema(example = "cus_01h455vb4pex5vsknk084sn02q")]
    pub id: String,
}

/// Whether it happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AuditOutcome {
    /// It was done.
    Done,
    /// It was refused: nothing changed.
    Refused,
}

/// One entry, without its place in the chain.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AuditEntry {
    /// When, UTC, to the microsecond.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// What: `resource.verb` for a change, method and path template for a refused attempt.
    #[schema(example = "api_key.create")]
    pub action: String,
    /// Whether it happened.
    pub outcome: AuditOutcome,
    /// The error code of a refused attempt.
    #[schema(example = "permission_denied")]
    pub reason: Option<String>,
    /// Who.
    pub actor: AuditActor,
    /// From where.
    #[schema(example = "192.0.2.7")]
    pub address: Option<String>,
    /// The `X-Request-Id` of the call.
    pub request_id: Option<String>,
    /// To what.
    pub target: Option<AuditTarget>,
    /// What changed: for each field `{"before", "after"}`; never a secret.
    #[schema(value_type = Object, example = json!({"name": {"before": "Orders", "after": "Order service"}}))]
    pub changes: Map<String, Value>,
}

/// An entry in its place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AuditRecord {
    /// Its place in the tenant's chain, counted from 1.
    pub seq: u64,
    /// The hash of the entry before, 64 hexadecimal digits; zeros before the first.
    pub previous_hash: String,
    /// SHA-256 over the bytes of the previous hash and the entry as canonical JSON (RFC 8785: names
    /// sorted, no white space).
    pub hash: String,
    /// The entry.
    pub entry: AuditEntry,
}

impl AuditEntry {
    /// The text that is hashed: JSON with sorted names and no white space (RFC 8785, whose rules for
    /// numbers and texts `serde_json` follows for the whole numbers and texts that entries hold).
    #[must_use]
    pub fn canonical(&self) -> String {
        canonical(&serde_json::to_value(self).unwrap_or_default()).to_string()
    }
}

/// The same with the names of every object in order.
fn canonical(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let mut sorted: Vec<_> = fields.iter().collect();
            sorted.sort_by(|(one, _), (other, _)| one.encode_utf16().cmp(other.encode_utf16()));
            sorted.into_iter().map(|(name, value)| (name.clone(), canonical(value))).collect()
        }
        Value::Array(items) => items.iter().map(canonical).collect(),
        plain => plain.clone(),
    }
}

/// What differs between two states, field by field; a state that is null has no fields. Times of the
/// last change are passed over: they differ always.
#[must_use]
pub fn changes(before: &Value, after: &Value) -> Map<String, Value> {
    let empty = Map::new();
    let (before, after) = (before.as_object().unwrap_or(&empty), after.as_object().unwrap_or(&empty));
    let mut all = Map::new();
    for name in before.keys().chain(after.keys().filter(|name| !before.contains_key(*name))) {
        let (old, new) = (before.get(name).unwrap_or(&Value::Null), after.get(name).unwrap_or(&Value::Null));
        if old != new && name != "updated_at" {
            all.insert(name.clone(), serde_json::json!({"before": old, "after": new}));
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn canonical_json_has_sorted_names_and_no_white_space() {
        let entry = AuditEntry {
            at: time::macros::datetime!(2026-11-26 12:00:00.000001 UTC),
            action: "role.change".into(),
            outcome: AuditOutcome::Done,
            reason: None,
            actor: AuditActor { kind: AuditActorKind::Operator, id: None, token_id: None },
            address: None,
            request_id: Some("r".into()),
            target: Some(AuditTarget { kind: "role".into(), id: "rol_x".into() }),
            changes: changes(&json!({"b": 1, "a": [{"z": 1, "y": 2}]}), &json!({"b": 2, "a": [{"z": 1, "y": 2}]})),
        };
        assert_eq!(
            entry.canonical(),
            r#"{"action":"role.change","actor":{"id":null,"kind":"operator","token_id":null},"address":null,"at":"2026-11-26T12:00:00.000001Z","changes":{"b":{"after":2,"before":1}},"outcome":"done","reason":null,"request_id":"r","target":{"id":"rol_x","kind":"role"}}"#
        );
        let read: AuditEntry = serde_json::from_str(&entry.canonical()).expect("reads back");
        assert_eq!(read, entry);
    }

    #[test]
    fn a_difference_names_both_sides_of_what_differs_only() {
        let all = changes(
            &json!({"a": 1, "b": 2, "updated_at": "x"}),
            &json!({"a": 1, "b": null, "c": 3, "updated_at": "y"}),
        );
        assert_eq!(Value::Object(all), json!({"b": {"before": 2, "after": null}, "c": {"before": null, "after": 3}}));
        assert_eq!(changes(&Value::Null, &json!({"a": 1}))["a"], json!({"before": null, "after": 1}));
        assert_eq!(changes(&json!({"a": 1}), &Value::Null)["a"], json!({"before": 1, "after": null}));
    }
}
