//! Values of query parameters that are more than a number or a flag.

use std::str::FromStr;

use serde::de::{self, Deserialize, Deserializer};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

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

/// A moment, in RFC 3339.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment(pub OffsetDateTime);

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        OffsetDateTime::parse(&text, &Rfc3339)
            .map(Self)
            .map_err(|_| de::Error::custom("must be a time such as 2026-11-26T12:00:00Z (RFC 3339; write + as %2B)"))
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
    fn moments_have_an_offset() {
        assert!(from_value::<Moment>(Value::from("2026-11-26T12:00:00+01:00")).is_ok());
        for text in ["2026-11-26", "2026-11-26T12:00:00", "1764158400", ""] {
            let error = from_value::<Moment>(Value::from(text)).unwrap_err().to_string();
            assert!(error.starts_with("must be a time such as"), "{text}: {error}");
        }
    }
}
