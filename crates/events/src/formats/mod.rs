//! From the bytes that Chakra posts to events: pure, without panic, in memory bounded by the body's length.
//!
//! Whatever is JSON is taken. What no rule knows becomes one event of kind [`EventKind::Unknown`] that holds the whole
//! body or the whole change. To know another of Meta's fields, add a line to `fields`.

mod chakra;
mod fields;
mod item;
mod json;
mod meta;
mod people;

use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};

use crate::kind::EventKind;
use crate::message::{Doubt, Format, MOST_EVENTS, ParseError, ParsedBody, ParsedEvent, Party, Source};

/// Takes a body apart. A byte order mark in front is passed over; half a surrogate pair and NUL inside of texts are
/// kept in the raw bytes and stand in no id.
///
/// # Errors
///
/// [`ParseError`] for what is no JSON.
pub fn parse(body: &[u8]) -> Result<ParsedBody<'_>, ParseError> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let body = std::str::from_utf8(body).map_err(|_| ParseError::NotUtf8)?;
    let value: &RawValue = serde_json::from_str(body)
        .map_err(|error| ParseError::NotJson { line: error.line(), column: error.column() })?;
    let mut events = Events { all: Vec::new(), length: 0, most: 2 * body.len() + ROOM };
    let read = read(value, &mut events);
    Ok(match read {
        Ok(format) if !events.all.is_empty() => ParsedBody { format, events: events.all, doubt: None, body },
        Ok(format) => ParsedBody { format, events: vec![whole(body)], doubt: None, body },
        Err(doubt) => ParsedBody { format: Format::Unknown, events: vec![whole(body)], doubt: Some(doubt), body },
    })
}

/// How much longer than twice the body its events may be when each is written out by itself, in bytes.
const ROOM: usize = 1 << 20;

fn read<'a>(value: &'a RawValue, events: &mut Events<'a>) -> Result<Format, Doubt> {
    let [entry, event, payload] = json::pick(value, ["entry", "event", "payload"])?;
    match (entry, event, payload) {
        (Some(entry), None, None) if json::is_list(entry) => meta::read(entry, events).map(|()| Format::Meta),
        (None, Some(event), Some(payload)) => {
            chakra::read(event, payload, events).map(|known| if known { Format::Chakra } else { Format::Unknown })
        }
        _ => Ok(Format::Unknown),
    }
}

/// The events found so far.
struct Events<'a> {
    all: Vec<ParsedEvent<'a>>,
    /// How long they are when written out.
    length: usize,
    most: usize,
}

impl<'a> Events<'a> {
    fn add(&mut self, event: ParsedEvent<'a>) -> Result<(), Doubt> {
        self.length += event.source.len();
        if self.all.len() == MOST_EVENTS || self.length > self.most {
            return Err(Doubt::TooMany);
        }
        self.all.push(event);
        Ok(())
    }
}

/// An event of which nothing is known yet but what it said itself it is.
fn unknown<'a>(field: &str, key: String, content: &'a str) -> ParsedEvent<'a> {
    let mut end = field.len().min(64);
    while !field.is_char_boundary(end) {
        end -= 1;
    }
    ParsedEvent {
        kind: EventKind::Unknown,
        field: field[..end].replace(char::is_control, "\u{fffd}"),
        key,
        waba_id: None,
        phone_number_id: None,
        occurred_at: None,
        message_id: None,
        status: None,
        party: Party::default(),
        group_id: None,
        named: Vec::new(),
        content,
        source: Source::default(),
    }
}

/// The body in one piece.
fn whole(body: &str) -> ParsedEvent<'_> {
    unknown("", hashed(EventKind::Unknown, &[body]), body)
}

/// The key of what has no id of its own: two events are the same when these texts are.
fn hashed(kind: EventKind, texts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for text in texts {
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text.as_bytes());
    }
    let mut key = format!("{}:#", kind.as_str());
    for byte in &hash.finalize()[..16] {
        key.push(char::from(b"0123456789abcdef"[usize::from(byte >> 4)]));
        key.push(char::from(b"0123456789abcdef"[usize::from(byte & 15)]));
    }
    key
}

/// A time that Meta writes in seconds and Chakra in milliseconds; none outside of the years 2009 to 2100, since when
/// there is WhatsApp.
fn time_of(value: Option<&RawValue>) -> Option<time::OffsetDateTime> {
    let number: i64 = json::text(value?)?.parse().ok()?;
    let ms = if number.abs() < 100_000_000_000 { number.checked_mul(1_000)? } else { number };
    if !(1_230_768_000_000..4_102_444_800_000).contains(&ms) {
        return None;
    }
    time::OffsetDateTime::from_unix_timestamp_nanos(i128::from(ms) * 1_000_000).ok()
}
