//! Reads a few fields out of a JSON body in one pass, without building a tree.
//!
//! The gateway must know every id in a body before it forwards it, and must read it as Chakra will: a field that stands
//! twice is refused, because two parsers may disagree which one counts. Three things are looked for. Fields at fixed
//! places are named by JSON pointers. Bodies of messages, which Meta extends, are looked at whole: an id counts wherever
//! it stands, by its name and the name around it. And bodies of writes to what Portico keeps records of are closed: a
//! field that the catalogue does not name is reported.

use std::borrow::Cow;

use serde::de::IgnoredAny;

use crate::json_tokens::{Token, Tokens};
use crate::operation::{At, BodyKind, Closed, Condition, Kind, Operation};
use crate::scanned_body::{push_name, push_position, words};
use crate::schema::{Field, ValueType};

pub use crate::scanned_body::{BodyError, FieldValue, FoundId, ScannedBody, UnknownField};

/// How many fields can be watched at once.
const POINTERS: usize = 64;

/// The field of a message that is the caller's own text, whatever it looks like.
const OPAQUE: &str = "biz_opaque_callback_data";

/// What to read of the bodies on one route.
#[derive(Debug, Default)]
pub struct BodyScan {
    pointers: Vec<&'static str>,
    /// The names in each pointer.
    paths: Vec<Vec<&'static str>>,
    /// Whether the body is a list.
    list: bool,
    /// Where ids stand in a body that is looked at whole.
    ids: Option<Vec<IdPlace>>,
    /// The fields that a closed body may have.
    closed: Option<(&'static [Field], Closed)>,
}

/// A place of an id, wherever in the body it is.
#[derive(Debug, Clone, Copy)]
struct IdPlace {
    /// The nearest field around; empty for any.
    within: &'static str,
    /// The field; `*` for all below.
    name: &'static str,
    /// What the id names; none where it is the caller's own or nothing that Portico knows the owner of.
    kind: Option<Kind>,
}

impl BodyScan {
    /// Watches these fields of an object, or of a list if `list` says so: JSON pointers from the top, in
    /// which `*` stands for every element of a list and every value of an object, also for those that
    /// another pointer names. Positions in lists (`/a/0`) and `~` escapes are not understood.
    ///
    /// # Panics
    ///
    /// With more than 64 different pointers: they come from the catalogue.
    #[must_use]
    pub fn new(pointers: &[&'static str], list: bool) -> Self {
        let mut scan = Self { list, ..Self::default() };
        for pointer in pointers {
            scan.watch(pointer);
        }
        scan
    }

    /// Watches the fields that any of these operations looks at.
    #[must_use]
    pub fn for_operations(operations: &[&'static Operation]) -> Self {
        let mut scan = Self::default();
        for operation in operations {
            scan.list |= operation.body == BodyKind::JsonList;
            scan.watch_condition(operation.when);
            if let Some(free) = operation.free_ids {
                let free = free.iter().map(|&(within, name)| IdPlace { within, name, kind: None });
                scan.ids.get_or_insert_default().extend(free);
            }
            if let Some(closed) = operation.closed {
                scan.closed = Some((operation.request, closed));
            }
            for owned in operation.owned {
                match owned.at {
                    At::Body(pointer) => {
                        scan.watch(pointer);
                        // How many rows there are tells whether each names its id.
                        if let Some(end) = pointer.rfind("/*/") {
                            scan.watch(&pointer[..end + 2]);
                        }
                    }
                    At::Anywhere(within, name) => {
                        scan.ids.get_or_insert_default().push(IdPlace { within, name, kind: Some(owned.kind) });
                    }
                    At::Path(_) | At::Query(_) => {}
                }
                scan.watch_condition(owned.when);
            }
        }
        scan
    }

    fn watch_condition(&mut self, when: Condition) {
        match when {
            Condition::Always => {}
            Condition::BodyIs(pointer, _) | Condition::BodyIsNot(pointer, _) => self.watch(pointer),
        }
    }

    fn watch(&mut self, pointer: &'static str) {
        if self.pointers.contains(&pointer) {
            return;
        }
        assert!(self.pointers.len() < POINTERS, "at most {POINTERS} fields are watched at once");
        self.pointers.push(pointer);
        self.paths.push(pointer.split('/').skip(1).collect());
    }

    /// Reads a whole body, and checks that all of it is JSON.
    ///
    /// # Errors
    ///
    /// See [`BodyError`]; also when lists and objects nest deeper than 127. What is not on the way to a watched field may
    /// hold numbers and escapes that no tree could: Chakra gets it as it is.
    pub fn read(&self, body: &[u8]) -> Result<ScannedBody, BodyError> {
        let text = std::str::from_utf8(body).map_err(|_| BodyError::InvalidJson {
            line: 1,
            column: 1,
            what: "it is not UTF-8".into(),
        })?;
        let begins = if self.list { '[' } else { '{' };
        if !text.trim_start_matches([' ', '\t', '\r', '\n']).starts_with(begins) && !text.is_empty() {
            // Tell a list or number (valid JSON) from what is no JSON at all.
            serde_json::from_str::<IgnoredAny>(text).map_err(|error| BodyError::from_json(&error))?;
            return Err(if self.list { BodyError::NotAList } else { BodyError::NotObject });
        }
        Walk { scan: self, text, frames: Vec::with_capacity(8), out: ScannedBody::default() }.through()
    }

    /// Those of the live pointers whose name at this depth fits, as bits.
    fn which(&self, live: u64, depth: usize, fits: impl Fn(&str) -> bool) -> u64 {
        if live == 0 {
            return 0;
        }
        let live = self.paths.iter().enumerate().filter(|(index, _)| live & (1 << index) != 0);
        let named = live.filter(|(_, path)| path.get(depth).is_some_and(|name| fits(name)));
        named.fold(0, |all, (index, _)| all | 1 << index)
    }
}

/// One pass over a body.
struct Walk<'s> {
    scan: &'s BodyScan,
    text: &'s str,
    /// The open lists and objects that are of interest, the innermost last.
    frames: Vec<Frame<'s>>,
    out: ScannedBody,
}

/// An open list or object.
struct Frame<'s> {
    object: bool,
    /// The pointers that lead into it, as bits.
    live: u64,
    /// Those whose names were met in it, as bits.
    seen: u64,
    /// The places of ids whose names were met in it, as bits.
    seen_ids: u64,
    /// The nearest field around it.
    within: Cow<'s, str>,
    /// The current field of an object.
    key: Cow<'s, str>,
    /// The pointers that go on with the current field, as bits.
    named: u64,
    /// What a closed body may hold here.
    shape: Shape,
    /// What it may hold in the current field.
    field: Shape,
    /// Whether ids in here are the caller's own.
    free: bool,
    /// How many elements of a list began.
    elements: usize,
}

/// What a closed body may hold in some place.
#[derive(Debug, Clone, Copy)]
enum Shape {
    /// Anything.
    Open,
    /// Text, number, `true`, `false` or null.
    Scalar,
    /// An object with these fields; a row of a list may have its primary key too.
    Fields(&'static [Field], bool),
    /// A list of these.
    List(&'static ValueType),
}

impl Shape {
    fn of(ty: &ValueType, row: bool) -> Self {
        match *ty {
            ValueType::Object(fields) => Self::Fields(fields, row),
            ValueType::List(element) => Self::List(element),
            ValueType::Nullable(inner) => Self::of(inner, row),
            ValueType::Map(_) | ValueType::Any | ValueType::File => Self::Open,
            ValueType::Text
            | ValueType::Digits
            | ValueType::Uuid
            | ValueType::Url
            | ValueType::Bool
            | ValueType::Int
            | ValueType::Number
            | ValueType::OneOf(_) => Self::Scalar,
        }
    }
}

/// What is known of a value that begins.
struct Begins<'s> {
    live: u64,
    within: Cow<'s, str>,
    shape: Shape,
    free: bool,
}

impl<'s> Walk<'s> {
    fn through(mut self) -> Result<ScannedBody, BodyError> {
        let text = self.text;
        let mut tokens = Tokens::new();
        // The first byte of the key or scalar that is being read.
        let (mut at, mut begun) = (0, 0);
        // Lists and objects of no interest are skipped until so many are open again.
        let mut skipped: Option<u32> = None;
        while at < text.len() {
            let (token, length) = tokens.next(&text.as_bytes()[at..]).map_err(|_| self.not_json())?;
            let start = at;
            at += length;
            if let Some(depth) = skipped {
                if tokens.depth() <= depth {
                    skipped = None;
                }
                continue;
            }
            match token {
                Token::Space | Token::Comma | Token::Colon | Token::ScalarRest { ended: false } => {}
                Token::Key { ended: false } | Token::Scalar => begun = start,
                Token::Key { ended: true } => self.key(begun, at)?,
                Token::ScalarRest { ended: true } => self.scalar(begun, at)?,
                Token::OpenList | Token::OpenObject => {
                    if !self.open(token == Token::OpenObject) {
                        skipped = Some(tokens.depth() - 1);
                    }
                }
                Token::Close => drop(self.frames.pop()),
            }
        }
        if tokens.at_end() { Ok(self.out) } else { Err(self.not_json()) }
    }

    /// What `serde_json` says of a body that the grammar does not allow.
    fn not_json(&self) -> BodyError {
        match serde_json::from_str::<IgnoredAny>(self.text) {
            Err(error) => BodyError::from_json(&error),
            Ok(_) => {
                BodyError::InvalidJson { line: 1, column: 1, what: "lists and objects nest deeper than 127".into() }
            }
        }
    }

    fn key(&mut self, start: usize, end: usize) -> Result<(), BodyError> {
        let (scan, text) = (self.scan, self.text);
        let raw = &text[start..end];
        let depth = self.frames.len().saturating_sub(1);
        let Some(frame) = self.frames.last_mut() else { return Ok(()) };
        frame.key = match unescaped(raw) {
            Ok(key) => key,
            // No name that anybody looks for; on the way to a watched field nothing may be unreadable.
            Err(_) if frame.live == 0 && depth > 0 => Cow::Borrowed("\u{fffd}"),
            Err(error) => return Err(BodyError::at(text, start, words(&error))),
        };
        let key: &str = &frame.key;
        frame.named = scan.which(frame.live, depth, |known| known == key && known != "*");
        let places = scan.ids.as_deref().unwrap_or_default().iter().take(POINTERS).enumerate();
        let ids = places.filter(|(_, place)| place.name == key && key != "*").fold(0, |ids, (at, _)| ids | 1_u64 << at);
        if frame.seen & frame.named != 0 || frame.seen_ids & ids != 0 {
            return Err(BodyError::at(text, start, format!("the field \"{key}\" stands twice")));
        }
        frame.seen |= frame.named;
        frame.seen_ids |= ids;
        if let Shape::Fields(fields, row) = frame.shape {
            let known = fields.iter().find(|field| field.name == key);
            let open = depth == 0 && scan.closed.is_some_and(|(_, closed)| closed.open.contains(&key));
            frame.field = known.filter(|_| !open).map_or(Shape::Open, |field| Shape::of(&field.ty, false));
            if known.is_none() {
                let may_be_key = row && key != "id";
                self.unknown(may_be_key);
            }
        }
        Ok(())
    }

    /// Reports the current field.
    fn unknown(&mut self, may_be_key: bool) {
        let pointer = self.pointer();
        self.out.unknown.push(UnknownField { pointer, may_be_key });
    }

    /// Where the current value stands.
    fn pointer(&self) -> String {
        let mut pointer = String::new();
        for frame in &self.frames {
            if frame.object {
                push_name(&mut pointer, &frame.key);
            } else {
                push_position(&mut pointer, frame.elements.saturating_sub(1));
            }
        }
        pointer
    }

    /// What is known of the value that begins now; notes it for what looks for it.
    fn begin(&mut self) -> Begins<'s> {
        let scan = self.scan;
        let depth = self.frames.len();
        let Some(frame) = self.frames.last_mut() else {
            let live = scan.paths.iter().enumerate().fold(0, |live, (index, _)| live | 1 << index);
            let shape = match scan.closed {
                Some((fields, _)) if !scan.list => Shape::Fields(fields, false),
                Some(_) => Shape::List(&ValueType::Any),
                None => Shape::Open,
            };
            return Begins { live, within: Cow::Borrowed(""), shape, free: false };
        };
        let every = scan.which(frame.live, depth - 1, |name| name == "*");
        if frame.object {
            let free = frame.free || scan.ids.as_ref().is_some_and(|ids| is_free(ids, &frame.key));
            return Begins { live: frame.named | every, within: frame.key.clone(), shape: frame.field, free };
        }
        frame.elements += 1;
        let rows = scan.closed.is_some_and(|(_, closed)| closed.rows);
        let shape = match (frame.shape, scan.closed) {
            // The rows of a body that is a list.
            (Shape::List(_), Some((fields, _))) if scan.list && depth == 1 => Shape::Fields(fields, rows),
            (Shape::List(element), _) => Shape::of(element, rows),
            _ => Shape::Open,
        };
        Begins { live: every, within: frame.within.clone(), shape, free: frame.free }
    }

    /// The pointers that end at a value to which these lead, as bits.
    fn ending(&self, live: u64) -> u64 {
        let depth = self.frames.len();
        let paths = self.scan.paths.iter().enumerate();
        paths
            .filter(|(index, path)| live & (1 << index) != 0 && path.len() == depth)
            .fold(0, |all, (index, _)| all | 1 << index)
    }

    fn put(&mut self, ending: u64, value: &FieldValue) {
        for (index, pointer) in self.scan.pointers.iter().enumerate() {
            if ending & (1 << index) != 0 {
                self.out.found.push((pointer, value.clone()));
            }
        }
    }

    /// Notes that what these lead to cannot stand here.
    fn hide(&mut self, hidden: u64) {
        let pointers = self.scan.pointers.iter().enumerate().filter(|(index, _)| hidden & (1 << index) != 0);
        self.out.hidden.extend(pointers.map(|(_, pointer)| *pointer));
    }

    /// Enters a list or object; false if nothing in it is looked at.
    fn open(&mut self, object: bool) -> bool {
        let begins = self.begin();
        let ending = self.ending(begins.live);
        self.put(ending, &FieldValue::Other);
        if !object {
            // Where an object is to be, whose fields are watched, a list hides them.
            let depth = self.frames.len();
            let hidden = self.scan.which(begins.live & !ending, depth, |name| name != "*");
            self.hide(hidden);
        }
        if ending == 0
            && let Some(kind) = self.id_place(begins.free, false)
        {
            self.id(kind, FieldValue::Other);
        }
        let shape = match begins.shape {
            Shape::Scalar => {
                // A list or object where the catalogue knows none.
                self.unknown(false);
                Shape::Open
            }
            shape => shape,
        };
        let closed = !matches!(shape, Shape::Open);
        if !self.frames.is_empty() && begins.live == 0 && self.scan.ids.is_none() && !closed {
            return false;
        }
        self.frames.push(Frame {
            object,
            live: begins.live,
            seen_ids: 0,
            seen: 0,
            within: begins.within,
            key: Cow::Borrowed(""),
            named: 0,
            shape,
            field: Shape::Open,
            free: begins.free,
            elements: 0,
        });
        true
    }

    fn scalar(&mut self, start: usize, end: usize) -> Result<(), BodyError> {
        let begins = self.begin();
        let place = self.id_place(begins.free, true);
        let raw = &self.text[start..end];
        if self.may_hide_ids(begins.free) && is_packed(raw) {
            self.id(None, FieldValue::Other);
        }
        if begins.live == 0 && place.is_none() {
            return Ok(());
        }
        let value = field(raw).map_err(|error| BodyError::at(self.text, start, words(&error)))?;
        let ending = self.ending(begins.live);
        self.put(ending, &value);
        if value != FieldValue::Unset {
            // Where a list or an object is to be, in which something is watched.
            self.hide(begins.live & !ending);
        }
        if let Some(kind) = place
            && ending == 0
            && value != FieldValue::Unset
        {
            self.id(kind, value);
        }
        Ok(())
    }

    /// Whether a text here could be an object or a list that is written as JSON text, as Meta reads them too at the top
    /// of a message: then nobody has looked at the ids in it.
    fn may_hide_ids(&self, free: bool) -> bool {
        let [top] = self.frames.as_slice() else { return false };
        self.scan.ids.is_some() && !free && top.object && top.key != OPAQUE
    }

    /// Notes the id that the current value is.
    fn id(&mut self, kind: Option<Kind>, value: FieldValue) {
        let pointer = self.pointer();
        self.out.ids.push(FoundId { pointer, kind, value });
    }

    /// What the value that stands here now names, if it is an id: some kind, or none in an unknown place. Nothing for
    /// what is no id, or one of which nobody needs to know the owner.
    #[expect(clippy::option_option, reason = "no id, an id of unknown kind and one of a known kind are three things")]
    fn id_place(&self, free: bool, scalar: bool) -> Option<Option<Kind>> {
        let (ids, frame) = (self.scan.ids.as_ref()?, self.frames.last()?);
        let (within, name) = if frame.object { (&*frame.within, &*frame.key) } else { ("", &*frame.within) };
        if looks_like_id(name) {
            let fits = |place: &&IdPlace| place.name == name && (place.within.is_empty() || place.within == within);
            return match ids.iter().find(fits) {
                Some(place) => place.kind.map(Some),
                None => (!free).then_some(None),
            };
        }
        // Where an object with an id is expected, a bare value would be the id.
        let holder = || ids.iter().any(|place| place.kind.is_some() && place.within == name);
        (scalar && !free && !name.is_empty() && holder()).then_some(None)
    }
}

/// Whether a scalar is a text that could be an object or a list.
fn is_packed(raw: &str) -> bool {
    raw.starts_with('"') && unescaped(raw).is_ok_and(|text| text.trim_start().starts_with(['{', '[']))
}

/// Whether all ids below a field are the caller's own.
fn is_free(ids: &[IdPlace], name: &str) -> bool {
    ids.iter().any(|place| place.name == "*" && place.within == name)
}

/// Whether a field of that name holds an id, by the ways in which Meta and Chakra write such names.
fn looks_like_id(name: &str) -> bool {
    let name = name.strip_suffix(['s', 'S']).unwrap_or(name);
    let Some(before) = name.len().checked_sub(2).and_then(|at| name.is_char_boundary(at).then(|| name.split_at(at)))
    else {
        return false;
    };
    match before {
        ("", last) => last.eq_ignore_ascii_case("id"),
        (before, last @ ("id" | "ID" | "Id")) => {
            before.ends_with(['_', '-', '.', ' '])
                || (last.starts_with('I') && !before.ends_with(|c: char| c.is_ascii_uppercase()))
        }
        _ => false,
    }
}

/// The text of a JSON string with its quotes.
fn unescaped(raw: &str) -> Result<Cow<'_, str>, serde_json::Error> {
    match raw.strip_prefix('"').and_then(|raw| raw.strip_suffix('"')) {
        Some(plain) if !plain.contains('\\') => Ok(Cow::Borrowed(plain)),
        _ => serde_json::from_str(raw).map(Cow::Owned),
    }
}

/// What a scalar is as a field.
fn field(raw: &str) -> Result<FieldValue, serde_json::Error> {
    Ok(match raw.as_bytes().first() {
        Some(b'"') => match unescaped(raw)?.into_owned() {
            text if text.is_empty() => FieldValue::Unset,
            text => FieldValue::Text(text),
        },
        Some(b'n' | b'f') => FieldValue::Unset,
        Some(b't') => FieldValue::Other,
        _ => match raw.parse::<u64>() {
            Ok(0) => FieldValue::Unset,
            Ok(number) => FieldValue::Number(number.to_string()),
            Err(_) => {
                // A number beyond a double is none that two parsers agree about.
                serde_json::from_str::<f64>(raw)?;
                FieldValue::Other
            }
        },
    })
}

#[cfg(test)]
mod tests;
