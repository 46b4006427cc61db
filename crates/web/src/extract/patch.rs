//! Fields of a PATCH: absent, null, or given.

use portico_core::Error;
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};

/// A field that null clears. It needs `#[serde(default)]`, which makes an absent one [`Patch::Keep`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Patch<T> {
    /// It is absent, and stays as it is.
    #[default]
    Keep,
    /// It is null.
    Clear,
    /// It gets this value.
    Set(T),
}

impl<T> Patch<T> {
    /// The same of a value that is made of the given one.
    #[must_use]
    pub fn map<U>(self, make: impl FnOnce(T) -> U) -> Patch<U> {
        match self {
            Self::Keep => Patch::Keep,
            Self::Clear => Patch::Clear,
            Self::Set(value) => Patch::Set(make(value)),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Patch<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::deserialize(deserializer)?.map_or(Self::Clear, Self::Set))
    }
}

/// As the application takes it: none for an absent field, `Some(None)` for null.
impl<T> From<Patch<T>> for Option<Option<T>> {
    fn from(patch: Patch<T>) -> Self {
        match patch {
            Patch::Keep => None,
            Patch::Clear => Some(None),
            Patch::Set(value) => Some(Some(value)),
        }
    }
}

/// A field that is known and has no effect yet: whether it is there, whatever it holds. It needs
/// `#[serde(default)]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct NotOffered(bool);

impl<'de> Deserialize<'de> for NotOffered {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Self(true))
    }
}

/// Refuses a body in which one of these fields is given; each with its JSON pointer.
///
/// # Errors
///
/// [`Error::NotOffered`] with all that are given.
pub fn refuse_not_offered(fields: &[(&'static str, NotOffered)]) -> Result<(), Error> {
    let given: Vec<_> = fields.iter().filter(|(_, field)| field.0).map(|(pointer, _)| *pointer).collect();
    if given.is_empty() { Ok(()) } else { Err(Error::NotOffered(given)) }
}

/// For a field that cannot be null: `None` only when absent.
///
/// # Errors
///
/// What is wrong with the value, null included.
pub fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}
