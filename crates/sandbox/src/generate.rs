//! Random ids and secrets, in the forms that Chakra and Meta give theirs.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use rand::RngExt;
use rand::distr::{Alphanumeric, SampleString};

/// Letters and digits.
pub(crate) fn alphanumeric(length: usize) -> String {
    Alphanumeric.sample_string(&mut rand::rng(), length)
}

/// Decimal digits that do not begin with 0.
pub(crate) fn digits(length: usize) -> String {
    let mut rng = rand::rng();
    (0..length).map(|at| char::from(b'0' + rng.random_range(u8::from(at == 0)..10))).collect()
}

/// Lower-case hexadecimal digits.
pub(crate) fn hexadecimal(length: usize) -> String {
    let mut rng = rand::rng();
    (0..length).map(|_| char::from(b"0123456789abcdef"[rng.random_range(0..16)])).collect()
}

/// A WhatsApp message id.
pub(crate) fn wamid() -> String {
    format!("wamid.HBgL{}", alphanumeric(48))
}

/// The id of a call.
pub(crate) fn wacid() -> String {
    format!("wacid.HBgL{}", alphanumeric(36))
}

/// The id of a group of that number: as long as Meta's, never digits only, and a path segment as it
/// is. In base64 of plain text neither `+` nor `/` occurs.
pub(crate) fn group_id(number: &str) -> String {
    BASE64.encode(format!("capi_group:{number}:{}", digits(10)))
}

/// The id that a call about a group and the event of its outcome have in common.
pub(crate) fn group_request() -> String {
    format!("req_{}", digits(16))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_id_is_a_plain_path_segment() {
        for number in ["1", "15550002222", "_:_:_"] {
            let id = group_id(number);
            assert!(id.len() >= 16 && id.bytes().any(|byte| byte.is_ascii_alphabetic()), "{id}");
            assert!(id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'='), "{id}");
        }
    }

    #[test]
    fn ids_of_meta_do_not_begin_with_zero() {
        assert!((0..200).map(|_| digits(15)).all(|id| id.len() == 15 && !id.starts_with('0')));
    }
}
