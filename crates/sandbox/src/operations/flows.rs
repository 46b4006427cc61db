//! Flows: the key that they are sealed with.

use serde_json::json;

use super::meta;
use crate::call::Call;
use crate::reply::{Answer, Refusal, Reply};
use crate::world::World;

/// `set_business_public_key`.
pub(super) fn set_key(call: &Call<'_>, world: &mut World) -> Answer {
    let number = meta::number(call, world)?;
    let key = meta::required(call, "business_public_key")?;
    if !is_pem(key) {
        return Err(Refusal::parameter("Param business_public_key must be a public key in PEM format."));
    }
    number.public_key = Some(key.to_owned());
    Ok(Reply::meta(&json!({"success": true})))
}

/// `get_business_public_key`: an empty list before one was set.
pub(super) fn get_key(call: &Call<'_>, world: &mut World) -> Answer {
    let key = meta::number(call, world)?.public_key.iter();
    let rows = key.map(|key| json!({"business_public_key": key, "business_public_key_signature_status": "VALID"}));
    Ok(Reply::meta(&json!({"data": rows.collect::<Vec<_>>()})))
}

/// Whether the text has the look of a public key; what is between its lines is not read.
fn is_pem(text: &str) -> bool {
    let begin = text.trim().strip_prefix("-----BEGIN PUBLIC KEY-----");
    let content = begin.and_then(|rest| rest.strip_suffix("-----END PUBLIC KEY-----"));
    content.is_some_and(|content| !content.trim().is_empty() && !content.contains("-----"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_stands_between_its_lines() {
        assert!(is_pem("-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----\n"));
        for bad in [
            "MIIB",
            "-----BEGIN PUBLIC KEY-----\n\n-----END PUBLIC KEY-----",
            "-----BEGIN PUBLIC KEY-----\nMIIB",
            "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----",
        ] {
            assert!(!is_pem(bad), "{bad}");
        }
    }
}
