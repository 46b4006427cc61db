//! What the splitter must give for any bytes, worked out with `serde_json`, and the comparison.

use portico_chakra::json_splitter::{Fragment, JsonSplitter, SplitError};
use serde_json::Value;
use serde_json::value::RawValue;

use super::document::{self, Inside};

/// Places to watch in an answer: simple ones, one inside another, twice the same, and those that cannot be.
pub(crate) const ANSWER_POINTERS: &[&[&str]] = &[
    &[],
    &["/a"],
    &["/a/b", "/c"],
    &["/a/b", "/a", "/a"],
    &["/a/*", "/c"],
    &["/a/*/b", "/a/c", "/b/*"],
    &["/a/*", "/a/*/b", "/a/*/*"],
    &["/a/*/*", "/b/a/*/c"],
    &["/*", "/*/a", "", "/"],
    &["/_data/*", "/_meta"],
    &["/data/groups/*", "/paging/next", "/paging/previous"],
];

/// How many lists and objects may be open at once: as many as `serde_json` takes in a `Value`.
const DEPTH_LIMIT: usize = 127;

/// Holds the splitter against `serde_json` for these bytes, given at once and cut at these places.
///
/// # Panics
///
/// Where they differ.
pub(crate) fn check(pointers: &[&'static str], answer: &[u8], cuts: &[usize]) {
    let whole = split(pointers, [answer]);
    let cut = split(pointers, pieces(answer, cuts));
    let readable = || format!("{:?} with {pointers:?}, cut at {cuts:?}", String::from_utf8_lossy(answer));
    match (&whole, &cut) {
        (Outcome { error: None, .. }, _) => assert_eq!(cut, whole, "{}", readable()),
        (Outcome { error, .. }, _) => {
            assert_eq!(cut.error, *error, "{}", readable());
            assert_eq!(cut.watched(), whole.watched(), "{}", readable());
        }
    }
    let document = answer.strip_prefix(b"\xef\xbb\xbf").unwrap_or(answer);
    match expected(pointers, document) {
        Ok(fragments) => assert_eq!(whole, Outcome { fragments, error: None }, "{}", readable()),
        Err(Some(error)) => assert_eq!(whole.error, Some(error), "{}", readable()),
        Err(None) => assert!(whole.error.is_some(), "{}", readable()),
    }
    if whole.error.is_none()
        && let Ok(tree) = serde_json::from_slice::<Value>(document)
    {
        check_last(pointers, &whole, &tree);
        if let Some(tree) = document::unambiguous(document) {
            check_tree(pointers, &whole, &tree);
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// Neighbours that are unwatched are one.
    pub(crate) fragments: Vec<Fragment>,
    pub(crate) error: Option<SplitError>,
}

impl Outcome {
    /// The values that came out, each with its pointer.
    fn watched(&self) -> Vec<(usize, &[u8])> {
        let watched = self.fragments.iter().filter_map(|fragment| match fragment {
            Fragment::Watched { pointer, json } => Some((*pointer, json.as_slice())),
            Fragment::Unwatched(_) => None,
        });
        watched.collect()
    }
}

pub(crate) fn split<'a>(pointers: &[&'static str], pieces: impl IntoIterator<Item = &'a [u8]>) -> Outcome {
    let mut splitter = JsonSplitter::new(pointers);
    let mut fragments = Vec::new();
    let pushed = pieces.into_iter().try_for_each(|piece| splitter.push(piece, &mut fragments));
    let error = pushed.and_then(|()| splitter.finish()).err();
    if pushed.is_err() {
        let count = fragments.len();
        assert_eq!(splitter.push(b"{}", &mut fragments).err(), error, "an error is not forgotten");
        assert_eq!(splitter.finish().err(), error, "an error is not forgotten");
        assert_eq!(fragments.len(), count, "nothing comes out after an error");
    }
    Outcome { fragments: joined(fragments), error }
}

/// The bytes in pieces that end at these places, taken modulo the length.
fn pieces<'a>(bytes: &'a [u8], cuts: &[usize]) -> Vec<&'a [u8]> {
    let mut ends: Vec<usize> = cuts.iter().map(|cut| cut % (bytes.len() + 1)).collect();
    ends.push(bytes.len());
    ends.sort_unstable();
    let mut start = 0;
    ends.into_iter().map(|end| &bytes[std::mem::replace(&mut start, end)..end]).collect()
}

fn joined(fragments: Vec<Fragment>) -> Vec<Fragment> {
    let mut all: Vec<Fragment> = Vec::new();
    for fragment in fragments {
        match (all.last_mut(), fragment) {
            (Some(Fragment::Unwatched(last)), Fragment::Unwatched(more)) => last.extend(more),
            (_, Fragment::Unwatched(none)) if none.is_empty() => {}
            (_, fragment) => all.push(fragment),
        }
    }
    all
}

/// Where a watched value stands, or a list whose elements are all watched.
enum Found {
    Value { pointer: usize, start: usize, end: usize },
    ListBegins(usize),
    ListEnds(usize),
}

/// What must come out; else the error, if it is certain which.
fn expected(pointers: &[&'static str], document: &[u8]) -> Result<Vec<Fragment>, Option<SplitError>> {
    let top = document::read(document).ok_or(None)?;
    if depth(top) > DEPTH_LIMIT {
        return Err(None);
    }
    if !top.get().starts_with('{') {
        return Err(Some(SplitError::Malformed));
    }
    let paths: Vec<Vec<&str>> = pointers.iter().map(|pointer| pointer.split('/').skip(1).collect()).collect();
    let live: Vec<(usize, &[&str])> =
        paths.iter().map(Vec::as_slice).enumerate().filter(|(_, path)| !path.is_empty()).collect();
    let mut walk = Walk { base: document.as_ptr() as usize, found: Vec::new() };
    walk.members(top, &live).map_err(Some)?;
    let mut fragments = Vec::new();
    let (mut written, mut in_list) = (0, false);
    for found in walk.found {
        let (start, end) = match found {
            Found::Value { start, end, .. } => (start, end),
            Found::ListBegins(at) | Found::ListEnds(at) => (at, at),
        };
        if in_list {
            let between = &document[written..start];
            assert!(between.iter().all(|byte| b", \t\r\n".contains(byte)), "only commas and whitespace get lost");
        } else {
            fragments.push(Fragment::Unwatched(document[written..start].to_vec()));
        }
        match found {
            Found::Value { pointer, .. } => {
                fragments.push(Fragment::Watched { pointer, json: document[start..end].to_vec() });
            }
            Found::ListBegins(_) => in_list = true,
            Found::ListEnds(_) => in_list = false,
        }
        written = end;
    }
    fragments.push(Fragment::Unwatched(document[written..].to_vec()));
    Ok(joined(fragments))
}

/// How many lists and objects are open at once, at most.
fn depth(value: &RawValue) -> usize {
    let (mut depth, mut deepest, mut quoted, mut escaped) = (0_usize, 0, false, false);
    for byte in value.get().bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = quoted,
            b'"' => quoted = !quoted,
            b'[' | b'{' if !quoted => depth += 1,
            b']' | b'}' if !quoted => depth -= 1,
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

struct Walk {
    base: usize,
    found: Vec<Found>,
}

impl Walk {
    fn start(&self, value: &RawValue) -> usize {
        value.get().as_ptr() as usize - self.base
    }

    /// A value, and what is left of the pointers that lead to it.
    fn value(&mut self, value: &RawValue, live: &[(usize, &[&str])]) -> Result<(), SplitError> {
        let (start, length) = (self.start(value), value.get().len());
        let goes_on = |name: &str| live.iter().any(|(_, rest)| rest.first() == Some(&name));
        if goes_on("*") && !value.get().starts_with('[') && value.get() != "null" {
            return Err(SplitError::NotAList);
        }
        if let Some((pointer, _)) = live.iter().find(|(_, rest)| rest.is_empty()) {
            self.found.push(Found::Value { pointer: *pointer, start, end: start + length });
            return Ok(());
        }
        match document::inside(value) {
            Inside::Scalar => Ok(()),
            Inside::Object(_) => self.members(value, live),
            Inside::List(elements) => {
                let rows = live.iter().any(|(_, rest)| *rest == ["*"]);
                if rows {
                    self.found.push(Found::ListBegins(start + 1));
                }
                for element in elements {
                    self.value(element, &led_on(live, "*"))?;
                }
                if rows {
                    self.found.push(Found::ListEnds(start + length - 1));
                }
                Ok(())
            }
        }
    }

    fn members(&mut self, object: &RawValue, live: &[(usize, &[&str])]) -> Result<(), SplitError> {
        let Inside::Object(members) = document::inside(object) else { return Ok(()) };
        for (key, value) in members {
            let live = document::text(key).filter(|key| key != "*").map_or_else(Vec::new, |key| led_on(live, &key));
            self.value(value, &live)?;
        }
        Ok(())
    }
}

fn led_on<'p>(live: &[(usize, &'p [&'p str])], name: &str) -> Vec<(usize, &'p [&'p str])> {
    live.iter().filter(|(_, rest)| rest.first() == Some(&name)).map(|(index, rest)| (*index, &rest[1..])).collect()
}

/// A field of the top that stands twice comes out twice; the last is what a tree has.
fn check_last(pointers: &[&'static str], outcome: &Outcome, tree: &Value) {
    for (index, pointer) in pointers.iter().enumerate() {
        if pointer.matches('/').count() == 1 && *pointer != "/*" && !pointers[..index].contains(pointer) {
            let last = outcome.watched().into_iter().rfind(|(found, _)| *found == index).map(|(_, json)| parsed(json));
            assert_eq!(last.as_ref(), tree.get(&pointer[1..]), "{pointer}");
        }
    }
}

/// Where all readers agree, the values are those of a tree.
fn check_tree(pointers: &[&'static str], outcome: &Outcome, tree: &Value) {
    for (index, pointer) in pointers.iter().enumerate() {
        let around = |(other, outer): (usize, &&str)| {
            let outer = format!("{outer}/");
            format!("{pointer}/").starts_with(&outer) && (outer.len() <= pointer.len() || other < index)
        };
        if pointer.is_empty() || pointers.iter().enumerate().any(|other| !other.1.is_empty() && around(other)) {
            continue;
        }
        let found: Vec<Value> =
            outcome.watched().into_iter().filter(|(found, _)| *found == index).map(|(_, json)| parsed(json)).collect();
        assert_eq!(found.iter().collect::<Vec<_>>(), document::at(tree, pointer, false), "{pointer}");
    }
}

fn parsed(json: &[u8]) -> Value {
    serde_json::from_slice(json).expect("is part of a tree")
}
