//! The shapes of bodies, as data: enough of JSON Schema to describe what Chakra and Meta take and
//! give. The OpenAPI document is generated from them.

/// The type of a JSON value, as far as the OpenAPI document tells it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ValueType {
    /// Any text.
    Text,
    /// Digits: an id of Meta or a phone number without `+`.
    Digits,
    /// A UUID in its hyphenated form.
    Uuid,
    /// An absolute URL.
    Url,
    /// `true` or `false`.
    Bool,
    /// A whole number (instants are milliseconds since 1970 unless noted).
    Int,
    /// A number, possibly with a fraction.
    Number,
    /// One of these texts.
    OneOf(&'static [&'static str]),
    /// An object with these fields, and others that Chakra may add.
    Object(&'static [Field]),
    /// A list of values of one type.
    List(&'static ValueType),
    /// An object with arbitrary keys and values of one type.
    Map(&'static ValueType),
    /// The value or null.
    Nullable(&'static ValueType),
    /// A value whose type is not documented, or varies.
    Any,
    /// A file part of a multipart body.
    File,
}

/// A field of an object, a part of a multipart body, or a query parameter.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Field {
    /// The name on the wire.
    pub name: &'static str,
    /// What stands there when it is present.
    pub ty: ValueType,
    /// Whether Chakra refuses a body without it.
    pub required: bool,
    /// The description in the documentation: a sentence.
    pub note: &'static str,
}

/// A field without which Chakra refuses the body.
#[must_use]
pub const fn required(name: &'static str, ty: ValueType, note: &'static str) -> Field {
    Field { name, ty, required: true, note }
}

/// A field that may be left out.
#[must_use]
pub const fn optional(name: &'static str, ty: ValueType, note: &'static str) -> Field {
    Field { name, ty, required: false, note }
}
