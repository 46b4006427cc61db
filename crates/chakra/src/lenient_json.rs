//! JSON as JavaScript writes it, as a tree.

use serde_json::Value;

/// Reads an answer as a tree. A byte order mark in front, which some relays put there, is passed over; half a surrogate
/// pair, which JavaScript writes for a text that it cut inside an emoji and no Rust text can hold, becomes U+FFFD.
#[must_use]
pub fn read(bytes: &[u8]) -> Option<Value> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    serde_json::from_slice(bytes).ok().or_else(|| serde_json::from_slice(&mended(bytes)?).ok())
}

/// The same with every escape of half a pair replaced; none where there is no such.
fn mended(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut all = Vec::with_capacity(bytes.len());
    let (mut at, mut changed) = (0, false);
    while let Some(&byte) = bytes.get(at) {
        // Outside of texts JSON has no backslash.
        let length = match (byte, unit(bytes, at)) {
            (b'\\', Some(0xd800..=0xdbff)) if matches!(unit(bytes, at + 6), Some(0xdc00..=0xdfff)) => 12,
            (b'\\', Some(0xd800..=0xdfff)) => {
                all.extend_from_slice(b"\\ufffd");
                (at, changed) = (at + 6, true);
                continue;
            }
            (b'\\', _) => 2,
            _ => 1,
        };
        all.extend_from_slice(&bytes[at..bytes.len().min(at + length)]);
        at += length;
    }
    changed.then_some(all)
}

/// The UTF-16 unit that an escape at this byte stands for.
fn unit(bytes: &[u8], at: usize) -> Option<u16> {
    let digits = bytes.get(at..at + 6)?.strip_prefix(b"\\u")?;
    u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn half_a_pair_becomes_the_replacement_character_and_nothing_else_changes() {
        for (text, expected) in [
            (r#"{"a":"cut \ud83d","b":"\ud83d\ude00"}"#, json!({"a": "cut \u{fffd}", "b": "\u{1f600}"})),
            (r#"["\ude00\ud83d","\\ud83d \ud83d"]"#, json!(["\u{fffd}\u{fffd}", "\\ud83d \u{fffd}"])),
            (r#"{"k\ud83d":"\ud83d\u0041"}"#, json!({"k\u{fffd}": "\u{fffd}A"})),
            ("\u{feff}{}", json!({})),
        ] {
            assert_eq!(read(text.as_bytes()), Some(expected), "{text}");
        }
        for text in ["", "<html>", r#"{"a":"\ud83"}"#, r#"{"a":"\ud83d}"#, "\"\\ud83d", "\\"] {
            assert_eq!(read(text.as_bytes()), None, "{text}");
        }
    }
}
