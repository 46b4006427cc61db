//! What the pages about the catalogue share: how they say who may call an operation, what is
//! checked, and how well its contract is known.

use std::borrow::Cow;

use maud::{Markup, html};
use portico_chakra::{At, Condition, Confidence, Operation, Owned, Retry, router};
use portico_domain::Permission;

use crate::reference::Reference;

/// Whether the operation's path is a guess, or one of several.
pub(crate) fn is_uncertain(operation: &Operation) -> bool {
    operation.confidence == Confidence::Inferred || operation.paths.len() > 1
}

/// A method and a path, which may be broken before each slash where it is long.
pub(crate) fn call(method: &str, path: &str) -> Markup {
    html! {
        span.call {
            b { (method) } " "
            code {
                @for (at, segment) in path.split('/').enumerate() {
                    @if at > 0 { wbr; "/" }
                    (segment)
                }
            }
        }
    }
}

/// Where the operation stands in the reference.
pub(crate) fn reference_url(operation: &Operation, reference: &Reference) -> String {
    // The reference names a route after the operation that takes what no other wants: the last.
    let of_path = |path: &&str| {
        let mut routes = router().routes().iter();
        routes.find(|route| route.method == operation.method && route.template == *path)
    };
    let main = operation.paths.first().and_then(of_path).and_then(|route| route.operations.last().copied());
    reference.url(main.unwrap_or(operation).id)
}

/// The permission, as a link to what it allows.
pub(crate) fn permission(permission: Permission) -> Markup {
    html! { a href={ "/docs/roles#" (permission) } { code { (permission) } } }
}

/// What the operation asks of its caller.
pub(crate) fn permissions(operation: &Operation) -> Markup {
    html! {
        @match operation.permission {
            Some(needed) => (permission(needed)),
            None => "none; any valid key may call it",
        }
        @if let Some((name, more)) = operation.query_permission {
            ", and " (permission(more)) " with the query parameter " code { (name) }
        }
        @if operation.team_wide {
            " (team-wide)"
        } @else if operation.permission.is_some_and(Permission::is_team_wide) {
            " (not for keys limited to customers)"
        }
    }
}

/// Which ids must belong to the caller, by where they stand.
pub(crate) fn checked(operation: &Operation) -> Markup {
    let mut places: Vec<(&str, Vec<&Owned>)> = Vec::new();
    for owned in operation.owned {
        let place = part_of_call(owned.at).0;
        match places.iter_mut().find(|(known, _)| *known == place) {
            Some((_, ids)) => ids.push(owned),
            None => places.push((place, vec![owned])),
        }
    }
    html! {
        @if places.is_empty() { "none" }
        @for (at, (place, ids)) in places.iter().enumerate() {
            @if at > 0 { "; " }
            "in the " (place) " "
            @for (at, owned) in ids.iter().enumerate() {
                @if at > 0 { ", " }
                code { (part_of_call(owned.at).1.into_owned()) }
                @if owned.when != Condition::Always { " (when " (when(owned.when)) ")" }
            }
        }
    }
}

/// The part of a call in which an id stands, and the id's name there.
fn part_of_call(at: At) -> (&'static str, Cow<'static, str>) {
    match at {
        At::Path(name) => ("path", name.into()),
        At::Query(name) => ("query", name.into()),
        At::Body(pointer) => ("body", pointer.into()),
        At::Anywhere(within, name) => (
            "body, wherever it stands,",
            if within.is_empty() { name.into() } else { format!("{within}/{name}").into() },
        ),
    }
}

/// A condition on the body, in words; empty for none.
pub(crate) fn when(condition: Condition) -> Markup {
    let (pointer, relation, text) = match condition {
        Condition::Always => return html! {},
        Condition::BodyIs(pointer, text) => (pointer, "is", text),
        Condition::BodyIsNot(pointer, text) => (pointer, "is not", text),
    };
    html! { code { (pointer) } " in the body " (relation) " " code { (text) } }
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
