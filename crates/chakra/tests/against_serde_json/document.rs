//! A JSON document as `serde_json` reads it, one level at a time, with every byte where it was.

use std::fmt;

use serde::de::{Deserializer as _, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

/// What is inside a value.
pub(crate) enum Inside<'a> {
    Scalar,
    List(Vec<&'a RawValue>),
    /// Keys as they are written, with quotes and escapes; a key that stands twice is here twice.
    Object(Vec<(&'a RawValue, &'a RawValue)>),
}

/// The value that the bytes are, if they are JSON in UTF-8. Any depth, any number and halves of surrogate
/// pairs count as JSON here.
pub(crate) fn read(bytes: &[u8]) -> Option<&RawValue> {
    serde_json::from_slice(bytes).ok()
}

pub(crate) fn inside(value: &RawValue) -> Inside<'_> {
    match value.get().as_bytes()[0] {
        b'[' => Inside::List(serde_json::from_str(value.get()).expect("is a list")),
        b'{' => {
            let mut parser = serde_json::Deserializer::from_str(value.get());
            Inside::Object(parser.deserialize_map(Members).expect("is an object"))
        }
        _ => Inside::Scalar,
    }
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Vec<(&'de RawValue, &'de RawValue)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(members)
    }
}

/// Whether more lists and objects than that are open somewhere in the value.
pub(crate) fn is_deeper(value: &RawValue, limit: usize) -> bool {
    let mut open = vec![(value, 1)];
    while let Some((value, depth)) = open.pop() {
        let inside: Vec<&RawValue> = match inside(value) {
            Inside::Scalar => continue,
            Inside::List(elements) => elements,
            Inside::Object(members) => members.into_iter().map(|(_, value)| value).collect(),
        };
        if depth > limit {
            return true;
        }
        open.extend(inside.into_iter().map(|value| (value, depth + 1)));
    }
    false
}

/// The text of a key; none when it is none, because an escape stands for half a surrogate pair.
pub(crate) fn text(key: &RawValue) -> Option<String> {
    serde_json::from_str(key.get()).ok()
}

/// The document as a tree, if it can be one and no key stands twice in an object: then all readers agree.
pub(crate) fn unambiguous(bytes: &[u8]) -> Option<Value> {
    let tree = serde_json::from_slice(bytes).ok()?;
    let keys_once = |value: &RawValue| match inside(value) {
        Inside::Object(members) => {
            let mut keys: Vec<_> = members.iter().map(|(key, _)| text(key)).collect();
            keys.sort_unstable();
            keys.windows(2).all(|pair| pair[0] != pair[1])
        }
        Inside::List(_) | Inside::Scalar => true,
    };
    let mut open = vec![read(bytes)?];
    while let Some(value) = open.pop() {
        if !keys_once(value) {
            return None;
        }
        match inside(value) {
            Inside::List(elements) => open.extend(elements),
            Inside::Object(members) => open.extend(members.into_iter().map(|(_, value)| value)),
            Inside::Scalar => {}
        }
    }
    Some(tree)
}

/// Every value of a tree at a pointer in which `*` stands for all elements of a list, and for all values of
/// an object if `objects` says so.
pub(crate) fn at<'v>(tree: &'v Value, pointer: &str, objects: bool) -> Vec<&'v Value> {
    pointer.split('/').skip(1).fold(vec![tree], |values, name| {
        let next = |value: &'v Value| -> Vec<&'v Value> {
            match value {
                Value::Array(elements) if name == "*" => elements.iter().collect(),
                Value::Object(members) if name == "*" && objects => members.values().collect(),
                Value::Object(members) if name != "*" => members.get(name).into_iter().collect(),
                _ => Vec::new(),
            }
        };
        values.into_iter().flat_map(next).collect()
    })
}
