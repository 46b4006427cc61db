//! Looking into JSON without making a tree of it.
//!
//! Of an object only the members asked for are looked at, and of a list one item at a time; everything stays a
//! slice of the body. So memory does not grow with what a body holds, and nothing is refused for its depth: that
//! `serde_json` reads a [`RawValue`] without recursion is what this stands on.

use std::borrow::Cow;
use std::fmt;

use serde::Deserializer as _;
use serde::de::{Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::message::Doubt;

/// The members of an object with these names. Null counts as absent, and so does every member of what is no object.
///
/// # Errors
///
/// [`Doubt::Ambiguous`] when one of the names stands twice: readers differ in which one they take.
pub(super) fn pick<'a, const N: usize>(
    value: &'a RawValue,
    names: [&str; N],
) -> Result<[Option<&'a RawValue>; N], Doubt> {
    if !is_object(value) {
        return Ok([None; N]);
    }
    let mut reader = serde_json::Deserializer::from_str(value.get());
    // Nothing else can fail: the value was read as a whole before.
    reader.deserialize_map(Picker(&names)).unwrap_or(Err(Doubt::Ambiguous))
}

/// Whether the value is an object.
pub(super) fn is_object(value: &RawValue) -> bool {
    value.get().starts_with('{')
}

/// Whether the value is a list.
pub(super) fn is_list(value: &RawValue) -> bool {
    value.get().starts_with('[')
}

/// Hands over each item of a list, in order; nothing of what is no list.
///
/// # Errors
///
/// The first that `one` gives; no further item is looked at then.
pub(super) fn each<'a>(
    list: &'a RawValue,
    mut one: impl FnMut(&'a RawValue) -> Result<(), Doubt>,
) -> Result<(), Doubt> {
    if !is_list(list) {
        return Ok(());
    }
    let mut stopped = None;
    let mut reader = serde_json::Deserializer::from_str(list.get());
    let visitor = Each(|item| one(item).map_err(|doubt| stopped = Some(doubt)).is_ok());
    let _ = reader.deserialize_seq(visitor);
    stopped.map_or(Ok(()), Err)
}

/// A text, or a number as it is written. Half a surrogate pair becomes U+FFFD.
pub(super) fn text(value: &RawValue) -> Option<Cow<'_, str>> {
    let written = value.get();
    match written.as_bytes().first()? {
        b'"' if !written.contains('\\') => Some(Cow::Borrowed(written.get(1..written.len() - 1)?)),
        b'"' => match portico_chakra::lenient_json::read(written.as_bytes())? {
            serde_json::Value::String(text) => Some(Cow::Owned(text)),
            _ => None,
        },
        b'-' | b'0'..=b'9' => Some(Cow::Borrowed(written)),
        _ => None,
    }
}

/// The longest id, in bytes.
const LONGEST_ID: usize = 512;

/// A text or number that can be an id: not empty, at most 512 bytes, and without control characters.
pub(super) fn id(value: Option<&RawValue>) -> Option<String> {
    let value = value?;
    if value.get().len() > LONGEST_ID * 6 {
        return None;
    }
    let text = text(value)?;
    let is_id = !text.is_empty() && text.len() <= LONGEST_ID && !text.chars().any(char::is_control);
    is_id.then(|| text.into_owned())
}

struct Picker<'n, const N: usize>(&'n [&'n str; N]);

impl<'de, const N: usize> Visitor<'de> for Picker<'_, N> {
    type Value = Result<[Option<&'de RawValue>; N], Doubt>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = [None; N];
        let mut seen = [false; N];
        while let Some(key) = map.next_key::<&'de RawValue>()? {
            let key = text(key).unwrap_or_default();
            let Some(at) = self.0.iter().position(|name| *name == key) else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            let value = map.next_value::<&'de RawValue>()?;
            if std::mem::replace(&mut seen[at], true) {
                return Ok(Err(Doubt::Ambiguous));
            }
            found[at] = (value.get() != "null").then_some(value);
        }
        Ok(Ok(found))
    }
}

/// Takes items until it is told to stop.
struct Each<F>(F);

impl<'de, F: FnMut(&'de RawValue) -> bool> Visitor<'de> for Each<F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<(), A::Error> {
        while let Some(item) = list.next_element::<&'de RawValue>()? {
            if !(self.0)(item) {
                return Err(A::Error::custom("stopped"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(text: &str) -> &RawValue {
        serde_json::from_str(text).expect("is JSON")
    }

    #[test]
    fn members_are_found_however_their_names_are_written() {
        let [a, b, c] = pick(raw(r#"{"\u0061":1,"x\ud83d":0,"b":null}"#), ["a", "b", "c"]).expect("is clear");
        assert_eq!((a.map(RawValue::get), b.is_none(), c.is_none()), (Some("1"), true, true));
        assert!(pick(raw("[1]"), ["a"]).expect("is clear")[0].is_none());
        assert_eq!(pick(raw(r#"{"a":1,"\u0061":1}"#), ["a"]).err(), Some(Doubt::Ambiguous));
        assert!(pick(raw(r#"{"z":1,"z":2,"a":1}"#), ["a"]).is_ok(), "what nobody asks for may stand twice");
    }

    #[test]
    fn a_list_is_read_until_told_to_stop() {
        let mut seen = Vec::new();
        each(raw("[1, 2,3]"), |item| {
            seen.push(item.get());
            if seen.len() == 2 { Err(Doubt::TooMany) } else { Ok(()) }
        })
        .expect_err("was stopped");
        assert_eq!(seen, ["1", "2"]);
    }

    #[test]
    fn ids_are_short_and_hold_no_control_character() {
        assert_eq!(id(Some(raw("12"))).as_deref(), Some("12"));
        assert_eq!(id(Some(raw(r#""a\/b""#))).as_deref(), Some("a/b"));
        for bad in [r#""""#, r#""a\u0000""#, "true", "{}", &format!("\"{}\"", "x".repeat(513))] {
            assert_eq!(id(Some(raw(bad))), None, "{bad}");
        }
        assert_eq!(text(raw(r#""cut \ud83d""#)).as_deref(), Some("cut \u{fffd}"));
    }
}
