//! The page of what is inferred about Chakra.

use std::fmt::Write;

use portico_chakra::{Confidence, Operation, operations};

use crate::catalogue;
use crate::html::{escape, list};

fn uncertain() -> impl Iterator<Item = &'static Operation> {
    operations().into_iter().filter(|operation| catalogue::is_uncertain(operation))
}

/// How many operations are known how well, as rows.
pub(crate) fn counts() -> String {
    let mut html = String::new();
    for confidence in [Confidence::Documented, Confidence::Observed, Confidence::Inferred] {
        let count = operations().iter().filter(|operation| operation.confidence == confidence).count();
        let known = catalogue::known(confidence);
        let (name, meaning) = known.split_once(": ").unwrap_or((known, ""));
        let _ = writeln!(html, "<tr><td>{name}</td><td>{count}</td><td>{meaning}</td></tr>");
    }
    html
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
pub(crate) fn cards() -> String {
    let mut html = String::new();
    for operation in uncertain() {
        let (id, title) = (operation.id, escape(operation.title));
        let _ = write!(html, "<section class=\"card\">\n<h3 id=\"{id}\">{title}</h3>\n<ol class=\"paths\">\n");
        for (at, path) in operation.paths.iter().enumerate() {
            let chosen = if at == 0 { " <em>calls go out here</em>" } else { "" };
            let _ = writeln!(html, "<li>{}{chosen}</li>", catalogue::call(operation.method, path));
        }
        html.push_str("</ol>\n<dl>\n");
        let _ = writeln!(html, "<dt>Operation</dt><dd><a href=\"/docs/operations#{id}\"><code>{id}</code></a></dd>");
        let _ = write!(html, "<dt>Known</dt><dd>{}</dd>\n</dl>\n", catalogue::known(operation.confidence));
        html.push_str(&list(operation.notes));
        html.push_str("</section>\n");
    }
    html
}
