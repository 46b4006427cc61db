//! Looks into a JSON answer while it passes, piece by piece.
//!
//! The values at watched places come out one by one, everything else as the bytes that it was, so that an
//! answer can be filtered and changed without ever being held as a whole. Rows of a watched list come
//! without the commas and the whitespace between them: whoever writes those that remain puts commas anew.
//!
//! What the splitter decides is which rows another customer may see, so it takes nothing on trust: the whole
//! answer has to be JSON by the same grammar as `serde_json`'s, in UTF-8, watched or not. A key that stands
//! twice in an object is met twice, and each of its values comes out, in the order of the answer: the rows of
//! a second list are filtered like those of the first, whichever of them the reader would take.
//!
//! The tokenizer beneath is our own, because none of the published parsers that take pieces can hand every
//! byte on. `actson` 2.1 remembers the first half of a surrogate pair, which JavaScript writes for a text cut
//! inside an emoji, and then refuses the next whole emoji anywhere in the document; it decodes some such keys
//! wrongly and does not check UTF-8. `json-event-parser` 0.2 and `picojson` 0.2 refuse the half pair at once;
//! the first also reads a cut token anew with every piece, and the second tells no positions. `struson` pulls
//! from a blocking reader, `jiter` and `aws-smithy-json` want the whole document. Their users stand for
//! their correctness; ours is compared instead: `tests/against_serde_json` and the fuzz target
//! `json_splitter` hold what comes out, in any division into pieces, against `serde_json`.

use std::borrow::Cow;

use crate::json_tokens::{Token, Tokens};

/// The longest value at a watched place, in bytes.
pub const VALUE_LIMIT: usize = 4 * 1024 * 1024;
/// How many places can be watched at once.
const POINTERS: usize = 64;

/// A stretch of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fragment {
    /// Bytes to hand on as they are.
    Unwatched(Vec<u8>),
    /// The JSON text of a value at a watched place.
    Watched {
        /// Which one, by its position in the list that [`JsonSplitter::new`] got.
        pointer: usize,
        /// The value's own text, without whitespace around it.
        json: Vec<u8>,
    },
}

/// Why an answer cannot be taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SplitError {
    /// Not JSON in UTF-8, nested deeper than 127 lists and objects, or not an object.
    #[error("the answer is not a JSON object")]
    Malformed,
    /// Something else than a list or null stands where a list is expected.
    #[error("the answer holds no list where one is expected")]
    NotAList,
    /// A watched value is longer than [`VALUE_LIMIT`].
    #[error("a value in the answer is too long")]
    TooLong,
}

/// Takes one answer apart. Needs memory for one watched value, one key and one piece at most.
#[derive(Debug)]
pub struct JsonSplitter {
    pointers: Vec<Vec<&'static str>>,
    /// Keys longer than this, in bytes, are none that is watched, even if all of it is escapes.
    longest_key: usize,
    tokens: Tokens,
    /// The lists and objects on the way to a watched place.
    frames: Vec<Frame>,
    /// The value that bytes belong to, when no frame is open around them more closely.
    value: Option<Value>,
    unwatched: Vec<u8>,
    /// The first bytes of a character that the last piece broke off in.
    cut: Vec<u8>,
    begun: bool,
    failed: Option<SplitError>,
    /// The fields that are known at the top; none known: all are.
    known: &'static [&'static str],
    unknown: Option<String>,
}

#[derive(Debug)]
struct Frame {
    object: bool,
    /// The pointers that lead into it, as bits.
    live: u64,
    /// Whether its elements are watched.
    rows: bool,
    /// The text of the current key, with quotes and escapes.
    key: Vec<u8>,
}

#[derive(Debug)]
struct Value {
    pointer: Option<usize>,
    json: Vec<u8>,
    /// How many lists and objects are open around it.
    depth: u32,
}

/// Where the bytes of a token outside of values go.
enum Outside {
    /// On, as they are.
    Handed,
    /// Nowhere: they stand between rows.
    Dropped,
    /// They are the first of a value.
    Begins(Value),
}

/// What the pointers say of a value that begins.
#[derive(Debug, Default)]
struct Watch {
    /// The first that ends here.
    pointer: Option<usize>,
    /// Those that lead on, as bits.
    live: u64,
    /// Whether one of them goes on with `*`.
    list: bool,
    /// Whether one of them ends with that `*`.
    rows: bool,
}

impl JsonSplitter {
    /// Watches these places: JSON pointers from the top, in which `*` stands for every element of a list.
    /// A value that is watched comes out as a whole; places inside of it are not looked for. Of two pointers
    /// to one place, the first counts. Positions in lists (`/a/0`) and `~` escapes are not understood.
    ///
    /// # Panics
    ///
    /// With more than 64 pointers: they come from the catalogue.
    #[must_use]
    pub fn new(pointers: &[&'static str]) -> Self {
        assert!(pointers.len() <= POINTERS, "at most {POINTERS} places are watched at once");
        let pointers: Vec<Vec<_>> = pointers.iter().map(|pointer| pointer.split('/').skip(1).collect()).collect();
        let longest = pointers.iter().flatten().map(|name| name.len()).max().unwrap_or_default();
        Self {
            pointers,
            // \u0061 for every letter, and the quotes.
            longest_key: longest * 6 + 2,
            tokens: Tokens::new(),
            frames: Vec::new(),
            value: None,
            unwatched: Vec::new(),
            cut: Vec::new(),
            begun: false,
            failed: None,
            known: &[],
            unknown: None,
        }
    }

    /// The same, which notes when another field than these stands at the top.
    #[must_use]
    pub fn knowing(mut self, known: &'static [&'static str]) -> Self {
        let longest = known.iter().map(|name| name.len()).max().unwrap_or_default();
        self.longest_key = self.longest_key.max(longest * 6 + 2);
        self.known = known;
        self
    }

    /// The first field that was met at the top without being known, since this was asked for the last time: at most 60
    /// characters of it.
    pub fn take_unknown(&mut self) -> Option<String> {
        self.unknown.take()
    }

    /// Takes the next piece, of any length.
    ///
    /// A byte order mark at the front of the answer is dropped.
    ///
    /// # Errors
    ///
    /// See [`SplitError`]. Fragments of what stood before the error may have been added; nothing more comes
    /// out, and every later call gives the same error.
    pub fn push(&mut self, piece: &[u8], fragments: &mut Vec<Fragment>) -> Result<(), SplitError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let piece = if self.cut.is_empty() {
            Cow::Borrowed(piece)
        } else {
            let mut joined = std::mem::take(&mut self.cut);
            joined.extend_from_slice(piece);
            Cow::Owned(joined)
        };
        let outcome = match std::str::from_utf8(&piece) {
            Ok(text) => self.text(text, fragments),
            Err(error) => {
                let (text, rest) = piece.split_at(error.valid_up_to());
                // The length is known when the character is wrong and not only cut.
                let cut = if error.error_len().is_some() { Err(SplitError::Malformed) } else { Ok(rest.to_vec()) };
                std::str::from_utf8(text)
                    .map_err(|_| SplitError::Malformed)
                    .and_then(|text| self.text(text, fragments))
                    .and_then(|()| cut.map(|cut| self.cut = cut))
            }
        };
        self.failed = outcome.err();
        outcome
    }

    /// Says that nothing more comes.
    ///
    /// # Errors
    ///
    /// [`SplitError::Malformed`] when the answer broke off; else what [`JsonSplitter::push`] failed with.
    pub fn finish(&self) -> Result<(), SplitError> {
        match self.failed {
            Some(error) => Err(error),
            None if self.tokens.at_end() && self.cut.is_empty() => Ok(()),
            None => Err(SplitError::Malformed),
        }
    }

    fn text(&mut self, mut text: &str, fragments: &mut Vec<Fragment>) -> Result<(), SplitError> {
        if !self.begun && !text.is_empty() {
            self.begun = true;
            text = text.strip_prefix('\u{feff}').unwrap_or(text);
        }
        self.bytes(text.as_bytes(), fragments)?;
        self.flush(fragments);
        Ok(())
    }

    fn bytes(&mut self, bytes: &[u8], fragments: &mut Vec<Fragment>) -> Result<(), SplitError> {
        // The bytes between the two are all for the current value, or for none, and not yet written there.
        let (mut from, mut at) = (0, 0);
        while at < bytes.len() {
            // No more than one byte too many of a watched value is looked at: so it is too long wherever
            // the pieces end.
            let room = self.room(at - from);
            let end = bytes.len().min(at + room + 1);
            let (token, length) = self.tokens.next(&bytes[at..end]).map_err(|_| SplitError::Malformed)?;
            if length > room {
                return Err(SplitError::TooLong);
            }
            let (start, end) = (at, at + length);
            at = end;
            if let Some(value) = &self.value {
                if value.ends(token, self.tokens.depth()) {
                    self.write(&bytes[from..end]);
                    self.value_ended(fragments);
                    from = end;
                }
                continue;
            }
            match self.outside(token, &bytes[start..end])? {
                Outside::Handed => {}
                Outside::Dropped => {
                    self.write(&bytes[from..start]);
                    from = end;
                }
                Outside::Begins(value) => {
                    self.write(&bytes[from..start]);
                    self.value = Some(value);
                    from = start;
                }
            }
        }
        self.write(&bytes[from..]);
        Ok(())
    }

    /// How many bytes more the current value may have, of which that many are not yet written.
    fn room(&self, unwritten: usize) -> usize {
        match &self.value {
            Some(Value { pointer: Some(_), json, .. }) => VALUE_LIMIT - json.len() - unwritten,
            _ => VALUE_LIMIT,
        }
    }

    fn write(&mut self, bytes: &[u8]) {
        match &mut self.value {
            Some(Value { pointer: Some(_), json, .. }) => json.extend_from_slice(bytes),
            _ => self.unwatched.extend_from_slice(bytes),
        }
    }

    fn flush(&mut self, fragments: &mut Vec<Fragment>) {
        if !self.unwatched.is_empty() {
            fragments.push(Fragment::Unwatched(std::mem::take(&mut self.unwatched)));
        }
    }

    fn value_ended(&mut self, fragments: &mut Vec<Fragment>) {
        if let Some(Value { pointer: Some(pointer), json, .. }) = self.value.take() {
            self.flush(fragments);
            fragments.push(Fragment::Watched { pointer, json });
        }
    }

    /// A token outside of values that need no look inside.
    fn outside(&mut self, token: Token, bytes: &[u8]) -> Result<Outside, SplitError> {
        match token {
            Token::Space | Token::Comma if self.frames.last().is_some_and(|frame| frame.rows) => {
                return Ok(Outside::Dropped);
            }
            Token::Key { .. } => self.key(bytes),
            Token::Close => drop(self.frames.pop()),
            Token::OpenList | Token::OpenObject | Token::Scalar => {
                let Watch { pointer, live, rows, .. } = self.watch(token, bytes)?;
                if pointer.is_some() || live == 0 || token == Token::Scalar {
                    let depth = self.tokens.depth() - u32::from(token != Token::Scalar);
                    return Ok(Outside::Begins(Value { pointer, json: Vec::new(), depth }));
                }
                self.frames.push(Frame { object: token == Token::OpenObject, live, rows, key: Vec::new() });
            }
            Token::Space | Token::Comma | Token::Colon | Token::ScalarRest { .. } => {}
        }
        Ok(Outside::Handed)
    }

    fn key(&mut self, bytes: &[u8]) {
        if let Some(frame) = self.frames.last_mut()
            && frame.key.len() <= self.longest_key
        {
            frame.key.extend_from_slice(bytes);
        }
    }

    /// Which pointers lead to the value that begins.
    fn watch(&mut self, token: Token, bytes: &[u8]) -> Result<Watch, SplitError> {
        let depth = self.frames.len();
        let Some(frame) = self.frames.last_mut() else {
            let leading = self.pointers.iter().enumerate().filter(|(_, path)| !path.is_empty());
            let live = leading.fold(0, |live, (index, _)| live | 1 << index);
            return if token == Token::OpenObject {
                Ok(Watch { live, ..Watch::default() })
            } else {
                Err(SplitError::Malformed)
            };
        };
        let key = std::mem::take(&mut frame.key);
        let key = if frame.object { unescaped(&key) } else { None };
        if depth == 1 && !self.known.is_empty() && key.as_deref().is_none_or(|key| !self.known.contains(&key)) {
            let name = key.as_deref().unwrap_or("(unreadable)").chars().filter(|c| !c.is_control()).take(60).collect();
            self.unknown.get_or_insert(name);
        }
        let mut watch = Watch::default();
        for (index, path) in self.pointers.iter().enumerate() {
            // A live pointer is longer than the way to here.
            let wanted = |path: &[&'static str]| match &key {
                Some(key) => path[depth - 1] == key && path[depth - 1] != "*",
                None => path[depth - 1] == "*" && !frame.object,
            };
            if frame.live & (1 << index) == 0 || !wanted(path) {
                continue;
            }
            if path.len() == depth {
                watch.pointer = watch.pointer.or(Some(index));
            } else {
                watch.live |= 1 << index;
                watch.list |= path[depth] == "*";
                watch.rows |= path[depth..] == ["*"];
            }
        }
        let null = token == Token::Scalar && bytes == b"n";
        if watch.list && token != Token::OpenList && !null {
            return Err(SplitError::NotAList);
        }
        Ok(watch)
    }
}

impl Value {
    /// Whether this token, after which so many lists and objects are open, is the value's last.
    fn ends(&self, token: Token, depth: u32) -> bool {
        depth == self.depth && matches!(token, Token::Close | Token::ScalarRest { ended: true })
    }
}

/// The text of a key, which may be written with escapes. None when it is no text: when an escape stands for
/// half a surrogate pair, or the end of an overlong key was left out.
fn unescaped(key: &[u8]) -> Option<Cow<'_, str>> {
    if key.contains(&b'\\') {
        return serde_json::from_slice(key).ok().map(Cow::Owned);
    }
    let key = key.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    std::str::from_utf8(key).ok().map(Cow::Borrowed)
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
