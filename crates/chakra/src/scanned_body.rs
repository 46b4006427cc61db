//! What was found in a JSON body, and why one is refused.

use std::fmt::Write as _;

use crate::operation::{Condition, Kind};

/// What stood at the watched places.
#[derive(Debug, Default)]
pub struct ScannedBody {
    pub(crate) found: Vec<(&'static str, FieldValue)>,
    pub(crate) ids: Vec<FoundId>,
    pub(crate) unknown: Vec<UnknownField>,
    /// Pointers on whose way something of another type stands.
    pub(crate) hidden: Vec<&'static str>,
}

/// The value of a watched field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FieldValue {
    /// A text, which can be an id.
    Text(String),
    /// A whole number above 0, in decimal form. Chakra's parser may round it above 2^53.
    Number(String),
    /// Null, an empty text, 0 or false: what clients send for an unset field.
    Unset,
    /// A list, object, fraction, negative number or `true`.
    Other,
}

/// An id in a body that is looked at whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundId {
    /// Where it stands: a JSON pointer.
    pub pointer: String,
    /// What it names; none in a place of which the catalogue does not know what stands there.
    pub kind: Option<Kind>,
    /// The id; never unset.
    pub value: FieldValue,
}

/// A field that a closed body must not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownField {
    /// Where it stands: a JSON pointer.
    pub pointer: String,
    /// Whether it stands in a row that may name its record by the value of its primary key, under that key's name, and
    /// could be that.
    pub may_be_key: bool,
}

/// Why a body is refused; the texts are for the caller.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// Not JSON in UTF-8, nested too deep, or a watched field stands twice.
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

impl BodyError {
    pub(crate) fn from_json(error: &serde_json::Error) -> Self {
        Self::InvalidJson { line: error.line(), column: error.column(), what: words(error) }
    }

    /// What is wrong at that byte.
    pub(crate) fn at(text: &str, offset: usize, what: String) -> Self {
        let before = text.get(..offset).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let line = 1 + before.matches('\n').count();
        Self::InvalidJson { line, column: offset - line_start + 1, what }
    }
}

/// What the parser says, without where: that is told in fields of its own.
pub(crate) fn words(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.split(" at line ").next().unwrap_or_default().to_owned()
}

impl FieldValue {
    /// The text, or the digits of the number.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) | Self::Number(text) => Some(text),
            Self::Unset | Self::Other => None,
        }
    }
}

impl ScannedBody {
    /// Every value at that pointer: none, one, or many where it holds `*`.
    pub fn values(&self, pointer: &str) -> impl Iterator<Item = &FieldValue> {
        self.found.iter().filter(move |(known, _)| *known == pointer).map(|(_, found)| found)
    }

    /// Whether something of another type stands in the place of a list or an object in which that pointer leads on.
    #[must_use]
    pub fn hides(&self, pointer: &str) -> bool {
        self.hidden.contains(&pointer)
    }

    /// The first text or number at that pointer; none when there is none, or only an unset or another value.
    #[must_use]
    pub fn text(&self, pointer: &str) -> Option<&str> {
        self.values(pointer).find_map(FieldValue::text)
    }

    /// The text of a top-level field, if one of the watched pointers is `/` and that name.
    #[must_use]
    pub fn top_level_text(&self, name: &str) -> Option<&str> {
        let (pointer, _) = self.found.iter().find(|(pointer, _)| pointer.strip_prefix('/') == Some(name))?;
        self.text(pointer)
    }

    /// The ids that stand anywhere in a body that is looked at whole, beside those at watched pointers.
    #[must_use]
    pub fn ids(&self) -> &[FoundId] {
        &self.ids
    }

    /// The fields that a closed body must not have.
    #[must_use]
    pub fn unknown_fields(&self) -> &[UnknownField] {
        &self.unknown
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

/// Appends a name to a JSON pointer (RFC 6901), at most 60 characters of it.
pub(crate) fn push_name(pointer: &mut String, name: &str) {
    pointer.push('/');
    for c in name.chars().filter(|c| !c.is_control()).take(60) {
        match c {
            '~' => pointer.push_str("~0"),
            '/' => pointer.push_str("~1"),
            c => pointer.push(c),
        }
    }
}

/// Appends a position in a list to a JSON pointer.
pub(crate) fn push_position(pointer: &mut String, at: usize) {
    let _ = write!(pointer, "/{at}");
}
