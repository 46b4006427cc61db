//! The keys that sign tokens, as the operator sees them.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;

use crate::ids::SigningKeyId;

/// What a signing key does now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SigningKeyState {
    /// It is published and signs from `active_from` on.
    Published,
    /// It signs.
    Signing,
    /// It signs no more; what it signed is accepted until `retires_at`.
    Retiring,
}

/// A key that signs tokens, without its private half.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct SigningKey {
    /// Its id: the `kid` of the tokens that it signs.
    pub id: SigningKeyId,
    /// `EdDSA`: Ed25519 (RFC 8037).
    #[schema(example = "EdDSA")]
    pub algorithm: &'static str,
    /// The public key, base64url without padding (`x` in the key set).
    #[schema(example = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")]
    pub public_key: String,
    /// What it does now.
    pub state: SigningKeyState,
    /// When it was made.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// From when on it signs.
    #[serde(with = "time::serde::rfc3339")]
    pub active_from: OffsetDateTime,
    /// From when on what it signed is refused; null while no other key is to follow it.
    #[serde(with = "time::serde::rfc3339::option")]
    pub retires_at: Option<OffsetDateTime>,
}

/// A public key as anybody can read it (RFC 7517, RFC 8037).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct JsonWebKey {
    /// `OKP`.
    #[schema(example = "OKP")]
    pub kty: &'static str,
    /// `Ed25519`.
    #[schema(example = "Ed25519")]
    pub crv: &'static str,
    /// The public key, base64url without padding.
    #[schema(example = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")]
    pub x: String,
    /// `sig`: for signatures alone.
    #[serde(rename = "use")]
    #[schema(example = "sig")]
    pub usage: &'static str,
    /// `EdDSA`.
    #[schema(example = "EdDSA")]
    pub alg: &'static str,
    /// The `kid` of the tokens that it signed.
    pub kid: SigningKeyId,
}

impl JsonWebKey {
    /// The JWK of an Ed25519 public key (RFC 8037).
    #[must_use]
    pub fn ed25519(kid: SigningKeyId, public_key: &[u8; 32]) -> Self {
        let x = URL_SAFE_NO_PAD.encode(public_key);
        Self { kty: "OKP", crv: "Ed25519", x, usage: "sig", alg: "EdDSA", kid }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_reads_as_the_standard_writes_it() {
        // RFC 8037, appendix A.2.
        let public_key = [
            0xd7, 0x5a, 0x98, 0x01, 0x82, 0xb1, 0x0a, 0xb7, 0xd5, 0x4b, 0xfe, 0xd3, 0xc9, 0x64, 0x07, 0x3a, 0x0e, 0xe1,
            0x72, 0xf3, 0xda, 0xa6, 0x23, 0x25, 0xaf, 0x02, 0x1a, 0x68, 0xf7, 0x07, 0x51, 0x1a,
        ];
        let kid = "sgk_01h455vb4pex5vsknk084sn02q".parse().expect("is an id");
        let expected = serde_json::json!({
            "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
            "use": "sig", "alg": "EdDSA", "kid": "sgk_01h455vb4pex5vsknk084sn02q",
        });
        assert_eq!(serde_json::to_value(JsonWebKey::ed25519(kid, &public_key)).ok(), Some(expected));
    }
}
