//! The tables of roles and permissions.

use maud::{Markup, html};
use portico_domain::{BuiltInRole, Permission};

use crate::section::{Row, table};
use crate::text::in_code;

/// The built-in roles.
pub(crate) fn built_in() -> Markup {
    let row = |role: &BuiltInRole| {
        let count = role.permissions().iter().count();
        Row { id: None, cells: vec![html! { code { (role.as_str()) } }, in_code(role.what()), html! { (count) }] }
    };
    table(&["Role", "Allows", "Permissions"], &BuiltInRole::ALL.iter().map(row).collect::<Vec<_>>())
}

/// Each permission, what it allows, and which roles have it.
pub(crate) fn matrix() -> Markup {
    html! {
        div.scroll {
            table.matrix {
                thead {
                    tr {
                        th scope="col" { "Permission" }
                        th scope="col" { "What it allows" }
                        @for role in BuiltInRole::ALL { th scope="col" { (role.as_str()) } }
                    }
                }
                tbody {
                    @for permission in Permission::ALL { (row(*permission)) }
                }
            }
        }
    }
}

fn row(permission: Permission) -> Markup {
    html! {
        tr id=(permission) {
            th scope="row" { a href={ "#" (permission) } { code { (permission) } } }
            td { (in_code(permission.what())) (mark(permission)) }
            @for role in BuiltInRole::ALL {
                @let (class, text) = held(role.permissions().contains(permission));
                td class=(class) data-role=(role.as_str()) { (text) }
            }
        }
    }
}

/// A cell's class and text.
const fn held(has: bool) -> (&'static str, &'static str) {
    if has { ("yes", "yes") } else { ("no", "–") }
}

fn mark(permission: Permission) -> Markup {
    html! {
        @if permission.is_operator_only() { " " span.mark { "operator only" } }
        @else if permission.is_team_wide() { " " span.mark { "team-wide" } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_matrix_says_what_the_roles_say() {
        let matrix = matrix().into_string();
        for permission in Permission::ALL {
            let (_, from) = matrix.split_once(&format!("<tr id=\"{permission}\">")).expect("a row");
            let (row, _) = from.split_once("</tr>").expect("ends");
            for role in BuiltInRole::ALL {
                let cell = format!("data-role=\"{}\">yes", role.as_str());
                assert_eq!(row.contains(&cell), role.permissions().contains(*permission), "{permission} {role:?}");
            }
            assert_eq!(row.contains("team-wide"), permission.is_team_wide());
        }
    }
}
