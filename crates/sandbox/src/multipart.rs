//! A reader of multipart bodies that never holds more than it keeps (RFC 7578, RFC 2046 §5.1).

use std::io::BufRead;

use bytes::{Buf, BytesMut};

/// Content of a part that is kept; of a larger part only the size is known.
pub(crate) const KEPT: usize = 16 * 1024 * 1024;
/// Parts beyond this are refused, as are header blocks longer than [`HEAD`].
const PARTS: usize = 64;
const HEAD: usize = 16 * 1024;

/// One part.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) name: String,
    pub(crate) filename: Option<String>,
    pub(crate) content_type: Option<String>,
    /// Its size.
    pub(crate) bytes: u64,
    /// The content, unless it is larger than [`KEPT`].
    pub(crate) content: Option<Vec<u8>>,
}

/// Takes a body chunk by chunk.
#[derive(Debug)]
pub(crate) struct Reader {
    /// `\r\n--boundary`.
    delimiter: Vec<u8>,
    buffer: BytesMut,
    place: Place,
    parts: Vec<Part>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Preamble,
    AfterDelimiter,
    Head,
    Content,
    End,
    Broken,
}

impl Reader {
    /// A reader for the boundary in a `Content-Type`, if it names one.
    pub(crate) fn for_content_type(content_type: &str) -> Option<Self> {
        let (kind, parameters) = content_type.split_once(';')?;
        if !kind.trim().eq_ignore_ascii_case("multipart/form-data") {
            return None;
        }
        let boundary = parameter(parameters, "boundary").filter(|boundary| (1..=70).contains(&boundary.len()))?;
        let mut delimiter = b"\r\n--".to_vec();
        delimiter.extend_from_slice(boundary.as_bytes());
        // The first delimiter may stand at the very beginning; all others follow a line break.
        Some(Self { delimiter, buffer: BytesMut::from(&b"\r\n"[..]), place: Place::Preamble, parts: Vec::new() })
    }

    /// Takes the next bytes.
    pub(crate) fn feed(&mut self, chunk: &[u8]) {
        self.buffer.extend_from_slice(chunk);
        while self.step() {}
    }

    /// The parts, if the body was whole and well formed.
    pub(crate) fn finish(self) -> Option<Vec<Part>> {
        (self.place == Place::End).then_some(self.parts)
    }

    /// One move; false when more bytes are needed or none are of interest.
    fn step(&mut self) -> bool {
        match self.place {
            Place::Preamble | Place::Content => self.run_to_delimiter(),
            Place::AfterDelimiter => self.after_delimiter(),
            Place::Head => self.head(),
            Place::End | Place::Broken => {
                self.buffer.clear();
                false
            }
        }
    }

    fn run_to_delimiter(&mut self) -> bool {
        let found = find(&self.buffer, &self.delimiter);
        // Without a match, what could be the beginning of one stays in the buffer.
        let free = found.unwrap_or_else(|| self.buffer.len().saturating_sub(self.delimiter.len() - 1));
        if self.place == Place::Content
            && let Some(part) = self.parts.last_mut()
        {
            keep(part, &self.buffer[..free]);
        }
        self.buffer.advance(free);
        if found.is_some() {
            self.buffer.advance(self.delimiter.len());
            self.place = Place::AfterDelimiter;
        }
        found.is_some()
    }

    fn after_delimiter(&mut self) -> bool {
        if self.buffer.len() < 2 {
            return false;
        }
        self.place = match &self.buffer[..2] {
            b"\r\n" => Place::Head,
            b"--" => Place::End,
            _ => Place::Broken,
        };
        // The line break stays for `head`, which looks for an empty line.
        if self.place == Place::Head && self.parts.len() == PARTS {
            self.place = Place::Broken;
        }
        true
    }

    fn head(&mut self) -> bool {
        let Some(end) = find(&self.buffer, b"\r\n\r\n") else {
            if self.buffer.len() > HEAD {
                self.place = Place::Broken;
                return true;
            }
            return false;
        };
        let part = std::str::from_utf8(&self.buffer[..end]).ok().and_then(part_of);
        self.buffer.advance(end + 4);
        self.place = if part.is_some() { Place::Content } else { Place::Broken };
        self.parts.extend(part);
        true
    }
}

fn keep(part: &mut Part, bytes: &[u8]) {
    part.bytes += bytes.len() as u64;
    if let Some(content) = &mut part.content {
        if content.len() + bytes.len() > KEPT {
            part.content = None;
        } else {
            content.extend_from_slice(bytes);
        }
    }
}

fn part_of(head: &str) -> Option<Part> {
    let mut part = Part { content: Some(Vec::new()), ..Part::default() };
    for line in head.split("\r\n").filter(|line| !line.is_empty()) {
        let (name, value) = line.split_once(':')?;
        match name.trim().to_ascii_lowercase().as_str() {
            "content-disposition" => {
                part.name = parameter(value, "name")?;
                part.filename = parameter(value, "filename");
            }
            "content-type" => part.content_type = Some(value.trim().to_owned()),
            _ => {}
        }
    }
    Some(part)
}

/// The value of a parameter such as `name="file"`; quotes may hold semicolons and `\"`.
fn parameter(text: &str, name: &str) -> Option<String> {
    let mut rest = text;
    loop {
        let (key, after) = rest.split_once('=')?;
        let key = key.rsplit(';').next().unwrap_or(key).trim();
        let (value, tail) = match after.strip_prefix('"') {
            Some(quoted) => unquote(quoted)?,
            None => match after.split_once(';') {
                Some((value, tail)) => (value.trim().to_owned(), tail),
                None => (after.trim().to_owned(), ""),
            },
        };
        if key.eq_ignore_ascii_case(name) {
            return Some(value);
        }
        rest = tail;
    }
}

fn unquote(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => value.push(chars.next()?.1),
            c => value.push(c),
        }
    }
    None
}

/// Where `needle` begins; it must start with a carriage return, which is what is searched for.
fn find(hay: &[u8], needle: &[u8]) -> Option<usize> {
    let mut at = 0;
    while at < hay.len() {
        // The standard library's own fast byte search hides behind `BufRead`.
        let mut rest = &hay[at..];
        let skipped = rest.skip_until(b'\r').unwrap_or(0);
        let candidate = at + skipped.checked_sub(1)?;
        if hay[candidate..].starts_with(needle) {
            return Some(candidate);
        }
        at = candidate + 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = b"--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a;\\\"b.png\"\r\nContent-Type: image/png\r\n\r\nab\r\r\n--cd\r\n--x\r\nContent-Disposition: form-data; name=empty\r\n\r\n\r\n--x--\r\n";

    fn read(body: &[u8], step: usize) -> Option<Vec<Part>> {
        let mut reader = Reader::for_content_type("multipart/form-data; charset=utf-8; boundary=x").expect("has one");
        body.chunks(step).for_each(|chunk| reader.feed(chunk));
        reader.finish()
    }

    #[test]
    fn parts_come_out_the_same_however_the_body_is_cut() {
        for step in 1..=BODY.len() {
            let parts = read(BODY, step).expect("is well formed");
            assert_eq!(parts.len(), 2, "in steps of {step}");
            assert_eq!(parts[0].filename.as_deref(), Some("a;\"b.png"));
            assert_eq!(parts[0].content_type.as_deref(), Some("image/png"));
            assert_eq!(parts[0].content.as_deref(), Some(&b"ab\r\r\n--cd"[..]));
            assert_eq!((parts[1].name.as_str(), parts[1].bytes), ("empty", 0));
        }
    }

    #[test]
    fn a_body_that_ends_early_is_refused() {
        assert_eq!(read(&BODY[..BODY.len() - 4], 7), None);
        assert_eq!(read(b"nothing", 3), None);
    }

    #[test]
    fn of_a_large_part_only_the_size_stays() {
        let mut body = b"--x\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\n".to_vec();
        body.resize(body.len() + KEPT + 1, b'\r');
        body.extend_from_slice(b"\r\n--x--");
        let parts = read(&body, 65_536).expect("is well formed");
        assert_eq!((parts[0].bytes, parts[0].content.is_none()), (KEPT as u64 + 1, true));
    }

    #[test]
    fn only_a_form_with_a_boundary_is_read() {
        for other in ["multipart/form-data", "application/json; boundary=x", "multipart/form-data; boundary="] {
            assert!(Reader::for_content_type(other).is_none(), "{other}");
        }
        assert!(Reader::for_content_type("Multipart/Form-Data; boundary=\"a b\"").is_some());
    }
}
