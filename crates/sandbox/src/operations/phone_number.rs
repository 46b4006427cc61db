//! Phone numbers as calls write them.

/// Whether the text is a phone number with country code, as digits.
pub(super) fn is_phone_number(text: &str) -> bool {
    (7..=15).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}
