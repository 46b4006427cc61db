//! The grammar of JSON (RFC 8259), read as the bytes arrive.
//!
//! One call of [`Tokens::next`] takes the token at the front of a piece, or as much of it as the piece
//! holds, and says what it was; a token that is cut by the end of a piece goes on in the next one. Nothing
//! is kept but the state of the token at hand and one bit for each open list or object.
//!
//! What is accepted is exactly what `serde_json` accepts as a `RawValue` of at most [`DEPTH_LIMIT`] open
//! lists and objects, the depth at which `serde_json` refuses a `Value` too. Two things pass that a `Value`
//! could not hold, because their bytes are handed on and never decoded here: an escape of half a surrogate
//! pair, which JavaScript writes for a text that it cut inside an emoji, and a number beyond a double.
//! Whether the bytes are UTF-8 is for the caller to check.

/// How many lists and objects may be open at once.
pub(crate) const DEPTH_LIMIT: u32 = 127;

/// The bytes are not JSON, or nest too deep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed;

/// What the bytes at the front of a piece are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Token {
    /// Whitespace between tokens.
    Space,
    Comma,
    Colon,
    OpenList,
    OpenObject,
    /// The end of the innermost list or object.
    Close,
    /// Bytes of a key, quotes included.
    Key {
        ended: bool,
    },
    /// The first byte of a string, number, `true`, `false` or `null`.
    Scalar,
    /// More bytes of it. They may be none: that a number has ended is known from what follows it.
    ScalarRest {
        ended: bool,
    },
}

/// Where in a document of one value the next byte stands.
#[derive(Debug)]
pub(crate) struct Tokens {
    state: State,
    depth: u32,
    /// Whether each open one is an object, the innermost in the lowest bit.
    objects: u128,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Before a value.
    Value,
    /// Before the first element of a list, or its end.
    FirstElement,
    /// Before the first key of an object, or its end.
    FirstKey,
    /// Before a key.
    Key,
    Colon,
    /// After a value in a list or object.
    AfterValue,
    /// After the whole document.
    End,
    Text {
        key: bool,
        escape: Escape,
    },
    Number(Number),
    /// What is left to come of `true`, `false` or `null`.
    Literal(&'static [u8]),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Escape {
    None,
    /// After a backslash.
    Begun,
    /// That many hexadecimal digits are left to come.
    Digits(u8),
}

/// What a number ends with so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Number {
    Minus,
    Zero,
    Integer,
    Point,
    Fraction,
    Exponent,
    ExponentSign,
    ExponentDigits,
}

impl Tokens {
    pub(crate) fn new() -> Self {
        Self { state: State::Value, depth: 0, objects: 0 }
    }

    /// How many lists and objects are open.
    pub(crate) fn depth(&self) -> u32 {
        self.depth
    }

    /// Whether the document is complete: only whitespace may follow.
    pub(crate) fn at_end(&self) -> bool {
        self.state == State::End
    }

    /// The token at the front of `piece`, which must hold at least one byte, and how many bytes of the piece
    /// belong to it.
    pub(crate) fn next(&mut self, piece: &[u8]) -> Result<(Token, usize), Malformed> {
        match self.state {
            State::Text { key, escape } => self.text(piece, key, escape),
            State::Number(number) => self.number(piece, number),
            State::Literal(rest) => self.literal(piece, rest),
            _ => match piece.iter().position(|byte| !matches!(byte, b' ' | b'\t' | b'\r' | b'\n')) {
                Some(0) => Ok((self.structure(piece[0])?, 1)),
                spaces => Ok((Token::Space, spaces.unwrap_or(piece.len()))),
            },
        }
    }

    fn structure(&mut self, byte: u8) -> Result<Token, Malformed> {
        match (self.state, byte) {
            (State::Value | State::FirstElement, b'{') => self.open(true),
            (State::Value | State::FirstElement, b'[') => self.open(false),
            (State::FirstElement, b']') | (State::FirstKey, b'}') => Ok(self.close()),
            (State::AfterValue, b'}') if self.in_object() => Ok(self.close()),
            (State::AfterValue, b']') if !self.in_object() => Ok(self.close()),
            (State::AfterValue, b',') => {
                self.state = if self.in_object() { State::Key } else { State::Value };
                Ok(Token::Comma)
            }
            (State::Colon, b':') => {
                self.state = State::Value;
                Ok(Token::Colon)
            }
            (State::FirstKey | State::Key, b'"') => {
                self.state = State::Text { key: true, escape: Escape::None };
                Ok(Token::Key { ended: false })
            }
            (State::Value | State::FirstElement, _) => {
                self.state = match byte {
                    b'"' => State::Text { key: false, escape: Escape::None },
                    b'-' => State::Number(Number::Minus),
                    b'0' => State::Number(Number::Zero),
                    b'1'..=b'9' => State::Number(Number::Integer),
                    b't' => State::Literal(b"rue"),
                    b'f' => State::Literal(b"alse"),
                    b'n' => State::Literal(b"ull"),
                    _ => return Err(Malformed),
                };
                Ok(Token::Scalar)
            }
            _ => Err(Malformed),
        }
    }

    fn in_object(&self) -> bool {
        self.objects & 1 == 1
    }

    fn open(&mut self, object: bool) -> Result<Token, Malformed> {
        if self.depth == DEPTH_LIMIT {
            return Err(Malformed);
        }
        self.depth += 1;
        self.objects = self.objects << 1 | u128::from(object);
        self.state = if object { State::FirstKey } else { State::FirstElement };
        Ok(if object { Token::OpenObject } else { Token::OpenList })
    }

    fn close(&mut self) -> Token {
        self.depth -= 1;
        self.objects >>= 1;
        self.value_ended();
        Token::Close
    }

    fn value_ended(&mut self) {
        self.state = if self.depth == 0 { State::End } else { State::AfterValue };
    }

    fn text(&mut self, piece: &[u8], key: bool, mut escape: Escape) -> Result<(Token, usize), Malformed> {
        let mut at = 0;
        while let Some(&byte) = piece.get(at) {
            at += 1;
            escape = match (escape, byte) {
                (Escape::None, b'"') => {
                    if key {
                        self.state = State::Colon;
                        return Ok((Token::Key { ended: true }, at));
                    }
                    self.value_ended();
                    return Ok((Token::ScalarRest { ended: true }, at));
                }
                (Escape::None, b'\\') => Escape::Begun,
                (Escape::None, 0..0x20) => return Err(Malformed),
                (Escape::None, _) => {
                    let plain = |byte: &u8| !matches!(byte, b'"' | b'\\' | 0..0x20);
                    at += piece[at..].iter().position(|byte| !plain(byte)).unwrap_or(piece.len() - at);
                    Escape::None
                }
                (Escape::Begun, b'u') => Escape::Digits(4),
                (Escape::Begun, b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Escape::None,
                (Escape::Digits(1), byte) if byte.is_ascii_hexdigit() => Escape::None,
                (Escape::Digits(left), byte) if byte.is_ascii_hexdigit() => Escape::Digits(left - 1),
                _ => return Err(Malformed),
            };
        }
        self.state = State::Text { key, escape };
        Ok((if key { Token::Key { ended: false } } else { Token::ScalarRest { ended: false } }, at))
    }

    fn number(&mut self, piece: &[u8], mut number: Number) -> Result<(Token, usize), Malformed> {
        for (at, &byte) in piece.iter().enumerate() {
            match number.followed_by(byte) {
                Some(next) => number = next,
                None if number.may_end() => {
                    self.value_ended();
                    return Ok((Token::ScalarRest { ended: true }, at));
                }
                None => return Err(Malformed),
            }
        }
        self.state = State::Number(number);
        Ok((Token::ScalarRest { ended: false }, piece.len()))
    }

    fn literal(&mut self, piece: &[u8], rest: &'static [u8]) -> Result<(Token, usize), Malformed> {
        let length = piece.len().min(rest.len());
        let (now, later) = rest.split_at(length);
        if piece[..length] != *now {
            return Err(Malformed);
        }
        if later.is_empty() {
            self.value_ended();
        } else {
            self.state = State::Literal(later);
        }
        Ok((Token::ScalarRest { ended: later.is_empty() }, length))
    }
}

impl Number {
    fn followed_by(self, byte: u8) -> Option<Self> {
        match (self, byte) {
            (Self::Minus, b'0') => Some(Self::Zero),
            (Self::Minus, b'1'..=b'9') | (Self::Integer, b'0'..=b'9') => Some(Self::Integer),
            (Self::Zero | Self::Integer, b'.') => Some(Self::Point),
            (Self::Point | Self::Fraction, b'0'..=b'9') => Some(Self::Fraction),
            (Self::Zero | Self::Integer | Self::Fraction, b'e' | b'E') => Some(Self::Exponent),
            (Self::Exponent, b'+' | b'-') => Some(Self::ExponentSign),
            (Self::Exponent | Self::ExponentSign | Self::ExponentDigits, b'0'..=b'9') => Some(Self::ExponentDigits),
            _ => None,
        }
    }

    fn may_end(self) -> bool {
        matches!(self, Self::Zero | Self::Integer | Self::Fraction | Self::ExponentDigits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tokens of a document given in pieces of that many bytes, each with its bytes; neighbours of one
    /// token joined.
    fn tokens(document: &str, size: usize) -> Result<Vec<String>, Malformed> {
        let mut tokens = Tokens::new();
        let mut all: Vec<String> = Vec::new();
        let mut inside = false;
        for piece in document.as_bytes().chunks(size) {
            let mut at = 0;
            while at < piece.len() {
                let (token, length) = tokens.next(&piece[at..])?;
                let text = String::from_utf8_lossy(&piece[at..at + length]).into_owned();
                at += length;
                match all.last_mut() {
                    Some(last) if inside || (token == Token::Space && last.starts_with(' ')) => last.push_str(&text),
                    _ => all.push(text),
                }
                inside = match token {
                    Token::Key { ended } | Token::ScalarRest { ended } => !ended,
                    Token::Scalar => true,
                    _ => false,
                };
            }
        }
        if tokens.at_end() { Ok(all) } else { Err(Malformed) }
    }

    #[test]
    fn tokens_are_the_same_whatever_the_pieces() {
        let document = r#"{"a\"b": [-0.5e+3,true ,null],"\u00e9":"\\","c":{}}  "#;
        let expected = [
            "{",
            r#""a\"b""#,
            ":",
            " ",
            "[",
            "-0.5e+3",
            ",",
            "true",
            " ",
            ",",
            "null",
            "]",
            ",",
            r#""\u00e9""#,
            ":",
            r#""\\""#,
            ",",
            r#""c""#,
            ":",
            "{",
            "}",
            "}",
            "  ",
        ];
        for size in 1..=document.len() {
            assert_eq!(tokens(document, size).as_deref().ok(), Some(&expected.map(String::from)[..]), "{size}");
        }
    }

    #[test]
    fn what_the_grammar_forbids_is_refused_whatever_the_pieces() {
        let structures = r#"{  [1  [1,]  [,1]  [1 2]  {,}  {"a"}  {"a":}  {"a":1,}  {a:1}  {"a" 1}  [}  {]  [1}  {"a":1]  {}{}  [1]]"#;
        let scalars = r#"01 -01 - -a 1. 1.e1 .5 1e 1e+ 1.5.5 1e1.5 +1 0x1 tru truex nul NULL NaN 'a' // " "\x" "\u12g4" "\u123g" "\u123""#;
        let others = ["", " ", "[1\u{c}]", "\u{feff}[]", "[\"\u{1}\"]", "[\"a\nb\"]"];
        let documents = structures.split("  ").chain(others).map(str::to_owned);
        for document in documents.chain(scalars.split(' ').map(|scalar| format!("[{scalar}]"))) {
            for size in [1, 2, 3, 100] {
                assert_eq!(tokens(&document, size), Err(Malformed), "{document} in pieces of {size}");
            }
        }
    }

    #[test]
    fn depth_ends_where_serde_json_ends_it() {
        for depth in [1, 126, 127, 128, 129] {
            let document = "[".repeat(depth) + &"]".repeat(depth);
            let refused = serde_json::from_str::<serde_json::Value>(&document).is_err();
            assert_eq!(tokens(&document, 7).is_err(), refused, "{depth}");
        }
    }
}
