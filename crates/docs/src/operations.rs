//! The page of every operation, of Chakra's and of Portico's own API.

use maud::{Markup, html};
use portico_chakra::{Operation, When, operations};
use portico_web::routes::Route;

use crate::catalogue;
use crate::reference::Reference;
use crate::text::{list, slug};

/// How many operations the catalogue has.
pub(crate) fn count() -> usize {
    operations().len()
}

/// Every operation of the catalogue, by group.
pub(crate) fn of_chakra(reference: &Reference) -> Markup {
    let all = operations();
    let mut groups: Vec<&str> = Vec::new();
    for operation in &all {
        if !groups.contains(&operation.group) {
            groups.push(operation.group);
        }
    }
    html! {
        @for group in groups {
            h2 id={ "group-" (slug(group)) } { (group) }
            @for operation in all.iter().filter(|operation| operation.group == group) {
                (card(operation, reference))
            }
        }
    }
}

fn card(operation: &Operation, reference: &Reference) -> Markup {
    let id = operation.id;
    html! {
        section.card {
            h3 id=(id) { (operation.title) }
            @for path in operation.paths {
                p { (catalogue::call(operation.method.as_str(), path)) }
            }
            dl {
                dt { "Operation" }
                dd { code { (id) } }
                @if operation.when != When::Always {
                    dt { "When" }
                    dd { (catalogue::when(operation.when)) }
                }
                dt { "Permission" }
                dd { (catalogue::permissions(operation)) }
                dt { "Checked ids" }
                dd { (catalogue::checked(operation)) }
                dt { "Repeat" }
                dd { (catalogue::repeat(operation.retry)) }
                dt { "Known" }
                dd {
                    (catalogue::known(operation.confidence))
                    @if catalogue::is_uncertain(operation) {
                        "; " a href={ "/docs/inferred#" (id) } { "the path is not certain" }
                    }
                }
            }
            (list(operation.notes))
            p { a href=(catalogue::place(operation, reference)) { "Fields and examples in the reference" } }
        }
    }
}

/// Every route of Portico's own API, as rows.
pub(crate) fn of_portico(routes: &[Route]) -> Markup {
    html! {
        @for route in routes {
            @let id = slug(&format!("{} {}", route.method, route.path));
            tr id=(id) {
                td { a href={ "#" (id) } { (catalogue::call(route.method.as_str(), &route.path)) } }
                td data-label="Permission" {
                    @match route.permission {
                        Some(needed) => (catalogue::permission(needed)),
                        None => "none; every known caller may",
                    }
                }
                td data-label="Credential" {
                    @if route.operator { "the operator's token" }
                    @else { "an API key, a session, or the operator's token" }
                }
            }
        }
    }
}
