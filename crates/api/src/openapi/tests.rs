use std::collections::BTreeSet;

use portico_chakra::{BodyKind, Envelope, operations, router};
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

fn json_document() -> Value {
    serde_json::from_str(&to_json(&document(management()))).expect("is JSON")
}

fn each_operation(document: &Value, mut visit: impl FnMut(&str, &str, &Value)) {
    for (path, item) in document["paths"].as_object().expect("has paths") {
        for (method, operation) in item.as_object().expect("is a path item") {
            visit(path, method, operation);
        }
    }
}

#[test]
fn every_operation_of_the_catalogue_occurs_on_every_path_with_its_permission() {
    let document = json_document();
    for operation in operations() {
        for (at, path) in operation.paths.iter().enumerate() {
            let mut routes = router().routes().iter();
            let route = routes.find(|route| route.template == *path && route.method == operation.method);
            if !super::compatible::is_documented(route.expect("every path has a route")) {
                let first = &document["paths"][operation.paths[0]][operation.method.as_str().to_lowercase()];
                let named = first["description"].as_str().is_some_and(|text| text.contains(&format!("`{path}`")));
                assert!(named && at > 0, "{} does not name {path}", operation.id);
                continue;
            }
            let found = &document["paths"][*path][operation.method.as_str().to_lowercase()];
            let several = found["x-portico-operations"].as_array();
            let named = several.map_or_else(
                || found["operationId"].as_str().is_some_and(|id| id.starts_with(operation.id)),
                |all| all.contains(&json!(operation.id)),
            );
            assert!(named, "{} lacks {path}", operation.id);
            assert_eq!(found["x-portico-permission"], json!(operation.permission.map(Permission::as_str)));
            if let Some(permission) = operation.permission {
                assert!(found["description"].as_str().is_some_and(|text| text.contains(permission.as_str())));
            }
            assert_eq!(found.get("x-portico-alternative-of").is_some(), at > 0, "{path}");
            assert_eq!(found.get("requestBody").is_some(), operation.body != BodyKind::None, "{path}");
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
    let patterns = &document["components"]["schemas"]["WhatsappMessagesRequest"]["properties"];
    assert_eq!(patterns["type"]["pattern"], "^(?!template$)");
    assert_eq!(patterns["status"]["pattern"], "^(?!read$)");
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
    let json = to_json(&document(management()));
    assert_eq!(json, to_json(&document(management())));
    assert!(json.ends_with("}\n"));
    let yaml: Value = serde_norway::from_str(&to_yaml(&document(management()))).expect("is YAML");
    assert_eq!(yaml, serde_json::from_str::<Value>(&json).expect("is JSON"));
}
