//! Who used a Chakra key.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;
use time::{Date, OffsetDateTime};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::ids::{ApiKeyId, MemberId};

/// On whose behalf a Chakra key was opened or used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum KeyCaller {
    /// The bearer of an API key.
    ApiKey(ApiKeyId),
    /// A person of the tenant.
    Member(MemberId),
    /// Whoever runs this Portico.
    Operator,
    /// Portico itself, for work that no caller asked for.
    Portico,
}

impl KeyCaller {
    /// The kind of caller, as it is stored and shown.
    #[must_use]
    pub const fn kind(self) -> &'static str {
        match self {
            Self::ApiKey(_) => "api_key",
            Self::Member(_) => "member",
            Self::Operator => "operator",
            Self::Portico => "portico",
        }
    }

    /// The caller's id; nil for the operator and Portico, of which there is one each.
    #[must_use]
    pub fn uuid(self) -> Uuid {
        match self {
            Self::ApiKey(id) => id.uuid(),
            Self::Member(id) => id.uuid(),
            Self::Operator | Self::Portico => Uuid::nil(),
        }
    }

    /// The caller of that kind and id; none if there is no such kind.
    #[must_use]
    pub fn of(kind: &str, id: Uuid) -> Option<Self> {
        match kind {
            "api_key" => Some(Self::ApiKey(ApiKeyId::from_uuid(id))),
            "member" => Some(Self::Member(MemberId::from_uuid(id))),
            "operator" => Some(Self::Operator),
            "portico" => Some(Self::Portico),
            _ => None,
        }
    }

    /// The id as the API shows it; none for the operator and Portico.
    fn shown(self) -> Option<String> {
        match self {
            Self::ApiKey(id) => Some(id.to_string()),
            Self::Member(id) => Some(id.to_string()),
            Self::Operator | Self::Portico => None,
        }
    }
}

/// What one caller did with a Chakra key on one day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ChakraKeyUse {
    /// The day, in UTC.
    #[schema(value_type = String, format = Date, example = "2030-01-31")]
    #[serde(serialize_with = "as_text")]
    pub day: Date,
    /// What kind of caller: `api_key`, `member`, `operator`, or `portico` for work that nobody asked for.
    #[schema(example = "api_key")]
    pub caller: &'static str,
    /// The caller's id, where the kind has ids.
    #[schema(example = "key_01jhqr6p4jf0qarzm4b9p5c5zq")]
    pub caller_id: Option<String>,
    /// How often the key was taken out of the vault for this caller.
    pub openings: u64,
    /// How many calls to Chakra were made with the key for this caller.
    pub calls: u64,
    /// The last of either.
    #[serde(with = "time::serde::rfc3339")]
    pub last_at: OffsetDateTime,
    /// The cursor of a page that ends with this use.
    #[serde(skip)]
    pub cursor: KeyUseCursor,
}

/// The last use on a page, from which the next page goes on: a day and a caller. As text:
/// `<Julian day>.<kind of caller>.<its UUID without hyphens>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyUseCursor {
    /// The day of that use, in UTC.
    pub day: Date,
    /// The caller of that use.
    pub caller: KeyCaller,
}

impl ChakraKeyUse {
    /// What a caller did on a day: openings and calls, and when the last of either was.
    #[must_use]
    pub fn new(cursor: KeyUseCursor, openings: u64, calls: u64, last_at: OffsetDateTime) -> Self {
        let KeyUseCursor { day, caller } = cursor;
        Self { day, caller: caller.kind(), caller_id: caller.shown(), openings, calls, last_at, cursor }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn as_text<S: serde::Serializer>(day: &Date, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(day)
}

impl fmt::Display for KeyUseCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.day.to_julian_day(), self.caller.kind(), self.caller.uuid().simple())
    }
}

/// A text that is no [`KeyUseCursor`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not one that a page gave")]
pub struct MalformedKeyUseCursor;

impl FromStr for KeyUseCursor {
    type Err = MalformedKeyUseCursor;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.splitn(3, '.');
        let mut part = || parts.next().ok_or(MalformedKeyUseCursor);
        let (day, kind, id) = (part()?, part()?, part()?);
        let day = day.parse().ok().and_then(|day| Date::from_julian_day(day).ok()).ok_or(MalformedKeyUseCursor)?;
        let id = Uuid::try_parse(id).map_err(|_| MalformedKeyUseCursor)?;
        Ok(Self { day, caller: KeyCaller::of(kind, id).ok_or(MalformedKeyUseCursor)? })
    }
}

#[cfg(test)]
mod tests {
    use time::macros::{date, datetime};

    use super::*;

    #[test]
    fn a_cursor_is_read_back_from_its_text() {
        for caller in [KeyCaller::ApiKey(ApiKeyId::generate()), KeyCaller::Operator, KeyCaller::Portico] {
            let cursor = KeyUseCursor { day: date!(2026 - 11 - 26), caller };
            assert_eq!(cursor.to_string().parse(), Ok(cursor));
            assert_eq!(KeyCaller::of(caller.kind(), caller.uuid()), Some(caller));
        }
        for bad in ["", "1", "1.operator", "x.operator.0", "1.nobody.00000000000000000000000000000000", "1.operator.x"]
        {
            assert_eq!(bad.parse::<KeyUseCursor>(), Err(MalformedKeyUseCursor), "{bad}");
        }
    }

    #[test]
    fn a_use_is_shown_with_day_and_caller() {
        let id = ApiKeyId::generate();
        let cursor = KeyUseCursor { day: date!(2026 - 11 - 26), caller: KeyCaller::ApiKey(id) };
        let shown = ChakraKeyUse::new(cursor, 2, 30, datetime!(2026-11-26 12:00 UTC));
        assert_eq!(
            serde_json::to_value(&shown).expect("is JSON"),
            serde_json::json!({"day": "2026-11-26", "caller": "api_key", "caller_id": id.to_string(), "openings": 2,
                "calls": 30, "last_at": "2026-11-26T12:00:00Z"})
        );
        let cursor = KeyUseCursor { day: date!(2026 - 11 - 26), caller: KeyCaller::Operator };
        assert_eq!(ChakraKeyUse::new(cursor, 0, 1, datetime!(2026-11-26 12:00 UTC)).caller_id, None);
    }
}
