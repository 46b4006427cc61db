//! The OpenAPI document: Portico's own API from its handlers, the Chakra-compatible calls from the
//! catalogue.
//!
//! Everything here follows from data that exists for another reason: an operation from
//! [`portico_chakra::operations`], a permission from its type, an error from [`CODES`]. To
//! document a new operation, add it to the catalogue; to document a new error, add a line to
//! [`CODES`]; then run `cargo xtask openapi`.

mod answers;
mod bodies;
mod compatible;
mod emulated;
mod general;
mod management;
mod parameters;
mod security;
mod shape;
mod tree;

pub use emulated::emulated_json;

use portico_core::code::{CODES, Code};
use serde_json::{Value, json};
use utoipa::openapi::extensions::Extensions;
use utoipa::openapi::path::Operation;
use utoipa::openapi::{OpenApi, OpenApiBuilder};

/// The whole document: Portico's own API, which its handlers describe, and the compatible calls.
///
/// What `management` leaves open is filled in: the security of its operations, the headers they
/// take and give, and the errors that any call can meet.
#[must_use]
pub fn document(management: OpenApi) -> OpenApi {
    let tags = general::tags(&management);
    let mut all = OpenApiBuilder::new()
        .info(general::info())
        .servers(Some(general::servers()))
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

/// The document as JSON: pretty-printed, the same bytes for the same document, a newline at the end.
///
/// # Panics
///
/// Never: the document is plain data, which JSON can hold.
#[must_use]
pub fn to_json(document: &OpenApi) -> String {
    let mut text = serde_json::to_string_pretty(&tree::of(document)).expect("a tree of plain data is JSON");
    text.push('\n');
    text
}

/// The document as YAML: the same content in the same order as [`to_json`].
///
/// # Panics
///
/// Never: the document is plain data, which YAML can hold.
#[must_use]
pub fn to_yaml(document: &OpenApi) -> String {
    serde_norway::to_string(&tree::of(document)).expect("a tree of plain data is YAML")
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
