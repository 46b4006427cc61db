//! Reads a few fields out of a JSON body in one pass, without building a tree.
//!
//! The gateway must know every id in a body before it forwards it, and must read it as Chakra will:
//! a field that stands twice is refused, because two parsers may disagree which one counts.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::operation::{At, BodyKind, Condition, Operation};

/// The fields to read, as a tree of names.
#[derive(Debug, Default)]
pub struct BodyScan {
    root: Watch,
    pointers: Vec<&'static str>,
    /// Whether the body is a list.
    list: bool,
}

#[derive(Debug, Default)]
struct Watch {
    children: Vec<(&'static str, Watch)>,
    every: Option<Box<Watch>>,
    slot: Option<usize>,
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

/// Why a body is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// Not JSON; where, in lines and columns from 1.
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
    /// The fields that any of these operations looks at.
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
        let slot = self.pointers.len();
        self.pointers.push(pointer);
        let mut node = &mut self.root;
        for name in pointer.split('/').skip(1) {
            if name == "*" {
                node = node.every.get_or_insert_default();
                continue;
            }
            let at = node.children.iter().position(|(known, _)| *known == name).unwrap_or_else(|| {
                node.children.push((name, Watch::default()));
                node.children.len() - 1
            });
            node = &mut node.children[at].1;
        }
        node.slot = Some(slot);
    }

    /// Reads a body.
    ///
    /// # Errors
    ///
    /// See [`BodyError`].
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
        let seed = Node { watch: &self.root, pointers: &self.pointers, out: &mut scanned.found };
        seed.deserialize(&mut parser).and_then(|()| parser.end()).map_err(|error| BodyError::from_json(&error))?;
        Ok(scanned)
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

    /// The text at that pointer, if there is one.
    #[must_use]
    pub fn text(&self, pointer: &str) -> Option<&str> {
        self.values(pointer).find_map(|found| match found {
            FieldValue::Text(text) => Some(text.as_str()),
            FieldValue::Unset | FieldValue::Other => None,
        })
    }

    /// The text of a top-level field that is watched.
    #[must_use]
    pub fn top_level_text(&self, name: &str) -> Option<&str> {
        let (pointer, _) = self.found.iter().find(|(pointer, _)| pointer.strip_prefix('/') == Some(name))?;
        self.text(pointer)
    }

    /// Whether the condition holds.
    #[must_use]
    pub fn holds(&self, when: Condition) -> bool {
        match when {
            Condition::Always => true,
            Condition::BodyIs(pointer, value) => self.text(pointer) == Some(value),
            Condition::BodyIsNot(pointer, value) => self.text(pointer) != Some(value),
        }
    }
}

struct Node<'a> {
    watch: &'a Watch,
    pointers: &'a [&'static str],
    out: &'a mut Vec<(&'static str, FieldValue)>,
}

impl Node<'_> {
    fn put(&mut self, found: FieldValue) {
        if let Some(slot) = self.watch.slot {
            self.out.push((self.pointers[slot], found));
        }
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
        self.put(if text.is_empty() { FieldValue::Unset } else { FieldValue::Text(text.to_owned()) });
        Ok(())
    }

    fn visit_u64<E>(mut self, number: u64) -> Result<(), E> {
        self.put(if number == 0 { FieldValue::Unset } else { FieldValue::Text(number.to_string()) });
        Ok(())
    }

    fn visit_i64<E>(mut self, _: i64) -> Result<(), E> {
        self.put(FieldValue::Other);
        Ok(())
    }

    fn visit_f64<E>(mut self, _: f64) -> Result<(), E> {
        self.put(FieldValue::Other);
        Ok(())
    }

    fn visit_bool<E>(mut self, value: bool) -> Result<(), E> {
        self.put(if value { FieldValue::Other } else { FieldValue::Unset });
        Ok(())
    }

    fn visit_unit<E>(mut self) -> Result<(), E> {
        self.put(FieldValue::Unset);
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<(), A::Error> {
        self.put(FieldValue::Other);
        if let Some(every) = &self.watch.every {
            while list.next_element_seed(Node { watch: every, pointers: self.pointers, out: self.out })?.is_some() {}
        } else {
            while list.next_element::<IgnoredAny>()?.is_some() {}
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        self.put(FieldValue::Other);
        let mut seen = 0_u64;
        while let Some(at) = map.next_key_seed(Key(self.watch))? {
            let Some(at) = at else {
                if let Some(every) = &self.watch.every {
                    map.next_value_seed(Node { watch: every, pointers: self.pointers, out: self.out })?;
                } else {
                    map.next_value::<IgnoredAny>()?;
                }
                continue;
            };
            let (name, child) = &self.watch.children[at];
            if seen & (1 << at) != 0 {
                return Err(A::Error::custom(format_args!("the field \"{name}\" stands twice")));
            }
            seen |= 1 << at;
            map.next_value_seed(Node { watch: child, pointers: self.pointers, out: self.out })?;
        }
        Ok(())
    }
}

/// Reads a name without copying it: its place among the watched ones, if it is watched.
struct Key<'a>(&'a Watch);

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.0.children.iter().position(|(known, _)| *known == name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan(pointers: &[&'static str]) -> BodyScan {
        let mut scan = BodyScan::default();
        for pointer in pointers {
            scan.watch(pointer);
        }
        scan
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
