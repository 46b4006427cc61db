//! A copy of the document as OpenAPI 3.0.3, for generators that read no 3.1; progenitor is one.
//!
//! Schemas are put in the words of JSON Schema's older draft. Such generators also know less than the standard
//! allows, so that the copy has one media type for each body, one form of error for each operation, and leaves out
//! the operations whose body is `multipart/form-data` alone: see [`simplify`].

use super::shared::{CHAKRA_ERROR, EITHER_ERROR};
use super::tree::{Tree, fields};

const NOTE: &str = "\n\n## About this copy\n\nThis is a copy of `/openapi.json` for tools that read no OpenAPI 3.1. \
    Uploads as `multipart/form-data` are left out.";

/// What only JSON Schema 2020-12 knows; without these a schema allows more.
const NEWER: [&str; 18] = [
    "$anchor",
    "$comment",
    "$defs",
    "contains",
    "contentEncoding",
    "contentMediaType",
    "dependentRequired",
    "dependentSchemas",
    "else",
    "if",
    "maxContains",
    "minContains",
    "patternProperties",
    "prefixItems",
    "propertyNames",
    "then",
    "unevaluatedItems",
    "unevaluatedProperties",
];

/// Takes out what generators of 3.0 cannot make: bodies other than JSON, and errors of two forms. Where an operation
/// has both forms, all its errors are said to have either.
pub(super) fn simplify(document: &mut Tree) {
    let Some(Tree::Object(paths)) = document.get_mut("paths") else { return };
    for (_, item) in paths.iter_mut() {
        let Tree::Object(operations) = item else { continue };
        for (_, operation) in operations.iter_mut() {
            unite_errors(operation);
        }
        operations.retain_mut(|(_, operation)| {
            match operation.get_mut("requestBody").and_then(|it| it.get_mut("content")) {
                Some(Tree::Object(types)) => {
                    types.retain(|(kind, _)| kind == "application/json");
                    !types.is_empty()
                }
                _ => true,
            }
        });
    }
    paths.retain(|(_, item)| !matches!(item, Tree::Object(operations) if operations.is_empty()));
}

fn unite_errors(operation: &mut Tree) {
    let Some(answers) = operation.get_mut("responses") else { return };
    let mut errors: Vec<&mut Tree> = fields(answers)
        .iter_mut()
        .filter(|(status, _)| status.starts_with(['4', '5']))
        .filter_map(|(_, answer)| {
            answer.get_mut("content")?.get_mut("application/json")?.get_mut("schema")?.get_mut("$ref")
        })
        .collect();
    if errors.iter().any(|target| target.as_text() == Some(EITHER_ERROR)) {
        for target in errors.iter_mut().filter(|target| target.as_text() == Some(CHAKRA_ERROR)) {
            **target = Tree::Text(EITHER_ERROR.to_owned());
        }
    }
}

/// Puts a finished document in the words of 3.0.3.
pub(super) fn convert(document: &mut Tree) {
    document.set("openapi", Tree::Text("3.0.3".to_owned()));
    for newer in ["webhooks", "jsonSchemaDialect"] {
        document.take(newer);
    }
    if let Some(info) = document.get_mut("info") {
        info.take("summary");
        if let Some(license) = info.get_mut("license") {
            license.take("identifier");
        }
        if let Some(Tree::Text(description)) = info.get_mut("description") {
            description.push_str(NOTE);
        }
    }
    if let Some(components) = document.get_mut("components") {
        components.take("pathItems");
    }
    find_schemas(document);
}

/// Rewrites the schemas wherever they stand; examples and extensions stay as they are.
fn find_schemas(tree: &mut Tree) {
    match tree {
        Tree::Object(all) => {
            if let Some(at) = all.iter().position(|(name, _)| name == "$ref") {
                *all = vec![all.swap_remove(at)];
                return;
            }
            for (name, value) in all {
                match name.as_str() {
                    "schema" => rewrite(value),
                    "schemas" => fields(value).iter_mut().for_each(|(_, one)| rewrite(one)),
                    "example" | "examples" => {}
                    name if name.starts_with("x-") => {}
                    _ => find_schemas(value),
                }
            }
        }
        Tree::List(items) => items.iter_mut().for_each(find_schemas),
        _ => {}
    }
}

fn rewrite(schema: &mut Tree) {
    for (name, value) in fields(schema) {
        match (name.as_str(), value) {
            ("properties", value) => fields(value).iter_mut().for_each(|(_, one)| rewrite(one)),
            ("allOf" | "anyOf" | "oneOf", Tree::List(all)) => all.iter_mut().for_each(rewrite),
            ("additionalProperties" | "items" | "not", value) => rewrite(value),
            _ => {}
        }
    }
    for newer in NEWER {
        schema.take(newer);
    }
    rename_keywords(schema);
    rewrite_bound(schema, "minimum", "exclusiveMinimum");
    rewrite_bound(schema, "maximum", "exclusiveMaximum");
    rewrite_type(schema);
    for alternatives in ["oneOf", "anyOf"] {
        drop_null(schema, alternatives);
    }
    wrap_reference(schema);
}

/// One example instead of several, a list of one value instead of a constant.
fn rename_keywords(schema: &mut Tree) {
    if let Some(Tree::List(examples)) = schema.take("examples")
        && let Some(first) = examples.into_iter().next()
    {
        schema.set("example", first);
    }
    if let Some(value) = schema.take("const") {
        schema.set("enum", Tree::List(vec![value]));
    }
}

/// A bound that is not allowed itself was a number, and is a mark beside the bound.
fn rewrite_bound(schema: &mut Tree, bound: &str, exclusive: &str) {
    if let Some(Tree::Number(_)) = schema.get(exclusive)
        && let Some(number) = schema.take(exclusive)
    {
        schema.set(bound, number);
        schema.set(exclusive, Tree::Bool(true));
    }
}

/// `null` is no type but a mark; of several other types none is said.
fn rewrite_type(schema: &mut Tree) {
    let kinds = match schema.get("type") {
        Some(Tree::List(kinds)) => kinds.clone(),
        Some(kind) => vec![kind.clone()],
        None => return,
    };
    let mut others: Vec<Tree> = kinds.iter().filter(|kind| kind.as_text() != Some("null")).cloned().collect();
    if others.len() < kinds.len() {
        schema.set("nullable", Tree::Bool(true));
    }
    match others.len() {
        0 => schema.set("enum", Tree::List(vec![Tree::Null])),
        1 => {
            if others[0].as_text() == Some("array") && schema.get("items").is_none() {
                schema.set("items", Tree::Object(Vec::new()));
            }
            schema.set("type", others.remove(0));
            return;
        }
        _ => {}
    }
    schema.take("type");
}

/// The alternative that allows nothing but `null` becomes the mark; a single one that is left is the schema itself.
fn drop_null(schema: &mut Tree, alternatives: &str) {
    let Some(Tree::List(all)) = schema.get_mut(alternatives) else { return };
    let before = all.len();
    all.retain(|one| one.get("enum") != Some(&Tree::List(vec![Tree::Null])));
    if all.len() == before {
        return;
    }
    let last = if let [_] = all.as_slice() { all.pop() } else { None };
    schema.set("nullable", Tree::Bool(true));
    if let Some(Tree::Object(own)) = last {
        schema.take(alternatives);
        for (name, value) in own {
            if schema.get(&name).is_none() {
                schema.set(&name, value);
            }
        }
    }
}

/// Beside a reference nothing counts in 3.0.
fn wrap_reference(schema: &mut Tree) {
    if let Tree::Object(all) = &*schema
        && all.len() > 1
        && let Some(target) = schema.take("$ref")
    {
        let reference = Tree::Object(vec![("$ref".to_owned(), target)]);
        schema.set("allOf", Tree::List(vec![reference]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rewritten(schema: &str) -> String {
        let mut tree: Tree = serde_json::from_str(schema).expect("is JSON");
        rewrite(&mut tree);
        serde_json::to_string(&tree).expect("is JSON")
    }

    #[test]
    fn null_is_a_mark_beside_the_type() {
        assert_eq!(rewritten(r#"{"type":["string","null"]}"#), r#"{"type":"string","nullable":true}"#);
        assert_eq!(rewritten(r#"{"type":["array","null"]}"#), r#"{"type":"array","nullable":true,"items":{}}"#);
        assert_eq!(rewritten(r#"{"type":["string","integer"],"title":"t"}"#), r#"{"title":"t"}"#);
        let either = r##"{"oneOf":[{"type":"null"},{"$ref":"#/a"}],"description":"d"}"##;
        assert_eq!(rewritten(either), r##"{"description":"d","nullable":true,"allOf":[{"$ref":"#/a"}]}"##);
        let three = r##"{"oneOf":[{"type":"null"},{"$ref":"#/a"},{"$ref":"#/b"}]}"##;
        assert_eq!(rewritten(three), r##"{"oneOf":[{"$ref":"#/a"},{"$ref":"#/b"}],"nullable":true}"##);
    }

    #[test]
    fn newer_words_are_put_in_older_ones() {
        assert_eq!(rewritten(r#"{"const":1}"#), r#"{"enum":[1]}"#);
        assert_eq!(rewritten(r#"{"examples":["a","b"]}"#), r#"{"example":"a"}"#);
        assert_eq!(rewritten(r#"{"exclusiveMinimum":0}"#), r#"{"minimum":0,"exclusiveMinimum":true}"#);
        assert_eq!(rewritten(r#"{"propertyNames":{"maxLength":3}}"#), "{}");
        assert_eq!(rewritten(r##"{"$ref":"#/a"}"##), r##"{"$ref":"#/a"}"##);
        assert_eq!(
            rewritten(r##"{"$ref":"#/a","description":"d"}"##),
            r##"{"description":"d","allOf":[{"$ref":"#/a"}]}"##
        );
        let inner = r#"{"properties":{"const":{"items":{"const":1}}},"additionalProperties":{"const":2}}"#;
        let older = r#"{"properties":{"const":{"items":{"enum":[1]}}},"additionalProperties":{"enum":[2]}}"#;
        assert_eq!(rewritten(inner), older);
    }

    #[test]
    fn examples_are_not_taken_for_schemas() {
        let text =
            r#"{"openapi":"3.1.0","a":{"examples":{"b":{"value":{"schema":{"const":1}}}},"schema":{"const":1}}}"#;
        let mut tree: Tree = serde_json::from_str(text).expect("is JSON");
        convert(&mut tree);
        let text = serde_json::to_string(&tree).expect("is JSON");
        assert_eq!(
            text,
            r#"{"openapi":"3.0.3","a":{"examples":{"b":{"value":{"schema":{"const":1}}}},"schema":{"enum":[1]}}}"#
        );
    }

    #[test]
    fn an_operation_has_one_form_of_error_and_a_body_of_json() {
        let error =
            |target: &str| format!(r#"{{"content":{{"application/json":{{"schema":{{"$ref":"{target}"}}}}}}}}"#);
        let text = format!(
            r#"{{"paths":{{"/a":{{"get":{{"responses":{{"400":{},"404":{}}}}},
                "post":{{"requestBody":{{"content":{{"multipart/form-data":{{}},"application/json":{{}}}}}}}}}},
                "/b":{{"get":{{"responses":{{"400":{}}}}}}},
                "/c":{{"post":{{"requestBody":{{"content":{{"multipart/form-data":{{}}}}}}}}}}}}}}"#,
            error(CHAKRA_ERROR),
            error(EITHER_ERROR),
            error(CHAKRA_ERROR),
        );
        let mut tree: Tree = serde_json::from_str(&text).expect("is JSON");
        simplify(&mut tree);
        let text = serde_json::to_string(&tree).expect("is JSON");
        assert_eq!((text.matches(EITHER_ERROR).count(), text.matches(CHAKRA_ERROR).count()), (2, 1), "{text}");
        assert!(text.contains(r#""content":{"application/json":{}}"#) && !text.contains("multipart"), "{text}");
        assert!(!text.contains(r#""/c""#), "{text}");
    }
}
