//! What is wrong with a value, in words that show nothing of the value.

use std::fmt::{self, Display};

use portico_core::Fault;
use serde::de::{self, Expected, Unexpected};
use serde_path_to_error::{Path, Segment};

/// The longest text or pointer that an answer repeats, in characters.
const LONGEST: usize = 300;

/// Why a value does not fit. Unlike the errors of parsers it keeps the name of a missing field, and
/// does not repeat what was sent, which may be a secret.
#[derive(Debug)]
pub(crate) struct DecodeError {
    detail: String,
    field: Option<&'static str>,
}

impl DecodeError {
    fn new(detail: impl Display) -> Self {
        Self { detail: short(&detail.to_string()), field: None }
    }

    /// A list where an object must be.
    pub(crate) fn no_object() -> Self {
        Self::new("must be an object, not an array")
    }

    /// What is wrong, for people: `must be a string, not a number`. Nothing of the value is in it.
    pub(crate) fn detail(&self) -> &str {
        &self.detail
    }

    /// What is wrong with the field at that path.
    pub(crate) fn at(self, path: &Path) -> Fault {
        let mut pointer = String::new();
        for segment in path {
            match segment {
                Segment::Seq { index } => push(&mut pointer, &index.to_string()),
                Segment::Map { key } => push(&mut pointer, key),
                Segment::Enum { .. } | Segment::Unknown => {}
            }
        }
        if let Some(field) = self.field {
            push(&mut pointer, field);
        }
        Fault { pointer: short(&pointer), detail: self.detail }
    }
}

/// The JSON pointer to that field of the body.
pub(crate) fn pointer_to(field: &str) -> String {
    let mut pointer = String::new();
    push(&mut pointer, field);
    short(&pointer)
}

/// One more step of a JSON pointer (RFC 6901).
fn push(pointer: &mut String, step: &str) {
    pointer.push('/');
    pointer.push_str(&step.replace('~', "~0").replace('/', "~1"));
}

/// The text, or its beginning.
pub(crate) fn short(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

impl Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl std::error::Error for DecodeError {}

impl de::Error for DecodeError {
    fn custom<T: Display>(message: T) -> Self {
        Self::new(message)
    }

    fn invalid_type(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(format_args!("must be {}, not {}", words(expected), kind(unexpected)))
    }

    fn invalid_value(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(format_args!("must be {}", words(expected)))
    }

    fn invalid_length(length: usize, expected: &dyn Expected) -> Self {
        Self::new(format_args!("must be {}, but has {length} elements", words(expected)))
    }

    fn unknown_variant(_: &str, expected: &'static [&'static str]) -> Self {
        Self::new(format_args!("must be one of {}", expected.join(", ")))
    }

    fn unknown_field(_: &str, expected: &'static [&'static str]) -> Self {
        match expected {
            [] => Self::new("is not known here: nothing is taken"),
            _ => Self::new(format_args!("is not known here; there are {}", expected.join(", "))),
        }
    }

    fn missing_field(field: &'static str) -> Self {
        Self { field: Some(field), ..Self::new("is required") }
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self { field: Some(field), ..Self::new("stands twice") }
    }
}

/// What serde's types expect, in words of JSON.
fn words(expected: &dyn Expected) -> String {
    let text = expected.to_string();
    let plain = match text.as_str() {
        "u8" => "a whole number from 0 to 255",
        "u16" => "a whole number from 0 to 65535",
        "u32" => "a whole number from 0 to 4294967295",
        "a nonzero u32" => "a whole number from 1 to 4294967295",
        "a sequence" => "an array",
        "a map" => "an object",
        other if other.starts_with("struct ") => "an object",
        other => other,
    };
    plain.to_owned()
}

fn kind(value: Unexpected<'_>) -> &'static str {
    match value {
        Unexpected::Bool(_) => "a boolean",
        Unexpected::Unsigned(_) | Unexpected::Signed(_) | Unexpected::Float(_) => "a number",
        Unexpected::Char(_) | Unexpected::Str(_) | Unexpected::Bytes(_) => "a string",
        Unexpected::Unit | Unexpected::Option => "null",
        Unexpected::Seq => "an array",
        _ => "an object",
    }
}
