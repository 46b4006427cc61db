//! The page of every operation, of Chakra's and of Portico's own API.

use maud::{Markup, html};
use portico_chakra::{Condition, Operation, operations};
use portico_web::routes::Route;

use crate::catalogue;
use crate::reference::Reference;
use crate::section::{Row, Section, table, third};
use crate::text::{list, slug};

/// How many operations the catalogue has.
pub(crate) fn count() -> usize {
    operations().len()
}

/// Every operation of the catalogue, by group.
pub(crate) fn of_chakra(reference: &Reference) -> Vec<(Section, Markup)> {
    let all = operations();
    let mut groups: Vec<&str> = Vec::new();
    for operation in &all {
        if !groups.contains(&operation.group) {
            groups.push(operation.group);
        }
    }
    let section = |group: &str| {
        let of_group = all.iter().filter(|operation| operation.group == group);
        let cards = html! { @for operation in of_group { (card(operation, reference)) } };
        (Section { id: format!("group-{}", slug(group)), heading: html! { (group) } }, cards)
    };
    groups.into_iter().map(section).collect()
}

fn card(operation: &Operation, reference: &Reference) -> Markup {
    let id = operation.id;
    html! {
        section.card {
            (third(id, &html! { (operation.title) }))
            @for path in operation.paths {
                p { (catalogue::call(operation.method.as_str(), path)) }
            }
            dl {
                dt { "Operation" }
                dd { code { (id) } }
                @if operation.when != Condition::Always {
                    dt { "Condition" }
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
            p { a href=(catalogue::reference_url(operation, reference)) { "Fields and examples in the reference" } }
        }
    }
}

/// Every route of Portico's own API.
pub(crate) fn of_portico(routes: &[Route]) -> Markup {
    let row = |route: &Route| {
        let id = slug(&format!("{} {}", route.method, route.path));
        let cells = vec![
            html! { a href={ "#" (id) } { (catalogue::call(route.method.as_str(), &route.path)) } },
            route.permission.map_or_else(|| html! { "none; every known caller may" }, catalogue::permission),
            html! {
                @if route.operator { "the operator's token" }
                @else { "an API key, a session, or the operator's token" }
            },
        ];
        Row { id: Some(id), cells }
    };
    table(&["Call", "Permission", "Credential"], &routes.iter().map(row).collect::<Vec<_>>())
}
