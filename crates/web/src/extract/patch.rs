//! Fields of a PATCH: absent, null, or given.

use serde::{Deserialize, Deserializer};

/// For a field that null clears: `None` when absent, `Some(None)` for null.
///
/// # Errors
///
/// What is wrong with the value.
pub fn nullable<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// For a field that cannot be null: `None` only when absent.
///
/// # Errors
///
/// What is wrong with the value, null included.
pub fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}
