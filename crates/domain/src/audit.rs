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
    /// For how many refused attempts this entry stands; absent: for one. Attempts of one caller beyond
    /// a hundred in a minute are counted and written down together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub attempts: Option<u64>,
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

/// The end of an audit chain. Whoever notes it elsewhere can ask later whether the chain still holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChainEnd {
    /// The number of the last entry, and so how many there are.
    pub seq: u64,
    /// The hash of the last one.
    pub hash: [u8; 32],
}

/// A text that is no end of a chain.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be the number of an entry, a colon and its hash of 64 hexadecimal digits")]
pub struct MalformedChainEnd;

impl std::fmt::Display for ChainEnd {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.seq, hexadecimal(&self.hash))
    }
}

impl std::str::FromStr for ChainEnd {
    type Err = MalformedChainEnd;

    fn from_str(text: &str) -> Result<Self, MalformedChainEnd> {
        let (seq, digits) = text.split_once(':').ok_or(MalformedChainEnd)?;
        let seq = seq.parse().ok().filter(|seq| *seq > 0).ok_or(MalformedChainEnd)?;
        let hash = from_hexadecimal(digits).and_then(|hash| hash.try_into().ok()).ok_or(MalformedChainEnd)?;
        Ok(Self { seq, hash })
    }
}

/// The bytes that hexadecimal digits stand for; none for any other text.
#[must_use]
pub fn from_hexadecimal(text: &str) -> Option<Vec<u8>> {
    let digit = |digit: &u8| char::from(*digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs.iter().map(|[high, low]| Some(digit(high)? << 4 | digit(low)?)).collect()
}

/// Bytes as hexadecimal digits, lower case.
#[must_use]
pub fn hexadecimal(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// What is wrong with a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AuditFaultKind {
    /// The entry is not the one that was written.
    Changed,
    /// An entry that was written is not there.
    Missing,
    /// The entry belongs to another place of the chain.
    Swapped,
    /// The entry was not written by Portico.
    Added,
    /// The end of the chain is not the one that Portico noted.
    Head,
}

/// The first thing that is wrong with a chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct AuditFault {
    /// At which place of the chain.
    pub seq: u64,
    /// What kind of fault.
    pub kind: AuditFaultKind,
    /// The same in a sentence.
    #[schema(example = "the entry does not give the hash that stands beside it")]
    pub detail: String,
}

/// The end of a chain, as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct AuditHead {
    /// How many entries there are.
    pub seq: u64,
    /// The hash of the last one, 64 hexadecimal digits.
    pub hash: String,
}

impl From<ChainEnd> for AuditHead {
    fn from(end: ChainEnd) -> Self {
        Self { seq: end.seq, hash: hexadecimal(&end.hash) }
    }
}

/// What a walk along a chain found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct AuditVerdict {
    /// Whether every entry is the one that was written, in its place, and none is missing.
    pub valid: bool,
    /// How many entries were found to be right: all of them, or those before the fault.
    pub entries: u64,
    /// The end of the chain: note it elsewhere. Null when there is no entry.
    pub head: Option<AuditHead>,
    /// The first thing that is wrong; null when nothing is.
    pub fault: Option<AuditFault>,
    /// Whether the chain must begin with its tenant's creation: the tenant is not older than the log.
    #[serde(skip)]
    pub begins: bool,
}

/// Which entries of the audit log a list shows; the default shows all.
#[derive(Debug, Clone, Default)]
pub struct AuditFilter {
    /// Only entries of this action.
    pub action: Option<String>,
    /// Only what this key or member did.
    pub actor_id: Option<String>,
    /// Only what was done to the thing with this id.
    pub target_id: Option<String>,
    /// Only what was done, or only what was refused.
    pub outcome: Option<AuditOutcome>,
    /// Only entries of this moment and later.
    pub from: Option<OffsetDateTime>,
    /// Only entries of before this moment.
    pub to: Option<OffsetDateTime>,
}

/// A text that names no outcome.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be done or refused")]
pub struct UnknownOutcome;

impl std::str::FromStr for AuditOutcome {
    type Err = UnknownOutcome;

    fn from_str(text: &str) -> Result<Self, UnknownOutcome> {
        match text {
            "done" => Ok(Self::Done),
            "refused" => Ok(Self::Refused),
            _ => Err(UnknownOutcome),
        }
    }
}

impl AuditOutcome {
    /// The spelling in JSON and Postgres.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Refused => "refused",
        }
    }
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

/// What differs between two states of a thing, field by field; null has no fields. `updated_at` is left out:
/// it differs always.
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
            attempts: None,
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
    fn an_end_of_a_chain_survives_its_text_form() {
        let end = ChainEnd { seq: 17, hash: [0xAB; 32] };
        assert_eq!(end.to_string(), format!("17:{}", "ab".repeat(32)));
        assert_eq!(end.to_string().parse(), Ok(end));
        for wrong in ["", "17", "17:", "0:", "x:", "17:ab"].map(str::to_owned).into_iter().chain([
            format!("0:{}", "ab".repeat(32)),
            format!("17:{}", "zz".repeat(32)),
            format!("17:{}", "ä".repeat(32)),
            format!("-1:{}", "ab".repeat(32)),
        ]) {
            assert_eq!(wrong.parse::<ChainEnd>(), Err(MalformedChainEnd), "{wrong}");
        }
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
