//! The page of what is inferred about Chakra.

use maud::{Markup, html};
use portico_chakra::{Confidence, Operation, operations};

use crate::catalogue;
use crate::section::{Row, table, third};
use crate::text::list;

fn uncertain() -> impl Iterator<Item = &'static Operation> {
    operations().into_iter().filter(|operation| catalogue::is_uncertain(operation))
}

/// How many operations are known how well.
pub(crate) fn counts() -> Markup {
    let count = |confidence| operations().iter().filter(|operation| operation.confidence == confidence).count();
    let row = |confidence| {
        let known = catalogue::known(confidence);
        let (name, meaning) = known.split_once(": ").unwrap_or((known, ""));
        Row { id: None, cells: vec![html! { (name) }, html! { (count(confidence)) }, html! { (meaning) }] }
    };
    let all = [Confidence::Documented, Confidence::Observed, Confidence::Inferred];
    table(&["Known", "Operations", "Meaning"], &all.map(row))
}

/// An entry of the settings that chooses a path: the second of an operation that has two, best of one
/// that is inferred.
pub(crate) fn example() -> String {
    let several = || uncertain().filter(|operation| operation.paths.len() > 1);
    let inferred = several().find(|operation| operation.confidence == Confidence::Inferred);
    let operation = inferred.or_else(|| several().next());
    operation.map_or_else(String::new, |operation| format!("{} = \"{}\"", operation.id, operation.paths[1]))
}

/// Each uncertain operation with its paths.
pub(crate) fn cards() -> Markup {
    html! {
        @for operation in uncertain() { (card(operation)) }
    }
}

fn card(operation: &Operation) -> Markup {
    let id = operation.id;
    html! {
        section.card {
            (third(id, &html! { (operation.title) }))
            ol.paths {
                @for (at, path) in operation.paths.iter().enumerate() {
                    li {
                        (catalogue::call(operation.method.as_str(), path))
                        @if at == 0 { " " em { "calls go out here" } }
                    }
                }
            }
            dl {
                dt { "Operation" }
                dd { a href={ "/docs/operations#" (id) } { code { (id) } } }
                dt { "Known" }
                dd { (catalogue::known(operation.confidence)) }
            }
            (list(operation.notes))
        }
    }
}
