//! JSON that keeps its order, so that the document is the same bytes in every build.
//!
//! utoipa keeps extensions in a hash map, and the order inside a `serde_json::Value` depends on
//! what other crates of the build ask of `serde_json`. Neither may show.

use std::collections::HashSet;
use std::fmt;

use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Number;
use utoipa::openapi::OpenApi;

/// A JSON value whose objects keep the order of their fields.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Tree {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    List(Vec<Tree>),
    Object(Vec<(String, Tree)>),
}

/// The document as a tree.
pub(super) fn of(document: &OpenApi) -> Tree {
    let text = serde_json::to_string(document).expect("the document is plain data");
    serde_json::from_str(&text).expect("what serde_json wrote, it reads")
}

/// Drops the components that nothing refers to, and those that only they refer to.
pub(super) fn prune(tree: &mut Tree) {
    while drop_unused(tree) {}
}

/// Puts a tree of the document in its final order.
pub(super) fn order(tree: &mut Tree) {
    sort(tree, false);
    put_main_examples_first(tree, &[]);
}

/// Drops the components that nothing refers to; whether there were any. Security schemes are named, not
/// referred to, and stay.
fn drop_unused(tree: &mut Tree) -> bool {
    let mut used = HashSet::new();
    references(tree, &mut used);
    let Tree::Object(parts) = tree else { return false };
    let mut dropped = false;
    for (kind, components) in parts.iter_mut().filter(|(name, _)| name == "components").flat_map(|(_, all)| fields(all))
    {
        if kind == "securitySchemes" {
            continue;
        }
        let Tree::Object(components) = components else { continue };
        let before = components.len();
        components.retain(|(name, _)| used.contains(&format!("#/components/{kind}/{name}")));
        dropped |= components.len() < before;
    }
    dropped
}

/// Where several operations share a path, puts their examples in the order of `x-portico-operations`: readers
/// and tools take the first for the usual one.
fn put_main_examples_first(tree: &mut Tree, operations: &[String]) {
    let own = match tree.get("x-portico-operations") {
        Some(Tree::List(ids)) => ids.iter().filter_map(Tree::as_text).map(str::to_owned).collect(),
        _ => operations.to_vec(),
    };
    match tree {
        Tree::Object(fields) => {
            for (name, value) in fields {
                if let ("examples", Tree::Object(examples)) = (name.as_str(), &mut *value) {
                    examples.sort_by_key(|(id, _)| own.iter().position(|known| known == id).unwrap_or(own.len()));
                } else {
                    put_main_examples_first(value, &own);
                }
            }
        }
        Tree::List(items) => items.iter_mut().for_each(|item| put_main_examples_first(item, &own)),
        _ => {}
    }
}

impl Tree {
    /// A field of an object.
    pub(super) fn get(&self, wanted: &str) -> Option<&Self> {
        let Self::Object(fields) = self else { return None };
        fields.iter().find(|(name, _)| name == wanted).map(|(_, value)| value)
    }

    /// A field of an object, to change it.
    pub(super) fn get_mut(&mut self, wanted: &str) -> Option<&mut Self> {
        fields(self).iter_mut().find(|(name, _)| name == wanted).map(|(_, value)| value)
    }

    /// Takes a field out of an object.
    pub(super) fn take(&mut self, wanted: &str) -> Option<Self> {
        let Self::Object(fields) = self else { return None };
        let at = fields.iter().position(|(name, _)| name == wanted)?;
        Some(fields.remove(at).1)
    }

    /// Sets a field of an object: where it stands, else as the last.
    pub(super) fn set(&mut self, name: &str, value: Self) {
        let Self::Object(fields) = self else { return };
        match fields.iter_mut().find(|(known, _)| known == name) {
            Some((_, old)) => *old = value,
            None => fields.push((name.to_owned(), value)),
        }
    }

    /// The text, if it is one.
    pub(super) fn as_text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }
}

/// The fields of an object; none of anything else.
pub(super) fn fields(tree: &mut Tree) -> &mut [(String, Tree)] {
    match tree {
        Tree::Object(fields) => fields,
        _ => &mut [],
    }
}

/// Adds what it refers to.
pub(super) fn references(tree: &Tree, found: &mut HashSet<String>) {
    match tree {
        Tree::Object(fields) => {
            for (name, value) in fields {
                if let ("$ref", Tree::Text(target)) = (name.as_str(), value) {
                    found.insert(target.clone());
                }
                references(value, found);
            }
        }
        Tree::List(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

/// Puts extensions last, by name; inside examples, everything by name.
fn sort(tree: &mut Tree, example: bool) {
    match tree {
        Tree::Object(fields) => {
            let extension = |name: &str| name.starts_with("x-").then(|| name.to_owned());
            if example {
                fields.sort_by(|(one, _), (other, _)| one.cmp(other));
            } else {
                fields.sort_by_key(|(name, _)| extension(name));
            }
            for (name, value) in fields {
                sort(value, example || matches!(name.as_str(), "example" | "examples" | "value" | "default"));
            }
        }
        Tree::List(items) => items.iter_mut().for_each(|item| sort(item, example)),
        _ => {}
    }
}

impl Serialize for Tree {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Number(value) => value.serialize(serializer),
            Self::Text(value) => serializer.serialize_str(value),
            Self::List(items) => serializer.collect_seq(items),
            Self::Object(fields) => {
                let mut map = serializer.serialize_map(Some(fields.len()))?;
                for (name, value) in fields {
                    map.serialize_entry(name, value)?;
                }
                map.end()
            }
        }
    }
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Tree;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Tree, E> {
        Ok(Tree::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Tree, E> {
        Ok(Tree::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Tree, E> {
        Ok(Tree::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Tree, E> {
        Ok(Tree::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Tree, E> {
        Ok(Number::from_f64(value).map_or(Tree::Null, Tree::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Tree, E> {
        Ok(Tree::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Tree, A::Error> {
        let mut all = Vec::new();
        while let Some(item) = items.next_element()? {
            all.push(item);
        }
        Ok(Tree::List(all))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Tree, A::Error> {
        let mut all = Vec::new();
        while let Some(field) = fields.next_entry()? {
            all.push(field);
        }
        Ok(Tree::Object(all))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nothing_refers_to_is_dropped_with_what_only_it_refers_to() {
        let text = r##"{"paths":{"a":{"$ref":"#/components/schemas/A"}},"components":{
            "schemas":{"A":{},"B":{"$ref":"#/components/schemas/C"},"C":{}},"securitySchemes":{"key":{}}}}"##;
        let mut tree: Tree = serde_json::from_str(text).expect("is JSON");
        prune(&mut tree);
        let text = serde_json::to_string(&tree).expect("is JSON");
        assert!(text.ends_with(r#""components":{"schemas":{"A":{}},"securitySchemes":{"key":{}}}}"#), "{text}");
    }

    #[test]
    fn the_example_of_the_main_operation_comes_first() {
        let text = r#"{"content":{"examples":{"a":{},"b":{},"c":{}}},"x-portico-operations":["c","a"]}"#;
        let mut tree: Tree = serde_json::from_str(text).expect("is JSON");
        put_main_examples_first(&mut tree, &[]);
        let text = serde_json::to_string(&tree).expect("is JSON");
        assert!(text.starts_with(r#"{"content":{"examples":{"c":{},"a":{},"b":{}}}"#), "{text}");
    }

    #[test]
    fn extensions_come_last_and_examples_are_sorted() {
        let mut tree: Tree =
            serde_json::from_str(r#"{"x-b":1,"b":{"x-a":[1.5,null]},"x-a":true,"a":"t","value":{"d":-1,"c":2}}"#)
                .expect("is JSON");
        sort(&mut tree, false);
        let text = serde_json::to_string(&tree).expect("is JSON");
        assert_eq!(text, r#"{"b":{"x-a":[1.5,null]},"a":"t","value":{"c":2,"d":-1},"x-a":true,"x-b":1}"#);
    }
}
