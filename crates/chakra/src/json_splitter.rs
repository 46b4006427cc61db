//! Looks into a JSON answer while it passes, piece by piece.
//!
//! The values at watched places come out one by one, everything else as the bytes that it was, so
//! that an answer can be filtered and changed without ever being held as a whole. Rows of a watched
//! list come without the commas between them: whoever writes those that remain puts commas anew.

/// The longest value at a watched place, in bytes.
const VALUE_LIMIT: usize = 4 * 1024 * 1024;
const MARK: &[u8] = b"\xef\xbb\xbf";

/// A stretch of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fragment {
    /// Bytes to hand on as they are.
    Unwatched(Vec<u8>),
    /// The JSON text of a value at a watched place.
    Watched {
        /// Which one, by its position in the list that [`JsonSplitter::new`] got.
        pointer: usize,
        /// The value's own text.
        json: Vec<u8>,
    },
}

/// Why an answer cannot be taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SplitError {
    /// Not JSON, or not an object.
    #[error("the answer is not a JSON object")]
    Malformed,
    /// Something else than a list stands where one is expected.
    #[error("the answer holds no list where one is expected")]
    NotAList,
    /// A watched value is longer than can be held.
    #[error("a value in the answer is too long")]
    TooLong,
}

/// Takes an answer apart.
#[derive(Debug)]
pub struct JsonSplitter {
    watches: Vec<Vec<&'static str>>,
    frames: Vec<Frame>,
    mode: Mode,
    raw: Vec<u8>,
    /// How much of a byte order mark was seen.
    mark: usize,
}

#[derive(Debug)]
struct Frame {
    object: bool,
    /// The watches whose places may lie inside, as bits.
    live: u64,
    /// The watch of every element of this list.
    rows: Option<usize>,
    key: Vec<u8>,
    at: At,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    /// Before the first key or element, or the end.
    First,
    /// Before a key.
    Key,
    Colon,
    Value,
    /// After a value.
    After,
}

#[derive(Debug)]
enum Mode {
    Start,
    Structure,
    Key { escaped: bool },
    Value(Value),
    End,
}

#[derive(Debug)]
struct Value {
    watch: Option<usize>,
    text: Vec<u8>,
    depth: usize,
    in_string: bool,
    escaped: bool,
}

impl JsonSplitter {
    /// Watches these places, at most 64: JSON pointers from the top, in which `*` stands for every
    /// element of a list.
    #[must_use]
    pub fn new(pointers: &[&'static str]) -> Self {
        let watches = pointers.iter().map(|pointer| pointer.split('/').skip(1).collect()).collect();
        Self { watches, frames: Vec::new(), mode: Mode::Start, raw: Vec::new(), mark: 0 }
    }

    /// Takes the next piece.
    ///
    /// # Errors
    ///
    /// See [`SplitError`]; after one, nothing more comes out.
    pub fn push(&mut self, piece: &[u8], fragments: &mut Vec<Fragment>) -> Result<(), SplitError> {
        let mut at = 0;
        while let Some(&byte) = piece.get(at) {
            at += match self.mode {
                Mode::Value(_) => self.inside(&piece[at..], fragments)?,
                _ => usize::from(self.step(byte)?),
            };
        }
        self.flush(fragments);
        Ok(())
    }

    /// Says that nothing more comes.
    ///
    /// # Errors
    ///
    /// [`SplitError::Malformed`] when the answer broke off.
    pub fn finish(&self) -> Result<(), SplitError> {
        if matches!(self.mode, Mode::End) { Ok(()) } else { Err(SplitError::Malformed) }
    }

    fn flush(&mut self, fragments: &mut Vec<Fragment>) {
        if !self.raw.is_empty() {
            fragments.push(Fragment::Unwatched(std::mem::take(&mut self.raw)));
        }
    }

    /// One byte outside of values; whether it is used up.
    fn step(&mut self, byte: u8) -> Result<bool, SplitError> {
        match &mut self.mode {
            Mode::Start => self.start(byte),
            Mode::End => self.blank(byte),
            Mode::Key { escaped } => {
                self.raw.push(byte);
                if byte == b'"' && !*escaped {
                    self.mode = Mode::Structure;
                    return Ok(true);
                }
                *escaped = byte == b'\\' && !*escaped;
                let frame = self.frames.last_mut().ok_or(SplitError::Malformed)?;
                if frame.key.len() > 1_024 {
                    return Err(SplitError::TooLong);
                }
                frame.key.push(byte);
                Ok(true)
            }
            Mode::Structure | Mode::Value(_) => self.structure(byte),
        }
    }

    fn start(&mut self, byte: u8) -> Result<bool, SplitError> {
        if self.mark < MARK.len() && byte == MARK[self.mark] {
            self.mark += 1;
            return Ok(true);
        }
        match byte {
            _ if self.mark != 0 && self.mark != MARK.len() => Err(SplitError::Malformed),
            b'{' => {
                let live = if self.watches.len() < 64 { (1 << self.watches.len()) - 1 } else { u64::MAX };
                self.open(true, live, None);
                Ok(true)
            }
            _ => self.blank(byte),
        }
    }

    fn blank(&mut self, byte: u8) -> Result<bool, SplitError> {
        if !byte.is_ascii_whitespace() {
            return Err(SplitError::Malformed);
        }
        self.raw.push(byte);
        Ok(true)
    }

    fn open(&mut self, object: bool, live: u64, rows: Option<usize>) {
        self.raw.push(if object { b'{' } else { b'[' });
        self.frames.push(Frame { object, live, rows, key: Vec::new(), at: At::First });
        self.mode = Mode::Structure;
    }

    fn close(&mut self, byte: u8) {
        self.raw.push(byte);
        self.frames.pop();
        match self.frames.last_mut() {
            Some(frame) => frame.at = At::After,
            None => self.mode = Mode::End,
        }
    }

    fn structure(&mut self, byte: u8) -> Result<bool, SplitError> {
        let frame = self.frames.last_mut().ok_or(SplitError::Malformed)?;
        let between_rows = frame.rows.is_some();
        if byte.is_ascii_whitespace() {
            if !between_rows {
                self.raw.push(byte);
            }
            return Ok(true);
        }
        match (frame.at, byte) {
            (At::First | At::After, b'}') if frame.object => self.close(byte),
            (At::First | At::After, b']') if !frame.object => self.close(byte),
            (At::First | At::Key, b'"') if frame.object => {
                frame.key.clear();
                frame.at = At::Colon;
                self.raw.push(byte);
                self.mode = Mode::Key { escaped: false };
            }
            (At::Colon, b':') => {
                frame.at = At::Value;
                self.raw.push(byte);
            }
            (At::After, b',') => {
                frame.at = if frame.object { At::Key } else { At::Value };
                if !between_rows {
                    self.raw.push(byte);
                }
            }
            (At::Value | At::First, _) if frame.at == At::Value || !frame.object => {
                return self.value(byte).map(|()| matches!(byte, b'{' | b'[') && self.opened());
            }
            _ => return Err(SplitError::Malformed),
        }
        Ok(true)
    }

    /// Whether the last value began a frame, which used its first byte up.
    fn opened(&self) -> bool {
        !matches!(self.mode, Mode::Value(_))
    }

    /// A value begins.
    fn value(&mut self, byte: u8) -> Result<(), SplitError> {
        let depth = self.frames.len();
        let frame = self.frames.last_mut().ok_or(SplitError::Malformed)?;
        frame.at = At::After;
        let key = if frame.object { unescaped(&frame.key) } else { None };
        let (mut watch, mut live, mut rows, mut listed) = (None, 0_u64, None, false);
        for (index, path) in self.watches.iter().enumerate() {
            if frame.live & (1 << index) == 0 {
                continue;
            }
            // A live watch is longer than the path to here.
            let wanted = path[depth - 1];
            let fits = if frame.object { key.as_deref() == Some(wanted) } else { wanted == "*" };
            if !fits {
                continue;
            }
            if path.len() == depth {
                watch = watch.or(Some(index));
                continue;
            }
            live |= 1 << index;
            if path[depth] == "*" {
                listed = true;
                if path.len() == depth + 1 {
                    rows = Some(index);
                }
            }
        }
        if listed && !matches!(byte, b'[' | b'n') {
            return Err(SplitError::NotAList);
        }
        if watch.is_none() && live != 0 && matches!(byte, b'{' | b'[') {
            self.open(byte == b'{', live, rows);
        } else {
            let value = Value { watch, text: Vec::new(), depth: 0, in_string: false, escaped: false };
            self.mode = Mode::Value(value);
        }
        Ok(())
    }

    /// Bytes inside a value; how many are used up.
    fn inside(&mut self, piece: &[u8], fragments: &mut Vec<Fragment>) -> Result<usize, SplitError> {
        let Mode::Value(value) = &mut self.mode else { return Ok(0) };
        let (length, ended) = value.scan(piece);
        if value.watch.is_some() {
            if value.text.len() + length > VALUE_LIMIT {
                return Err(SplitError::TooLong);
            }
            value.text.extend_from_slice(&piece[..length]);
        } else {
            self.raw.extend_from_slice(&piece[..length]);
        }
        if ended {
            let (watch, text) = (value.watch, std::mem::take(&mut value.text));
            self.mode = Mode::Structure;
            if let Some(watch) = watch {
                self.flush(fragments);
                fragments.push(Fragment::Watched { pointer: watch, json: text });
            }
        }
        Ok(length)
    }
}

impl Value {
    /// How many bytes of the piece belong to the value, and whether it ends with them.
    fn scan(&mut self, piece: &[u8]) -> (usize, bool) {
        for (at, &byte) in piece.iter().enumerate() {
            if self.in_string {
                match byte {
                    _ if self.escaped => self.escaped = false,
                    b'\\' => self.escaped = true,
                    b'"' => {
                        self.in_string = false;
                        if self.depth == 0 {
                            return (at + 1, true);
                        }
                    }
                    _ => {}
                }
                continue;
            }
            match byte {
                b'"' => self.in_string = true,
                b'{' | b'[' => self.depth += 1,
                b',' | b'}' | b']' | b' ' | b'\t' | b'\r' | b'\n' if self.depth == 0 => return (at, true),
                b'}' | b']' => {
                    self.depth -= 1;
                    if self.depth == 0 {
                        return (at + 1, true);
                    }
                }
                _ => {}
            }
        }
        (piece.len(), false)
    }
}

/// The text of a key, which may be written with escapes.
fn unescaped(raw: &[u8]) -> Option<String> {
    let mut quoted = Vec::with_capacity(raw.len() + 2);
    quoted.push(b'"');
    quoted.extend_from_slice(raw);
    quoted.push(b'"');
    serde_json::from_slice(&quoted).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &str =
        r#"{"_data": [ {"id":"1","x":[{}]} , {"id":"2"} ], "_meta":{"total":2,"s":"a\"]}"}, "_errors":[], "n":-1.5e3}"#;

    /// Splits in pieces of that many bytes; raw bytes joined, values in brackets.
    fn split(pointers: &[&'static str], body: &str, size: usize) -> Result<String, SplitError> {
        let mut splitter = JsonSplitter::new(pointers);
        let mut text = String::new();
        for piece in body.as_bytes().chunks(size) {
            let mut fragments = Vec::new();
            splitter.push(piece, &mut fragments)?;
            for part in fragments {
                match part {
                    Fragment::Unwatched(raw) => text.push_str(&String::from_utf8(raw).expect("is ASCII")),
                    Fragment::Watched { pointer, json } => {
                        let json = String::from_utf8(json).expect("is ASCII");
                        text = format!("{text}<{pointer}:{json}>");
                    }
                }
            }
        }
        splitter.finish().map(|()| text)
    }

    #[test]
    fn what_is_not_watched_passes_as_it_is() {
        for size in [1, 2, 7, 1000] {
            assert_eq!(split(&["/absent", "/n/deeper"], BODY, size).as_deref(), Ok(BODY));
        }
    }

    #[test]
    fn watched_values_come_out_whatever_the_pieces() {
        let expected = r#"{"_data": [<0:{"id":"1","x":[{}]}><0:{"id":"2"}>], "_meta":<1:{"total":2,"s":"a\"]}"}>, "_errors":[], "n":<2:-1.5e3>}"#;
        for size in [1, 2, 3, 5, 11, 1000] {
            assert_eq!(split(&["/_data/*", "/_meta", "/n"], BODY, size).as_deref(), Ok(expected), "{size}");
        }
    }

    #[test]
    fn nested_places_are_found() {
        let body = r#"{"data":{"groups":[{"id":"g","in":{"id":"no"}}]},"paging":{"next":"u","cursors":{"next":"c"}}}"#;
        let expected =
            r#"{"data":{"groups":[{"id":<0:"g">,"in":{"id":"no"}}]},"paging":{"next":<1:"u">,"cursors":{"next":"c"}}}"#;
        assert_eq!(split(&["/data/groups/*/id", "/paging/next"], body, 1000).as_deref(), Ok(expected));
    }

    #[test]
    fn an_escaped_key_is_the_same_key_and_a_second_list_is_split_too() {
        let body = r#"{"_d\u0061ta":[1],"_data":[2]}"#;
        assert_eq!(split(&["/_data/*"], body, 4).as_deref(), Ok(r#"{"_d\u0061ta":[<0:1>],"_data":[<0:2>]}"#));
    }

    #[test]
    fn a_byte_order_mark_in_front_is_dropped() {
        assert_eq!(split(&["/a"], "\u{feff}{\"a\":1}", 1).as_deref(), Ok("{\"a\":<0:1>}"));
    }

    #[test]
    fn another_value_in_the_place_of_a_list_is_refused_but_null_is_not() {
        assert_eq!(split(&["/_data/*"], r#"{"_data":{"a":[1]}}"#, 3), Err(SplitError::NotAList));
        assert_eq!(split(&["/_data/*"], r#"{"_data":"x"}"#, 3), Err(SplitError::NotAList));
        assert_eq!(split(&["/_data/*"], r#"{"_data":null}"#, 3).as_deref(), Ok(r#"{"_data":null}"#));
    }

    #[test]
    fn what_breaks_off_or_is_no_object_is_refused() {
        for body in
            ["", "[]", "<html>", r#"{"a":[1"#, r#"{"a":1}x"#, r#"{"a" 1}"#, r#"{"a":1,}"#, "{]", r#"{"a":{"b":1]}"#]
        {
            assert_eq!(split(&["/a/b", "/c"], body, 2), Err(SplitError::Malformed), "{body}");
        }
    }
}
