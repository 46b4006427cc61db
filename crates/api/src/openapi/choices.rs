//! Lists of texts to choose from: each stands where it is used.
//!
//! Some generators make a constant of every text of a schema with a name (`ACTIVE` for openapi-generator's Go), so that
//! two such schemas may not share a text; statuses do.

use super::tree::{Tree, fields};

const SCHEMAS: &str = "#/components/schemas/";

/// Puts each choice in the place of every reference to it. What stands beside the reference counts more.
pub(super) fn inline(document: &mut Tree) {
    let mut choices = Vec::new();
    if let Some(schemas) = document.get_mut("components").and_then(|all| all.get_mut("schemas")) {
        for (name, schema) in fields(schemas) {
            if schema.get("enum").is_some() {
                choices.push((format!("{SCHEMAS}{name}"), schema.clone()));
            }
        }
    }
    replace(document, &choices);
}

fn replace(tree: &mut Tree, choices: &[(String, Tree)]) {
    let target = tree.get("$ref").and_then(Tree::as_text);
    if let Some((_, choice)) = choices.iter().find(|(name, _)| target == Some(name)) {
        tree.take("$ref");
        let mut choice = choice.clone();
        for (name, value) in fields(tree) {
            choice.set(name, value.clone());
        }
        *tree = choice;
    }
    match tree {
        Tree::Object(fields) => fields.iter_mut().for_each(|(_, value)| replace(value, choices)),
        Tree::List(items) => items.iter_mut().for_each(|item| replace(item, choices)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_stands_where_it_is_used_with_the_words_of_that_place() {
        let text = r##"{"paths":[{"$ref":"#/components/schemas/A","description":"here"},{"$ref":"#/components/schemas/B"}],
            "components":{"schemas":{"A":{"type":"string","description":"there","enum":["x"]},"B":{"type":"object"}}}}"##;
        let mut tree: Tree = serde_json::from_str(text).expect("is JSON");
        inline(&mut tree);
        let text = serde_json::to_string(&tree).expect("is JSON");
        let paths =
            r##""paths":[{"type":"string","description":"here","enum":["x"]},{"$ref":"#/components/schemas/B"}]"##;
        assert!(text.contains(paths), "{text}");
    }
}
