//! Values of queries and bodies that are more than a number or a flag.

use std::str::FromStr;

use serde::Deserialize;
use serde::de::{self, Deserializer};
use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, UtcOffset};
use utoipa::ToSchema;

/// The longest [`Word`], in bytes.
const LONGEST: usize = 200;

/// A value that is read from its text form, whose error says what it must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parsed<T>(pub T);

impl<'de, T: FromStr<Err: std::fmt::Display>> Deserialize<'de> for Parsed<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map(Self).map_err(de::Error::custom)
    }
}

/// A moment (RFC 3339).
// Between the years 0 and 9999, kept in UTC; in bodies and queries alike. The line above stands in the document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(try_from = "String")]
#[schema(as = Instant, value_type = String, format = DateTime, example = "2030-01-31T12:00:00Z")]
pub struct Timestamp(OffsetDateTime);

impl TryFrom<String> for Timestamp {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let at = OffsetDateTime::parse(&text, &Rfc3339)
            .map_err(|_| "must be a time such as 2030-01-31T12:00:00Z (RFC 3339; in a query, write + as %2B)")?;
        let utc = at.checked_to_offset(UtcOffset::UTC).filter(|utc| (0..=9999).contains(&utc.year()));
        utc.map(Self).ok_or("must be a time between the years 0 and 9999, in UTC")
    }
}

impl From<Timestamp> for OffsetDateTime {
    fn from(timestamp: Timestamp) -> Self {
        timestamp.0
    }
}

/// A short text of visible ASCII characters and blanks: what ids and names of actions consist of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word(pub String);

impl<'de> Deserialize<'de> for Word {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let fits = (1..=LONGEST).contains(&text.len()) && text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        if fits { Ok(Self(text)) } else { Err(de::Error::custom("must be 1 to 200 visible ASCII characters")) }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, from_value};

    use super::*;

    #[test]
    fn words_are_short_and_hold_no_control_characters() {
        for text in ["api_key.create", "POST /api/v1/roles", "key_01h455vb4pex5vsknk084sn02q"] {
            assert_eq!(from_value::<Word>(Value::from(text)).unwrap().0, text);
        }
        for text in ["", "a\0", "ä", "a\n", &"a".repeat(201)] {
            assert!(from_value::<Word>(Value::from(text)).is_err(), "{text:?}");
        }
    }

    #[test]
    fn times_have_an_offset_and_are_kept_in_utc() {
        let read = |text: &str| from_value::<Timestamp>(Value::from(text)).map_err(|error| error.to_string());
        assert_eq!(read("2030-01-31T14:00:00+02:00"), read("2030-01-31T12:00:00Z"));
        for text in ["2026-11-26", "2026-11-26T12:00:00", "1764158400", ""] {
            let error = read(text).unwrap_err();
            assert!(error.starts_with("must be a time such as"), "{text}: {error}");
        }
        assert!(read("0000-01-01T00:00:00+23:59").unwrap_err().contains("between the years"));
    }
}
