//! What the scan of a body must give for any bytes, worked out with `serde_json`, and the comparison.

use portico_chakra::body_scan::{BodyError, BodyScan, FieldValue};
use serde_json::Value;
use serde_json::value::RawValue;

use super::document::{self, Inside};

/// Fields to watch in a body.
pub(crate) const BODY_POINTERS: &[&[&str]] = &[
    &[],
    &["/a"],
    &["/a/b", "/c", "/a"],
    &["/a/*", "/a/b", "/c"],
    &["/a/*/b", "/a/*", "/*"],
    &["/*/b", "/a/b/c", ""],
    &["/", "/a/", "/*/*"],
    &["/type", "/status", "/processes/*/id", "/processes/*"],
];

/// How many lists and objects of a body may be open at once.
const DEEPEST: usize = 127;

/// Why a body is refused, without where.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    InvalidJson,
    WrongTop,
}

type Fields = Vec<(&'static str, FieldValue)>;

/// Holds the scan against `serde_json` for these bytes.
///
/// # Panics
///
/// Where they differ.
pub(crate) fn check(pointers: &[&'static str], list: bool, body: &[u8]) {
    let scan = BodyScan::new(pointers, list);
    let found = scan.read(body).map_err(|error| match error {
        BodyError::InvalidJson { .. } => Refusal::InvalidJson,
        BodyError::NotObject | BodyError::NotAList => Refusal::WrongTop,
    });
    let fields = found.map(|found| {
        let values = |pointer: &&'static str| found.values(pointer).map(|value| (*pointer, value.clone())).collect();
        pointers.iter().map(values).collect::<Vec<Fields>>()
    });
    let readable = || format!("{:?} with {pointers:?}", String::from_utf8_lossy(body));
    let wanted = expected(pointers, list, body);
    assert_eq!(fields, wanted, "{}", readable());
    if let (Ok(fields), Some(tree)) = (fields, document::unambiguous(body)) {
        for (pointer, fields) in pointers.iter().zip(fields) {
            let in_tree = document::at(&tree, pointer, true).into_iter().map(|value| (*pointer, field(value)));
            // A tree may have its keys in another order.
            assert_eq!(sorted(fields), sorted(in_tree.collect()), "{}", readable());
        }
    }
}

fn sorted(mut fields: Fields) -> Fields {
    fields.sort_by_key(|field| format!("{field:?}"));
    fields
}

/// What an id or condition may be read from.
fn field(value: &Value) -> FieldValue {
    match value {
        Value::Null | Value::Bool(false) => FieldValue::Unset,
        Value::String(text) if text.is_empty() => FieldValue::Unset,
        Value::String(text) => FieldValue::Text(text.clone()),
        Value::Number(number) => match number.as_u64() {
            Some(0) => FieldValue::Unset,
            Some(number) => FieldValue::Number(number.to_string()),
            None => FieldValue::Other,
        },
        Value::Bool(true) | Value::Array(_) | Value::Object(_) => FieldValue::Other,
    }
}

/// The values at each pointer.
fn expected(pointers: &[&'static str], list: bool, body: &[u8]) -> Result<Vec<Fields>, Refusal> {
    let top = document::read(body).ok_or(Refusal::InvalidJson)?;
    if !top.get().starts_with(if list { '[' } else { '{' }) {
        return Err(Refusal::WrongTop);
    }
    if document::is_deeper(top, DEEPEST) {
        return Err(Refusal::InvalidJson);
    }
    let paths: Vec<Vec<&str>> = pointers.iter().map(|pointer| pointer.split('/').skip(1).collect()).collect();
    let live: Vec<(usize, &[&str])> = paths.iter().map(Vec::as_slice).enumerate().collect();
    let mut fields = vec![Fields::new(); pointers.len()];
    visit(top, &live, &mut |index, field| fields[index].push((pointers[index], field)))?;
    Ok(fields)
}

/// A value on the way to watched ones; all that is decoded on the way must be what it claims.
fn visit(value: &RawValue, live: &[(usize, &[&str])], found: &mut dyn FnMut(usize, FieldValue)) -> Result<(), Refusal> {
    let inside = document::inside(value);
    let of_value = match inside {
        Inside::Scalar => field(&serde_json::from_str(value.get()).map_err(|_| Refusal::InvalidJson)?),
        Inside::List(_) | Inside::Object(_) => FieldValue::Other,
    };
    for (index, _) in live.iter().filter(|(_, rest)| rest.is_empty()) {
        found(*index, of_value.clone());
    }
    let led_on = |fits: &dyn Fn(&str) -> bool| -> Vec<(usize, &[&str])> {
        let fitting = live.iter().filter(|(_, rest)| rest.first().is_some_and(|name| fits(name)));
        fitting.map(|(index, rest)| (*index, &rest[1..])).collect()
    };
    match inside {
        Inside::Scalar => {}
        Inside::List(elements) => {
            let live = led_on(&|name| name == "*");
            for element in elements.into_iter().filter(|_| !live.is_empty()) {
                visit(element, &live, found)?;
            }
        }
        Inside::Object(members) => {
            let mut seen: Vec<String> = Vec::new();
            for (key, value) in members {
                let key = document::text(key).ok_or(Refusal::InvalidJson)?;
                let named = key != "*" && live.iter().any(|(_, rest)| rest.first() == Some(&key.as_str()));
                if named && seen.contains(&key) {
                    return Err(Refusal::InvalidJson);
                }
                let live = led_on(&|name| name == "*" || name == key);
                if !live.is_empty() {
                    visit(value, &live, found)?;
                }
                seen.push(key);
            }
        }
    }
    Ok(())
}
