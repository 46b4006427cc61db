//! Places in the reference, which Swagger UI makes of the OpenAPI document in the browser.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

/// What Swagger UI leaves as it is in an address.
const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'_').remove(b'-').remove(b'.').remove(b'~');

/// The operations of the document, in its order.
#[derive(Debug)]
pub(crate) struct Reference(Vec<Entry>);

/// One operation.
#[derive(Debug)]
pub(crate) struct Entry {
    /// Its `operationId`.
    pub(crate) id: String,
    /// The tag under which it stands.
    pub(crate) tag: String,
    /// Method and path template.
    pub(crate) call: String,
    /// What it does, in a line.
    pub(crate) summary: String,
}

impl Entry {
    /// Its address on this origin.
    pub(crate) fn url(&self) -> String {
        let part = |text| utf8_percent_encode(text, KEPT);
        format!("/docs/reference#/{}/{}", part(&self.tag), part(&self.id))
    }
}

impl Reference {
    /// The reference of that document; without operations if it is none.
    pub(crate) fn of(document: &str) -> Self {
        let document: Value = serde_json::from_str(document).unwrap_or_default();
        let mut entries = Vec::new();
        for (path, item) in document["paths"].as_object().into_iter().flatten() {
            for (method, operation) in item.as_object().into_iter().flatten() {
                let text = |name: &str| operation[name].as_str().unwrap_or_default().to_owned();
                let Some(tag) = operation["tags"][0].as_str() else { continue };
                let (id, call) = (text("operationId"), format!("{} {path}", method.to_uppercase()));
                entries.push(Entry { id, tag: tag.to_owned(), call, summary: text("summary") });
            }
        }
        Self(entries)
    }

    /// Where the operation with that id stands; the beginning of the reference if it has no such operation.
    pub(crate) fn url(&self, id: &str) -> String {
        let found = self.0.iter().find(|entry| entry.id == id);
        found.map_or_else(|| "/docs/reference".to_owned(), Entry::url)
    }

    /// Every operation.
    pub(crate) fn entries(&self) -> &[Entry] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_of_the_document_are_places_in_the_reference() {
        let document =
            r#"{"paths":{"/a/{id}":{"get":{"tags":["Chakra: A b"],"operationId":"get_a","summary":"Get"}}}}"#;
        let reference = Reference::of(document);
        assert_eq!(reference.entries().len(), 1);
        assert_eq!(reference.entries()[0].call, "GET /a/{id}");
        assert_eq!(reference.url("get_a"), "/docs/reference#/Chakra%3A%20A%20b/get_a");
        assert_eq!(reference.url("get_b"), "/docs/reference");
    }
}
