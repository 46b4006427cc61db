use std::collections::BTreeSet;

use portico_chakra::{BodyKind, Envelope, operations};
use portico_domain::Permission;
use serde_json::{Value, json};
use utoipa::openapi::OpenApi;

use super::shape::{fits, fits_fields};
use super::{document, to_json, to_yaml};

/// A management part as handlers give it, small.
fn management() -> OpenApi {
    serde_json::from_value(json!({
        "openapi": "3.1.0",
        "info": {"title": "", "version": ""},
        "paths": {
            "/api/v1/roles": {
                "get": {"tags": ["roles"], "operationId": "list_roles", "responses": {"200": {"description": "Roles."}}},
                "post": {
                    "tags": ["roles"],
                    "operationId": "create_role",
                    "responses": {
                        "200": {"description": "The role."},
                        "409": {"description": "Taken.", "content": {"application/problem+json": {}}}
                    }
                }
            },
            "/api/v1/customers/{id}": {
                "patch": {
                    "tags": ["customers"],
                    "operationId": "change_customer",
                    "parameters": [{"name": "id", "in": "path", "required": true, "schema": {"type": "string"}}],
                    "requestBody": {"content": {"application/json": {"schema": {"type": "object"}}}},
                    "responses": {"200": {"description": "The customer."}, "404": {"description": "Its own words."}},
                    "x-portico-permission": "customers:write"
                }
            },
            "/healthz": {
                "get": {"tags": ["health"], "operationId": "healthz", "security": [], "responses": {"200": {"description": "Up."}}}
            }
        },
        "components": {"schemas": {"Problem": {"type": "object"}}}
    }))
    .expect("is a document")
}

fn document_of_management() -> OpenApi {
    document(management(), None)
}

fn json_document() -> Value {
    serde_json::from_str(&to_json(&document(management(), None))).expect("is JSON")
}

fn each_operation(document: &Value, mut visit: impl FnMut(&str, &str, &Value)) {
    for (path, item) in document["paths"].as_object().expect("has paths") {
        for (method, operation) in item.as_object().expect("is a path item") {
            visit(path, method, operation);
        }
    }
}

#[test]
fn every_operation_of_the_catalogue_occurs_once_with_its_permission_and_names_its_other_paths() {
    let document = json_document();
    for operation in operations() {
        let found = &document["paths"][operation.paths[0]][operation.method.as_str().to_lowercase()];
        let several = found["x-portico-operations"].as_array();
        let is_named =
            several.map_or_else(|| found["operationId"] == operation.id, |all| all.contains(&json!(operation.id)));
        assert!(is_named, "{} lacks {}", operation.id, operation.paths[0]);
        assert_eq!(found["x-portico-permission"], json!(operation.permission.map(Permission::as_str)));
        let text = found["description"].as_str().expect("has a description");
        assert!(operation.permission.is_none_or(|permission| text.contains(permission.as_str())), "{}", operation.id);
        assert_eq!(found.get("requestBody").is_some(), operation.body != BodyKind::None, "{}", operation.id);
        for other in &operation.paths[1..] {
            assert!(text.contains(&format!("`{other}`")), "{} does not name {other}", operation.id);
            let documented = &document["paths"][*other][operation.method.as_str().to_lowercase()];
            assert!(documented.is_null() || documented["operationId"] != operation.id, "{other} stands beside");
        }
    }
}

#[test]
fn operation_ids_are_unique_and_every_operation_can_be_refused() {
    let document = json_document();
    let mut ids = BTreeSet::new();
    each_operation(&document, |path, method, operation| {
        let id = operation["operationId"].as_str().expect("has an id");
        assert!(ids.insert(id.to_owned()), "{id} stands twice");
        let public = operation["security"].as_array().is_some_and(Vec::is_empty);
        for status in ["400", "401", "403", "500", "503"] {
            assert!(public || operation["responses"].get(status).is_some(), "{method} {path} lacks {status}");
        }
        assert!(operation["responses"]["200"]["headers"].get("X-Request-Id").is_some(), "{method} {path}");
    });
}

#[test]
fn every_reference_leads_somewhere() {
    fn walk(document: &Value, value: &Value) {
        match value {
            Value::Object(fields) => {
                if let Some(Value::String(target)) = fields.get("$ref") {
                    let pointer = target.strip_prefix('#').expect("references stay in the document");
                    assert!(document.pointer(pointer).is_some(), "{target} leads nowhere");
                }
                fields.values().for_each(|one| walk(document, one));
            }
            Value::Array(items) => items.iter().for_each(|one| walk(document, one)),
            _ => {}
        }
    }
    let document = json_document();
    walk(&document, &document);
}

#[test]
fn every_path_parameter_is_described() {
    each_operation(&json_document(), |path, method, operation| {
        let names: Vec<&str> =
            path.split('/').filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}')).collect();
        for name in names {
            let parameters = operation["parameters"].as_array().expect("has parameters");
            let known =
                parameters.iter().any(|one| one["name"] == name && one["in"] == "path" && one["required"] == true);
            assert!(known, "{method} {path} lacks {name}");
        }
    });
}

#[test]
fn every_sample_of_a_body_fits_its_own_schema() {
    for operation in operations() {
        if matches!(operation.body, BodyKind::Json | BodyKind::JsonOrForm | BodyKind::JsonOrMultipart) {
            let sample: Value = serde_json::from_str(operation.request_sample).expect(operation.id);
            fits_fields(operation.request, &sample, operation.id).unwrap();
        }
    }
}

#[test]
fn every_sample_of_an_answer_fits_its_own_schema() {
    for operation in operations() {
        if operation.envelope != Envelope::Binary {
            let sample: Value = serde_json::from_str(operation.answer_sample).expect(operation.id);
            fits(&operation.answer, &sample, operation.id).unwrap();
        }
    }
}

#[test]
fn operations_that_share_a_path_do_not_claim_the_same_body() {
    let document = json_document();
    let patterns = &document["components"]["schemas"]["SendSessionMessageRequest"]["properties"];
    assert_eq!(patterns["type"]["pattern"], "^(?!template$)");
    assert_eq!(patterns["status"]["pattern"], "^(?!read$)");
}

#[test]
fn a_note_that_does_not_hold_for_all_of_a_path_names_those_for_which_it_holds() {
    let document = json_document();
    let path = "/v1/ext/plugin/whatsapp/{pluginId}/api/{whatsappApiVersion}/{whatsappPhoneNumberId}/messages";
    let text = document["paths"][path]["post"]["description"].as_str().expect("has a description");
    assert!(text.contains("- `mark_message_read`: Answers 200 with an empty `_data`"), "{text}");
}

#[test]
fn the_answer_to_a_send_has_the_id_of_the_message() {
    let document = json_document();
    let path = "/v1/ext/plugin/whatsapp/{pluginId}/api/{whatsappApiVersion}/{whatsappPhoneNumberId}/messages";
    let answer = &document["paths"][path]["post"]["responses"]["200"]["content"]["application/json"];
    let data = answer["schema"]["allOf"][1]["properties"]["_data"]["$ref"].as_str().expect("one answer for all");
    let data = document.pointer(data.trim_start_matches('#')).expect("leads somewhere");
    assert_eq!(data["properties"]["whatsappMessageId"]["type"], "string");
    // Readers and tools take the first example.
    let text = to_json(&document_of_management());
    let examples = &text[text.find(&format!("\"{path}\"")).expect("has the path")..];
    let first = |id: &str| examples.find(&format!("\"{id}\": {{")).expect("has an example");
    assert!(first("whatsapp_messages") < first("mark_message_read"));
}

/// Names that a generator would take for what has none, or has itself.
#[test]
fn no_schema_has_a_name_that_generators_need() {
    let document: Value = serde_json::from_str(&crate::openapi_json()).expect("is JSON");
    let schemas = document["components"]["schemas"].as_object().expect("has schemas");
    for name in ["Configuration", "ApiClient", "ApiResponse", "ApiException", "Client", "Error", "Response"] {
        assert!(!schemas.contains_key(name), "{name} is a class of generated clients");
    }
    each_operation(&document, |_, _, operation| {
        for content in operation["requestBody"]["content"].as_object().into_iter().flat_map(|all| all.values()) {
            let schema = &content["schema"];
            // What Chakra posts is nobody's to write.
            let is_chakras = operation["operationId"] == "receive_events";
            assert!(
                schema.get("$ref").is_some() || schema["type"] == "array" || is_chakras,
                "{}: {schema}",
                operation["operationId"]
            );
        }
    });
}

/// Names that mean something else in the code that generators write: some take the names of parameters and of
/// operations as they are, and Go's makes a function `NewThing` for each schema `Thing`.
#[test]
fn no_name_is_a_word_of_the_languages_that_clients_are_made_in() {
    const WORDS: &str = "abstract and any as assert async await become bool boolean box break byte case catch chan char \
        class const continue crate debugger def default defer del delete do double dyn elif else enum eval except export \
        extends extern fallthrough false final finally float fn for from func function global go goto if impl implements \
        import in instanceof int interface is lambda let long loop macro map match mod module move mut native new nil none \
        nonlocal not null or override package pass priv private protected pub public raise range ref return select self \
        short static string struct super switch synchronized this throw throws trait transient true try type typeof unsafe \
        use var virtual void volatile where while with yield";
    let is_word = |name: &str| WORDS.split_whitespace().any(|word| word.eq_ignore_ascii_case(name));
    let document: Value = serde_json::from_str(&crate::openapi_json()).expect("is JSON");
    each_operation(&document, |path, method, operation| {
        let id = operation["operationId"].as_str().expect("has an id");
        assert!(!is_word(id), "{method} {path} is called {id}");
        for parameter in operation["parameters"].as_array().into_iter().flatten().filter(|one| one["in"] == "path") {
            let name = parameter["name"].as_str().expect("has a name");
            assert!(!is_word(name), "{method} {path}: {name}");
        }
    });
    let schemas = document["components"]["schemas"].as_object().expect("has schemas");
    for name in schemas.keys() {
        assert!(!is_word(name), "{name}");
        let made = name.strip_prefix("New").or_else(|| name.strip_prefix("Nullable"));
        assert!(made.is_none_or(|other| !schemas.contains_key(other)), "{name} is made of {made:?} in Go");
    }
}

/// Go's generator makes constants of the texts of a named choice, one for all schemas: `ACTIVE`.
#[test]
fn no_choice_has_a_name() {
    let document: Value = serde_json::from_str(&crate::openapi_json()).expect("is JSON");
    let schemas = document["components"]["schemas"].as_object().expect("has schemas");
    let choices: Vec<&String> =
        schemas.iter().filter(|(_, one)| one.get("enum").is_some()).map(|(name, _)| name).collect();
    assert!(choices.is_empty(), "{choices:?}");
}

/// Texts become comments, and paths become template literals and format strings.
#[test]
fn no_text_ends_a_comment_and_no_path_ends_a_text() {
    fn walk(value: &Value, at: &str) {
        match value {
            Value::String(text) => assert!(!text.contains("*/") || text == "*/*", "{at}: {text}"),
            Value::Object(fields) => fields.iter().for_each(|(name, one)| walk(one, &format!("{at}/{name}"))),
            Value::Array(items) => items.iter().for_each(|one| walk(one, at)),
            _ => {}
        }
    }
    let document: Value = serde_json::from_str(&crate::openapi_json()).expect("is JSON");
    walk(&document, "");
    for path in document["paths"].as_object().expect("has paths").keys() {
        let plain = |c: char| c.is_ascii_alphanumeric() || "/{}_-.".contains(c);
        assert!(path.chars().all(plain), "{path}");
    }
}

/// What progenitor 0.15 asks for: it ends at anything else.
#[test]
fn the_copy_in_3_0_has_what_strict_generators_know() {
    fn walk(value: &Value, at: &str) {
        let Value::Object(fields) = value else {
            value.as_array().into_iter().flatten().for_each(|one| walk(one, at));
            return;
        };
        assert!(!fields.get("type").is_some_and(Value::is_array), "{at} has several types");
        assert!(!fields.get("examples").is_some_and(Value::is_array), "{at} has a list of examples");
        assert!(fields.get("$ref").is_none() || fields.len() == 1, "{at} has a reference and more");
        for (name, one) in fields {
            walk(one, &format!("{at}/{name}"));
        }
    }
    let text = super::to_json_3_0(&crate::DOCUMENT);
    assert!(text.len() <= 900_000, "{} bytes", text.len());
    let copy: Value = serde_json::from_str(&text).expect("is JSON");
    assert_eq!((&copy["openapi"], &copy["info"]["license"]), (&json!("3.0.3"), &json!({"name": "Apache-2.0"})));
    walk(&copy["components"]["schemas"], "");
    walk(&copy["paths"], "");
    let mut left_out: BTreeSet<String> = BTreeSet::new();
    each_operation(&serde_json::from_str(&crate::openapi_json()).expect("is JSON"), |_, _, operation| {
        left_out.insert(operation["operationId"].to_string());
    });
    each_operation(&copy, |path, method, operation| {
        left_out.remove(&operation["operationId"].to_string());
        let types = operation["requestBody"]["content"].as_object();
        assert!(types.is_none_or(|all| all.keys().eq(["application/json"])), "{method} {path}");
        let errors = operation["responses"].as_object().expect("has answers").iter();
        let forms: BTreeSet<String> = errors
            .filter(|(status, _)| status.starts_with(['4', '5']))
            .map(|(_, one)| one["$ref"].as_str().and_then(|to| copy.pointer(&to[1..])).unwrap_or(one))
            .map(|one| one["content"]["application/json"]["schema"].to_string())
            .collect();
        assert!(forms.len() <= 1, "{method} {path}: {forms:?}");
    });
    assert_eq!(left_out.len(), 3, "uploads alone: {left_out:?}");
}

/// Clients that hide a password send its stars.
#[test]
fn no_field_of_a_request_is_hidden() {
    let text = crate::openapi_json();
    assert!(!text.contains("\"password\"") && !text.contains("writeOnly"));
}

#[test]
fn an_object_whose_form_is_not_known_is_an_object() {
    let document = json_document();
    for operation in operations().iter().filter(|operation| operation.envelope != Envelope::Binary) {
        assert_ne!(operation.answer, portico_chakra::schema::ValueType::Any, "{}", operation.id);
    }
    assert_eq!(document["components"]["schemas"]["DeleteChatAnswer"]["type"], "object");
}

#[test]
fn the_document_is_short() {
    let length = super::to_compact_json(&crate::DOCUMENT).len();
    assert!(length <= 800_000, "{length} bytes");
    let document: Value = serde_json::from_str(&crate::openapi_json()).expect("is JSON");
    let shared = document["components"]["responses"].as_object().expect("has answers").len();
    let mut inline = 0;
    each_operation(&document, |_, _, operation| {
        let answers = operation["responses"].as_object().expect("has answers");
        inline +=
            answers.iter().filter(|(status, one)| *status >= &"400".to_owned() && one.get("$ref").is_none()).count();
    });
    assert!(shared > 20 && inline < 60, "{shared} shared, {inline} of their own");
}

#[test]
fn calls_go_to_the_public_address() {
    let served = document(management(), Some("https://portico.example.com"));
    assert_eq!(served.servers.expect("has servers")[0].url, "https://portico.example.com");
}

#[test]
fn the_management_part_is_completed_but_not_overruled() {
    let document = json_document();
    let change = &document["paths"]["/api/v1/customers/{id}"]["patch"];
    assert_eq!(change["responses"]["404"]["description"], "Its own words.");
    assert_eq!(change["security"], json!([{"apiKey": []}, {"operatorToken": []}]));
    assert!(change["responses"].get("422").is_some());
    assert!(change["description"].as_str().is_some_and(|text| text.contains("customers:write")));
    let taken = &document["paths"]["/api/v1/roles"]["post"]["responses"]["409"];
    let codes = taken["content"]["application/problem+json"]["examples"].as_object().expect("has examples");
    assert_eq!(codes.keys().collect::<Vec<_>>(), ["changed_meanwhile", "role_name_taken"]);
    // A tenant that the operator names may not exist, whatever the path.
    assert!(document["paths"]["/api/v1/roles"]["get"]["responses"].get("404").is_some());
    let health = &document["paths"]["/healthz"]["get"];
    assert_eq!((&health["security"], health["responses"].get("401")), (&json!([]), None));
    assert_eq!(health["responses"].get("404"), None);
}

#[test]
fn the_document_is_the_same_bytes_each_time_and_the_same_content_in_yaml() {
    let json = to_json(&document(management(), None));
    assert_eq!(json, to_json(&document(management(), None)));
    assert!(json.ends_with("}\n"));
    let yaml: Value = serde_norway::from_str(&to_yaml(&document(management(), None))).expect("is YAML");
    assert_eq!(yaml, serde_json::from_str::<Value>(&json).expect("is JSON"));
}
