//! Input that is JSON more often than bytes by chance would be.

use arbitrary::Arbitrary;

/// What a mutation needs many steps to find.
const TOKENS: [&[u8]; 48] = [
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b" ",
    b"\n",
    b"\"",
    b"\\",
    b"\"a\"",
    b"\"a\":",
    b"\"b\":",
    b"\"c\":",
    b"\"*\":",
    b"\"\":",
    b"\"_data\":[",
    b"\"_meta\":{",
    b"\"\\u0061\":",
    b"\"\\ud83d\"",
    b"\"\\ud83d\\ude00\"",
    b"\"\\ude00\"",
    b"\"\\\"\"",
    b"\"\\\\\"",
    b"\"\\n\"",
    b"\\u00e9",
    b"null",
    b"true",
    b"false",
    b"0",
    b"-0",
    b"12",
    b"-1.5e+3",
    b"1e999",
    b"123456789012345678901234567890",
    b"0.0",
    b"\xef\xbb\xbf",
    b"\xf0\x9f\x98\x80",
    b"\xff",
    b"\x0c",
    b"\x00",
    b"{}",
    b"[]",
    b"[[[[[[[[[[[[[[[[",
    b"]]]]]]]]]]]]]]]]",
    b"\"processes\":[",
    b"\"id\":",
    b"\"type\":",
];

/// Bytes for a target that reads JSON.
#[derive(Debug, Arbitrary)]
pub(crate) enum Input<'a> {
    /// The bytes as they are.
    Raw(&'a [u8]),
    /// Tokens, by number; high numbers are bytes of their own.
    Tokens(&'a [u8]),
    /// The bytes where a value belongs.
    Value(&'a [u8]),
}

impl Input<'_> {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Raw(bytes) => bytes.to_vec(),
            Self::Tokens(numbers) => numbers.iter().flat_map(|number| token(number)).copied().collect(),
            Self::Value(bytes) => [b"{\"a\":", *bytes, b"}"].concat(),
        }
    }
}

fn token(number: &u8) -> &[u8] {
    TOKENS.get(usize::from(*number)).copied().unwrap_or(std::slice::from_ref(number))
}
