//! API keys.

pub(super) mod create;
pub(super) mod get;
pub(super) mod list;
pub(super) mod old_secret_uses;
pub(super) mod patch;
pub(super) mod revoke;
pub(super) mod rotate;

use portico_domain::ApiKey;
use secrecy::SecretString;
use serde::Serialize;
use utoipa::ToSchema;

use crate::management::values::reveal;

/// A key with its new secret, which is shown this once.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct IssuedApiKey {
    /// The key.
    #[serde(flatten)]
    key: ApiKey,
    /// What callers send as `Authorization: Bearer …`. Nobody can read it again.
    #[serde(serialize_with = "reveal")]
    #[schema(value_type = String, pattern = "^ptc_[a-z]{2,8}_[0-9A-Za-z]{32}_[0-9A-Za-z]{6}$",
        example = "ptc_live_0aB1cD2eF3gH4iJ5kL6mN7oP8qR9sT0v_0HGDh0")]
    secret: SecretString,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_says_of_secrets_what_scanners_look_for() {
        let schema = serde_json::to_value(<IssuedApiKey as utoipa::PartialSchema>::schema()).expect("is JSON");
        let text = schema.to_string();
        assert!(text.contains(&format!("\"^{}$\"", portico_identity::API_KEY_PATTERN)), "{text}");
    }
}
