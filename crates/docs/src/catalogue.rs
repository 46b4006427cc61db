//! What the pages about the catalogue share: how they say who may call an operation, what is
//! checked, and how well its contract is known.

use std::fmt::Write;

use portico_chakra::{At, Confidence, Method, Operation, Owned, Retry, When, router};
use portico_domain::Permission;

use crate::html::{code, escape};
use crate::reference::Reference;

/// Whether the operation's path is a guess, or one of several.
pub(crate) fn is_uncertain(operation: &Operation) -> bool {
    operation.confidence == Confidence::Inferred || operation.paths.len() > 1
}

/// A method and a path.
pub(crate) fn call(method: Method, path: &str) -> String {
    // A long path may be broken before each slash.
    let path = escape(path).replace('/', "<wbr>/");
    format!("<span class=\"call\"><b>{0}</b> <code>{path}</code></span>", method.as_str())
}

/// Where the operation stands in the reference.
pub(crate) fn place(operation: &Operation, reference: &Reference) -> String {
    // The reference names a route after the operation that takes what no other wants: the last.
    let of_path = |path: &&str| {
        let mut routes = router().routes().iter();
        routes.find(|route| route.method == operation.method && route.template == *path)
    };
    let main = operation.paths.first().and_then(of_path).and_then(|route| route.operations.last().copied());
    reference.url(main.unwrap_or(operation).id)
}

/// The permission, as a link to what it allows.
pub(crate) fn permission(permission: Permission) -> String {
    format!("<a href=\"/docs/roles#{permission}\"><code>{permission}</code></a>")
}

/// What the operation asks of its caller.
pub(crate) fn permissions(operation: &Operation) -> String {
    let mut html = operation.permission.map_or_else(|| "none; any valid key may call it".to_owned(), permission);
    if let Some((name, more)) = operation.query_permission {
        let _ = write!(html, ", and {} with the query parameter {}", permission(more), code(name));
    }
    if operation.permission.is_some_and(Permission::is_team_wide) {
        html.push_str(" (team-wide)");
    }
    html
}

/// Which ids must belong to the caller, by where they stand.
pub(crate) fn checked(operation: &Operation) -> String {
    let mut places: Vec<(&str, Vec<String>)> = Vec::new();
    for owned in operation.owned {
        let (place, id) = placed(owned);
        match places.iter_mut().find(|(known, _)| *known == place) {
            Some((_, ids)) => ids.push(id),
            None => places.push((place, vec![id])),
        }
    }
    if places.is_empty() {
        return "none".to_owned();
    }
    let places: Vec<String> = places.iter().map(|(place, ids)| format!("in the {place} {}", ids.join(", "))).collect();
    places.join("; ")
}

/// Where an id stands, and its name.
fn placed(owned: &Owned) -> (&'static str, String) {
    let (place, name) = match owned.at {
        At::Path(name) => ("path", name),
        At::Query(name) => ("query", name),
        At::Body(pointer) => ("body", pointer),
    };
    let name = code(name);
    match owned.when {
        When::Always => (place, name),
        condition => (place, format!("{name} (when {})", when(condition))),
    }
}

/// A condition on the body, in words; empty for none.
pub(crate) fn when(condition: When) -> String {
    match condition {
        When::Always => String::new(),
        When::BodyIs(pointer, text) => format!("{} in the body is {}", code(pointer), code(text)),
        When::BodyIsNot(pointer, text) => format!("{} in the body is not {}", code(pointer), code(text)),
    }
}

/// Whether the operation may be repeated.
pub(crate) fn repeat(retry: Retry) -> &'static str {
    match retry {
        Retry::Safe => "safe: a repeat changes nothing more",
        Retry::Never => "not safe: a repeat may do it twice",
    }
}

/// How well the contract is known, in words.
pub(crate) const fn known(confidence: Confidence) -> &'static str {
    match confidence {
        Confidence::Documented => "documented: method, path and main fields stand on Chakra's own pages",
        Confidence::Observed => "observed: seen in public code that calls the live API",
        Confidence::Inferred => "inferred: by analogy, or from a title alone; may turn out different",
    }
}
