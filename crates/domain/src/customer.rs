//! What a tenant may note about a customer.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The tenant's own notes: up to 50 keys of 1 to 40 characters with texts of up to 500.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(try_from = "BTreeMap<String, String>", into = "BTreeMap<String, String>")]
#[schema(value_type = std::collections::HashMap<String, String>, example = json!({"plan": "pro"}))]
pub struct Metadata(BTreeMap<String, String>);

/// Why metadata is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MalformedMetadata {
    /// More than 50 keys.
    #[error("must have at most 50 keys, but has {0}")]
    Keys(usize),
    /// A key of no or more than 40 characters, or with a control character.
    #[error("must have keys of 1 to 40 characters without control characters")]
    Key,
    /// A value of more than 500 characters, or with NUL.
    #[error("must have values of at most 500 characters without NUL; see key \"{0}\"")]
    Value(String),
}

impl TryFrom<BTreeMap<String, String>> for Metadata {
    type Error = MalformedMetadata;

    fn try_from(map: BTreeMap<String, String>) -> Result<Self, Self::Error> {
        if map.len() > 50 {
            return Err(MalformedMetadata::Keys(map.len()));
        }
        for (key, value) in &map {
            if !(1..=40).contains(&key.chars().count()) || key.chars().any(char::is_control) {
                return Err(MalformedMetadata::Key);
            }
            if value.chars().count() > 500 || value.contains('\0') {
                return Err(MalformedMetadata::Value(key.clone()));
            }
        }
        Ok(Self(map))
    }
}

impl From<Metadata> for BTreeMap<String, String> {
    fn from(metadata: Metadata) -> Self {
        metadata.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_hold() {
        let of = |key: &str, value: &str| Metadata::try_from(BTreeMap::from([(key.to_owned(), value.to_owned())]));
        assert!(of("plan", "pro").is_ok());
        assert_eq!(of("", "x"), Err(MalformedMetadata::Key));
        assert_eq!(of("k", &"x".repeat(501)), Err(MalformedMetadata::Value("k".into())));
        let many: BTreeMap<_, _> = (0..51).map(|n| (n.to_string(), String::new())).collect();
        assert_eq!(Metadata::try_from(many), Err(MalformedMetadata::Keys(51)));
    }
}
