//! The OpenAPI document: Portico's own API from its handlers, the Chakra-compatible calls from the
//! catalogue.
//!
//! Everything here follows from data that exists for another reason: an operation from
//! [`portico_chakra::operations`], a permission from its type, an error from [`CODES`]. To
//! document a new operation, add it to the catalogue; to document a new error, add a line to
//! [`CODES`]; then run `cargo xtask openapi`.

mod answers;
mod bodies;
mod choices;
mod compact;
mod compatible;
mod emulated;
mod general;
mod management;
mod parameters;
mod security;
mod shape;
mod shared;
mod tree;
mod version_3_0;

pub use emulated::emulated_json;

use portico_core::code::{CODES, Code};
use serde::Serialize as _;
use serde_json::{Value, json};
use utoipa::openapi::extensions::Extensions;
use utoipa::openapi::path::Operation;
use utoipa::openapi::{OpenApi, OpenApiBuilder};

use compact::{compact, compact_3_0};

/// The whole document: Portico's own API, which its handlers describe, and the compatible calls. Calls go to
/// `public_url` (without a slash at its end), else to whoever serves the document.
///
/// What `management` leaves open is filled in: the security of its operations, the headers they
/// take and give, and the errors that any call can meet.
#[must_use]
pub fn document(management: OpenApi, public_url: Option<&str>) -> OpenApi {
    let tags = general::tags(&management);
    let mut all = OpenApiBuilder::new()
        .info(general::info())
        .servers(Some(general::servers(public_url)))
        .components(Some(compatible::components()))
        .paths(compatible::paths())
        .build();
    all.merge(management::completed(management));
    all.paths.paths.values_mut().filter_map(|item| item.post.as_mut()).for_each(say_no_idempotency);
    all.tags = Some(tags);
    all.extensions = Some(Extensions::from_iter([("x-portico-codes", codes())]));
    all
}

/// Clients send `Idempotency-Key` by habit, and would rely on it.
fn say_no_idempotency(operation: &mut Operation) {
    let text = operation.description.get_or_insert_default();
    let gap = if text.is_empty() { "" } else { "\n\n" };
    text.push_str(gap);
    text.push_str("`Idempotency-Key` has no effect yet: a repeat is another call.");
}

/// The document as JSON: a line for each value, the same bytes for the same document, a newline at the end.
///
/// # Panics
///
/// Never: the document is plain data, which JSON can hold.
#[must_use]
pub fn to_json(document: &OpenApi) -> String {
    let mut text = Vec::new();
    // One space: with two, a quarter of the document would be indentation.
    let form = serde_json::ser::PrettyFormatter::with_indent(b" ");
    compact(document)
        .serialize(&mut serde_json::Serializer::with_formatter(&mut text, form))
        .expect("a tree of plain data is JSON");
    text.push(b'\n');
    String::from_utf8(text).expect("JSON is UTF-8")
}

/// The document as JSON without white space, as it is served.
///
/// # Panics
///
/// Never: the document is plain data, which JSON can hold.
#[must_use]
pub fn to_compact_json(document: &OpenApi) -> String {
    serde_json::to_string(&compact(document)).expect("a tree of plain data is JSON")
}

/// The document as OpenAPI 3.0.3 for generators that know no 3.1, as JSON without white space. Uploads as
/// `multipart/form-data` are not in it.
///
/// # Panics
///
/// Never: the document is plain data, which JSON can hold.
#[must_use]
pub fn to_json_3_0(document: &OpenApi) -> String {
    serde_json::to_string(&compact_3_0(document)).expect("a tree of plain data is JSON")
}

/// The document as YAML: the same content in the same order as [`to_json`].
///
/// # Panics
///
/// Never: the document is plain data, which YAML can hold.
#[must_use]
pub fn to_yaml(document: &OpenApi) -> String {
    serde_norway::to_string(&compact(document)).expect("a tree of plain data is YAML")
}

/// The table of codes as data, for the document's extension `x-portico-codes`.
fn codes() -> Value {
    let entry = |entry: &Code| {
        json!({
            "code": entry.code,
            "status": entry.status,
            "surface": entry.surface.as_str(),
            "meaning": entry.meaning,
            "fix": entry.fix,
        })
    };
    CODES.iter().map(entry).collect()
}

#[cfg(test)]
mod tests;
