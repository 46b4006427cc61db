//! A phone number in whatever writing, reduced to its digits.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Why a text is no phone number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MalformedPhoneNumber {
    /// Holds something else than digits and what people put between them.
    #[error("must consist of digits with +, -, ., /, brackets or blanks between them, such as +1 555-000-2222")]
    Character,
    /// Fewer than 4 or more than 15 digits (E.164), counted without a leading `00`.
    #[error("must have 4 to 15 digits with the country code, such as +1 555-000-2222, but has {0}")]
    Length(usize),
}

/// The 4 to 15 digits of a phone number with its country code, by which two writings of one number
/// are the same: `+1 555-000-2222`, `15550002222`, `001 (555) 000.2222`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PhoneDigits(Box<str>);

impl PhoneDigits {
    /// The digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What people, and what they copy from, put between digits: a `+` of a query that is not encoded
/// arrives as a blank; copied numbers hold dashes of typography and marks of writing direction.
fn is_separator(c: char) -> bool {
    c.is_whitespace()
        || matches!(c, '+' | '-' | '.' | '/' | '(' | ')' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{ff0b}')
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

impl FromStr for PhoneDigits {
    type Err = MalformedPhoneNumber;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if !text.chars().all(|c| c.is_ascii_digit() || is_separator(c)) {
            return Err(MalformedPhoneNumber::Character);
        }
        let digits: String = text.chars().filter(char::is_ascii_digit).collect();
        // No country code begins with 0, so this is how people dial the `+`.
        let digits = digits.strip_prefix("00").unwrap_or(&digits);
        if (4..=15).contains(&digits.len()) {
            Ok(Self(digits.into()))
        } else {
            Err(MalformedPhoneNumber::Length(digits.len()))
        }
    }
}

impl TryFrom<String> for PhoneDigits {
    type Error = MalformedPhoneNumber;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<PhoneDigits> for String {
    fn from(digits: PhoneDigits) -> Self {
        digits.0.into()
    }
}

impl fmt::Display for PhoneDigits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_writing_of_a_number_has_the_same_digits() {
        for text in [
            "15550002222",
            "+15550002222",
            "+1 555-000-2222",
            " 1 555 000 2222",
            "0015550002222",
            "001 (555) 000.2222",
            "1/555/0002222",
            "\u{202a}+1\u{a0}555\u{2011}000\u{2013}2222\u{202c}",
        ] {
            assert_eq!(text.parse::<PhoneDigits>().as_ref().map(PhoneDigits::as_str), Ok("15550002222"), "{text}");
        }
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in
            ["shop-42", "1555000222x", "１５５５０００２２２２", "15550002222%", "1555\u{0}0002222", "tel:15550002222"]
        {
            assert_eq!(text.parse::<PhoneDigits>(), Err(MalformedPhoneNumber::Character), "{text}");
        }
        for (text, digits) in [("", 0), ("+", 0), ("123", 3), ("1234567890123456", 16)] {
            assert_eq!(text.parse::<PhoneDigits>(), Err(MalformedPhoneNumber::Length(digits)), "{text}");
        }
    }
}
