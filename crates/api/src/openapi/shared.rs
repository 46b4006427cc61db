//! Answers that many operations give: each stands once in the document.

use std::collections::HashSet;

use super::tree::{Tree, fields, references};

/// What refers to an error in Chakra's envelope.
pub(super) const CHAKRA_ERROR: &str = "#/components/schemas/ChakraError";
/// What refers to an error in Chakra's envelope or in Meta's form.
pub(super) const EITHER_ERROR: &str = "#/components/schemas/ChakraOrMetaError";

/// The schemas that refusals have, and how an answer with each is named.
const KINDS: [(&str, &str); 3] =
    [(EITHER_ERROR, "MetaError"), (CHAKRA_ERROR, "ChakraError"), ("#/components/schemas/Problem", "Problem")];

/// A refusal that some operations answer.
struct Refusal {
    kind: &'static str,
    status: String,
    answer: Tree,
    count: usize,
}

/// Moves every refusal that several operations answer alike to `components.responses`. It is named by the form of
/// the error and the status, with a number behind it for all but the commonest.
pub(super) fn share(document: &mut Tree) {
    let mut refusals: Vec<Refusal> = Vec::new();
    each_answer(document, |status, answer| {
        let Some(kind) = kind(answer) else { return };
        match refusals.iter_mut().find(|one| one.status == status && one.answer == *answer) {
            Some(known) => known.count += 1,
            None => refusals.push(Refusal { kind, status: status.to_owned(), answer: answer.clone(), count: 1 }),
        }
    });
    refusals.retain(|refusal| refusal.count > 1);
    refusals.sort_by_key(|refusal| std::cmp::Reverse(refusal.count));
    let mut named: Vec<(String, Tree)> = Vec::new();
    for refusal in refusals {
        let base = format!("{}{}", refusal.kind, refusal.status);
        let is_like = |name: &str| name == base || name.starts_with(&format!("{base}_"));
        let alike = named.iter().filter(|(name, _)| is_like(name)).count();
        let name = if alike == 0 { base } else { format!("{base}_{}", alike + 1) };
        named.push((name, refusal.answer));
    }
    each_answer(document, |_, answer| {
        if let Some((name, _)) = named.iter().find(|(_, known)| known == answer) {
            let target = Tree::Text(format!("#/components/responses/{name}"));
            *answer = Tree::Object(vec![("$ref".to_owned(), target)]);
        }
    });
    if named.is_empty() {
        return;
    }
    named.sort_by(|(one, _), (other, _)| one.cmp(other));
    for (_, components) in fields(document).iter_mut().filter(|(name, _)| name == "components") {
        if let Tree::Object(kinds) = components {
            kinds.push(("responses".to_owned(), Tree::Object(std::mem::take(&mut named))));
        }
    }
}

/// The form of the error that an answer has, if it is a refusal.
fn kind(answer: &Tree) -> Option<&'static str> {
    let mut found = HashSet::new();
    references(answer.get("content")?, &mut found);
    KINDS.iter().find(|(schema, _)| found.contains(*schema)).map(|(_, kind)| *kind)
}

fn each_answer(document: &mut Tree, mut visit: impl FnMut(&str, &mut Tree)) {
    let under = |name: &'static str| move |field: &&mut (String, Tree)| field.0 == name;
    for (_, paths) in fields(document).iter_mut().filter(under("paths")) {
        for (_, operation) in fields(paths).iter_mut().flat_map(|(_, item)| fields(item)) {
            for (_, answers) in fields(operation).iter_mut().filter(under("responses")) {
                for (status, answer) in fields(answers).iter_mut() {
                    visit(status, answer);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_two_operations_answer_alike_stands_once() {
        let error = |text: &str| {
            format!(
                r##"{{"description":"{text}","content":{{"a/b":{{"schema":{{"$ref":"#/components/schemas/Problem"}}}}}}}}"##
            )
        };
        let operation =
            |text: &str| format!(r#"{{"responses":{{"200":{{"description":"ok"}},"404":{}}}}}"#, error(text));
        let text = format!(
            r#"{{"paths":{{"/a":{{"get":{},"put":{}}},"/b":{{"get":{}}}}},"components":{{"schemas":{{}}}}}}"#,
            operation("gone"),
            operation("gone"),
            operation("rare"),
        );
        let mut document: Tree = serde_json::from_str(&text).expect("is JSON");
        share(&mut document);
        let text = serde_json::to_string(&document).expect("is JSON");
        assert_eq!(text.matches("#/components/responses/Problem404\"").count(), 2, "{text}");
        assert_eq!((text.matches("gone").count(), text.matches("rare").count()), (1, 1), "{text}");
        let shared = document.get("components").and_then(|all| all.get("responses")).expect("something is shared");
        assert!(shared.get("Problem404").is_some(), "{text}");
    }
}
