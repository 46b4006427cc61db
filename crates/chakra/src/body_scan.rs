//! Reads a few fields out of a JSON body in one pass, without building a tree.
//!
//! The gateway must know every id in a body before it forwards it, and must read it as Chakra will:
//! a field that stands twice is refused, because two parsers may disagree which one counts.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::operation::{At, BodyKind, Condition, Operation};

/// How many fields can be watched at once.
const POINTERS: usize = 64;

/// The fields to read of the bodies on one route.
#[derive(Debug, Default)]
pub struct BodyScan {
    pointers: Vec<&'static str>,
    /// The names in each pointer.
    paths: Vec<Vec<&'static str>>,
    /// Whether the body is a list.
    list: bool,
}

/// What stood at the watched fields.
#[derive(Debug, Default)]
pub struct ScannedBody {
    found: Vec<(&'static str, FieldValue)>,
}

/// The value of a watched field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FieldValue {
    /// A text, or a whole number in decimal form: what can be an id.
    Text(String),
    /// Null, an empty text, 0 or false: what clients send for an unset field.
    Unset,
    /// A list, object, fraction or `true`.
    Other,
}

/// Why a body is refused; the texts are for the caller.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// Not JSON in UTF-8, or a watched field stands twice.
    #[error("the body is not valid JSON at line {line}, column {column}: {what}")]
    InvalidJson {
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
        /// The parser's words, which quote names but no values.
        what: String,
    },
    /// The body is JSON but not an object.
    #[error("the body must be a JSON object")]
    NotObject,
    /// The body is JSON but not a list.
    #[error("the body must be a JSON list")]
    NotAList,
}

impl BodyScan {
    /// Watches these fields of an object, or of a list if `list` says so: JSON pointers from the top, in
    /// which `*` stands for every element of a list and every value of an object, also for those that
    /// another pointer names. Positions in lists (`/a/0`) and `~` escapes are not understood.
    ///
    /// # Panics
    ///
    /// With more than 64 different pointers: they come from the catalogue.
    #[must_use]
    pub fn new(pointers: &[&'static str], list: bool) -> Self {
        let mut scan = Self { list, ..Self::default() };
        for pointer in pointers {
            scan.watch(pointer);
        }
        scan
    }

    /// Watches the fields that any of these operations looks at.
    #[must_use]
    pub fn for_operations(operations: &[&'static Operation]) -> Self {
        let mut scan = Self::default();
        for operation in operations {
            scan.list |= operation.body == BodyKind::JsonList;
            scan.watch_condition(operation.when);
            for owned in operation.owned {
                if let At::Body(pointer) = owned.at {
                    scan.watch(pointer);
                    // How many rows there are tells whether each names its id.
                    if let Some(end) = pointer.rfind("/*/") {
                        scan.watch(&pointer[..end + 2]);
                    }
                }
                scan.watch_condition(owned.when);
            }
        }
        scan
    }

    fn watch_condition(&mut self, when: Condition) {
        match when {
            Condition::Always => {}
            Condition::BodyIs(pointer, _) | Condition::BodyIsNot(pointer, _) => self.watch(pointer),
        }
    }

    fn watch(&mut self, pointer: &'static str) {
        if self.pointers.contains(&pointer) {
            return;
        }
        assert!(self.pointers.len() < POINTERS, "at most {POINTERS} fields are watched at once");
        self.pointers.push(pointer);
        self.paths.push(pointer.split('/').skip(1).collect());
    }

    /// Reads a whole body, and checks that all of it is JSON.
    ///
    /// # Errors
    ///
    /// See [`BodyError`]. What is not on the way to a watched field may nest to any depth and hold numbers
    /// and escapes that no tree could: Chakra gets it as it is.
    pub fn read(&self, body: &[u8]) -> Result<ScannedBody, BodyError> {
        let mut scanned = ScannedBody::default();
        let text = std::str::from_utf8(body).map_err(|_| BodyError::InvalidJson {
            line: 1,
            column: 1,
            what: "it is not UTF-8".into(),
        })?;
        let begins = if self.list { '[' } else { '{' };
        if !text.trim_start_matches([' ', '\t', '\r', '\n']).starts_with(begins) && !text.is_empty() {
            // Tell a list or number (valid JSON) from what is no JSON at all.
            serde_json::from_str::<IgnoredAny>(text).map_err(|error| BodyError::from_json(&error))?;
            return Err(if self.list { BodyError::NotAList } else { BodyError::NotObject });
        }
        let mut parser = serde_json::Deserializer::from_str(text);
        let live = self.paths.iter().enumerate().fold(0, |live, (index, _)| live | 1 << index);
        let seed = Node { scan: self, live, depth: 0, out: &mut scanned.found };
        seed.deserialize(&mut parser).and_then(|()| parser.end()).map_err(|error| BodyError::from_json(&error))?;
        Ok(scanned)
    }

    /// Those of the live pointers whose name at this depth fits, as bits.
    fn which(&self, live: u64, depth: usize, fits: impl Fn(&str) -> bool) -> u64 {
        let live = self.paths.iter().enumerate().filter(|(index, _)| live & (1 << index) != 0);
        let named = live.filter(|(_, path)| path.get(depth).is_some_and(|name| fits(name)));
        named.fold(0, |all, (index, _)| all | 1 << index)
    }
}

impl BodyError {
    fn from_json(error: &serde_json::Error) -> Self {
        let text = error.to_string();
        // serde_json appends " at line … column …", which is told in fields of its own.
        let what = text.split(" at line ").next().unwrap_or_default().to_owned();
        Self::InvalidJson { line: error.line(), column: error.column(), what }
    }
}

impl ScannedBody {
    /// Every value at that pointer: none, one, or many where it holds `*`.
    pub fn values(&self, pointer: &str) -> impl Iterator<Item = &FieldValue> {
        self.found.iter().filter(move |(known, _)| *known == pointer).map(|(_, found)| found)
    }

    /// The first text at that pointer; none when there is none, or only an unset or another value.
    #[must_use]
    pub fn text(&self, pointer: &str) -> Option<&str> {
        self.values(pointer).find_map(|found| match found {
            FieldValue::Text(text) => Some(text.as_str()),
            FieldValue::Unset | FieldValue::Other => None,
        })
    }

    /// The text of a top-level field, if one of the watched pointers is `/` and that name.
    #[must_use]
    pub fn top_level_text(&self, name: &str) -> Option<&str> {
        let (pointer, _) = self.found.iter().find(|(pointer, _)| pointer.strip_prefix('/') == Some(name))?;
        self.text(pointer)
    }

    /// Whether the condition holds. A number counts as its decimal text.
    #[must_use]
    pub fn holds(&self, when: Condition) -> bool {
        match when {
            Condition::Always => true,
            Condition::BodyIs(pointer, value) => self.text(pointer) == Some(value),
            Condition::BodyIsNot(pointer, value) => self.text(pointer) != Some(value),
        }
    }
}

/// A value on the way to watched fields, or one of them.
struct Node<'a> {
    scan: &'a BodyScan,
    /// The pointers that lead here, as bits.
    live: u64,
    /// How many names of them were followed.
    depth: usize,
    out: &'a mut Vec<(&'static str, FieldValue)>,
}

impl Node<'_> {
    /// Notes the value for every pointer that ends here; none is made where none does.
    fn put(&mut self, found: impl Fn() -> FieldValue) {
        for (index, path) in self.scan.paths.iter().enumerate() {
            if self.live & (1 << index) != 0 && path.len() == self.depth {
                self.out.push((self.scan.pointers[index], found()));
            }
        }
    }

    /// The pointers that go on with `*`, as bits.
    fn every(&self) -> u64 {
        self.scan.which(self.live, self.depth, |name| name == "*")
    }

    fn child(&mut self, live: u64) -> Node<'_> {
        Node { scan: self.scan, live, depth: self.depth + 1, out: self.out }
    }
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_str<E>(mut self, text: &str) -> Result<(), E> {
        self.put(|| if text.is_empty() { FieldValue::Unset } else { FieldValue::Text(text.to_owned()) });
        Ok(())
    }

    fn visit_u64<E>(mut self, number: u64) -> Result<(), E> {
        self.put(|| if number == 0 { FieldValue::Unset } else { FieldValue::Text(number.to_string()) });
        Ok(())
    }

    fn visit_i64<E>(mut self, _: i64) -> Result<(), E> {
        self.put(|| FieldValue::Other);
        Ok(())
    }

    fn visit_f64<E>(mut self, _: f64) -> Result<(), E> {
        self.put(|| FieldValue::Other);
        Ok(())
    }

    fn visit_bool<E>(mut self, value: bool) -> Result<(), E> {
        self.put(|| if value { FieldValue::Other } else { FieldValue::Unset });
        Ok(())
    }

    fn visit_unit<E>(mut self) -> Result<(), E> {
        self.put(|| FieldValue::Unset);
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<(), A::Error> {
        self.put(|| FieldValue::Other);
        let every = self.every();
        if every == 0 {
            while list.next_element::<IgnoredAny>()?.is_some() {}
        } else {
            while list.next_element_seed(self.child(every))?.is_some() {}
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        self.put(|| FieldValue::Other);
        let every = self.every();
        let mut seen = 0;
        while let Some(named) = map.next_key_seed(Key { scan: self.scan, live: self.live, depth: self.depth })? {
            if seen & named != 0 {
                let name = self.scan.paths[named.trailing_zeros() as usize][self.depth];
                return Err(A::Error::custom(format_args!("the field \"{name}\" stands twice")));
            }
            seen |= named;
            if named | every == 0 {
                map.next_value::<IgnoredAny>()?;
            } else {
                map.next_value_seed(self.child(named | every))?;
            }
        }
        Ok(())
    }
}

/// Reads a name without copying it: the pointers that go on with it, as bits.
struct Key<'a> {
    scan: &'a BodyScan,
    live: u64,
    depth: usize,
}

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = u64;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<u64, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_> {
    type Value = u64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E>(self, name: &str) -> Result<u64, E> {
        Ok(self.scan.which(self.live, self.depth, |known| known == name && known != "*"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan(pointers: &[&'static str]) -> BodyScan {
        BodyScan::new(pointers, false)
    }

    fn texts(scan: &BodyScan, body: &str, pointer: &str) -> Vec<FieldValue> {
        scan.read(body.as_bytes()).expect("is JSON").values(pointer).cloned().collect()
    }

    #[test]
    fn nested_fields_lists_and_numbers_are_read() {
        let scan = scan(&["/a", "/c/id", "/s/n/*"]);
        let body = r#"{"x":[1,{"a":2}],"a":12,"c":{"id":"q","z":null},"s":{"n":["1",2,{}]}}"#;
        assert_eq!(texts(&scan, body, "/a"), [FieldValue::Text("12".into())]);
        assert_eq!(texts(&scan, body, "/c/id"), [FieldValue::Text("q".into())]);
        assert_eq!(
            texts(&scan, body, "/s/n/*"),
            [FieldValue::Text("1".into()), FieldValue::Text("2".into()), FieldValue::Other]
        );
    }

    #[test]
    fn an_escaped_name_is_the_same_name() {
        assert_eq!(
            texts(&scan(&["/pluginId"]), r#"{"plugin\u0049d":"p"}"#, "/pluginId"),
            [FieldValue::Text("p".into())]
        );
    }

    #[test]
    fn a_watched_field_that_stands_twice_is_refused() {
        let error = scan(&["/pluginId"]).read(br#"{"pluginId":"a","plugin\u0049d":"b"}"#).expect_err("stands twice");
        assert!(error.to_string().contains("stands twice"), "{error}");
    }

    #[test]
    fn a_star_stands_for_fields_too_that_another_pointer_names() {
        let scan = scan(&["/a/b", "/a/*", "/a/*/c"]);
        let body = r#"{"a":{"b":{"c":1},"x":"2"}}"#;
        assert_eq!(texts(&scan, body, "/a/b"), [FieldValue::Other]);
        assert_eq!(texts(&scan, body, "/a/*"), [FieldValue::Other, FieldValue::Text("2".into())]);
        assert_eq!(texts(&scan, body, "/a/*/c"), [FieldValue::Text("1".into())]);
    }

    #[test]
    fn unset_forms_count_as_absent() {
        for body in [r#"{"a":null}"#, r#"{"a":""}"#, r#"{"a":0}"#, r#"{"a":false}"#] {
            assert_eq!(texts(&scan(&["/a"]), body, "/a"), [FieldValue::Unset], "{body}");
        }
    }

    #[test]
    fn what_is_not_one_json_object_is_refused() {
        let scan = scan(&["/a"]);
        for body in ["", "{", "{}{}", "nope", "{\"a\":}", "\u{feff}{}"] {
            assert!(matches!(scan.read(body.as_bytes()), Err(BodyError::InvalidJson { .. })), "{body}");
        }
        assert_eq!(scan.read(b"[1]").expect_err("is a list"), BodyError::NotObject);
        assert!(scan.read(b"{\"a\":\"\xff\"}").is_err());
    }
}
