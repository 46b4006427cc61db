//! The document of the emulated Chakra: the catalogue's operations as Chakra answers them, and the
//! control calls for tests.

use serde_json::{Map, Value, json};
use utoipa::openapi::{InfoBuilder, OpenApi, OpenApiBuilder};

use super::compact::compact;
use super::{compatible, general};

const DESCRIPTION: &str = "A stand-in for ChakraHQ's WhatsApp API, to develop and test against. Nothing here reaches WhatsApp. \
    Call it as you would call Chakra, with the access token of a team (`POST /_sandbox/teams` makes one). How well \
    Chakra's own contract is known stands at each operation.";
/// Responses that are Chakra's own, and not Portico's about it.
const ITS_OWN: [&str; 3] = ["200", "206", "302"];

/// The document as JSON.
///
/// # Panics
///
/// Never: the document is plain data, and the control calls are JSON, as a test proves.
#[must_use]
pub fn emulated_json() -> String {
    let info = InfoBuilder::new().title("Emulated Chakra").version(env!("CARGO_PKG_VERSION"));
    let mut document = OpenApiBuilder::new()
        .info(info.description(Some(DESCRIPTION)).build())
        .servers(Some(general::servers(None)))
        .components(Some(compatible::components()))
        .paths(compatible::paths())
        .build();
    document.tags = Some(general::tags(&OpenApi::default()));
    let mut tree = serde_json::to_value(compact(&document)).expect("a tree of plain data is JSON");
    let paths = tree["paths"].as_object_mut().expect("a document has paths");
    for item in paths.values_mut().filter_map(Value::as_object_mut) {
        item.values_mut().filter_map(Value::as_object_mut).for_each(as_chakra_answers);
    }
    let control: Map<String, Value> =
        serde_json::from_str(include_str!("emulated.json")).expect("is JSON, as a test proves");
    paths.extend(control);
    tree.to_string()
}

fn as_chakra_answers(operation: &mut Map<String, Value>) {
    if let Some(parameters) = operation.get_mut("parameters").and_then(Value::as_array_mut) {
        parameters.retain(|parameter| parameter.get("$ref").is_none());
    }
    let Some(responses) = operation.get_mut("responses").and_then(Value::as_object_mut) else { return };
    responses.retain(|status, _| ITS_OWN.contains(&status.as_str()));
    for response in responses.values_mut().filter_map(Value::as_object_mut) {
        response.remove("headers");
    }
    let content = json!({"application/json": {"schema": {}}, "text/plain": {"schema": {"type": "string"}}});
    let text = "Chakra's or Meta's refusal; a path that does not exist answers with a plain text.";
    responses.insert("4XX".to_owned(), json!({"description": text, "content": content}));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_holds_every_operation_and_the_control_calls_and_nothing_of_portico() {
        let text = emulated_json();
        let document: Value = serde_json::from_str(&text).expect("is JSON");
        let paths = document["paths"].as_object().expect("has paths");
        for operation in portico_chakra::operations() {
            assert!(paths.contains_key(operation.paths[0]), "{}", operation.id);
        }
        assert!(paths.contains_key("/_sandbox/faults"));
        assert!(!paths.keys().any(|path| path.starts_with("/api/")));
        let send = &paths["/plugin"]["post"]["responses"];
        assert_eq!(send.as_object().map(|all| all.keys().map(String::as_str).collect()), Some(vec!["200", "4XX"]));
    }
}
