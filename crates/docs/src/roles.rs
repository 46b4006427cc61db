//! The tables of roles and permissions.

use maud::{Markup, html};
use portico_domain::{BuiltInRole, Permission};

use crate::text::in_code;

/// The built-in roles, as rows.
pub(crate) fn built_in() -> Markup {
    html! {
        @for role in BuiltInRole::ALL {
            tr {
                td { code { (role.as_str()) } }
                td data-label="Allows" { (in_code(role.what())) }
                td data-label="Permissions" { (role.permissions().iter().count()) }
            }
        }
    }
}

/// The names of the built-in roles, as cells of a head.
pub(crate) fn names() -> Markup {
    html! {
        @for role in BuiltInRole::ALL {
            th scope="col" { (role.as_str()) }
        }
    }
}

/// Each permission, what it allows, and which roles have it, as rows.
pub(crate) fn matrix() -> Markup {
    html! {
        @for permission in Permission::ALL {
            tr id=(permission) {
                th scope="row" { a href={ "#" (permission) } { code { (permission) } } }
                td { (in_code(permission.what())) (mark(*permission)) }
                @for role in BuiltInRole::ALL {
                    @let (class, text) = held(role.permissions().contains(*permission));
                    td class=(class) data-role=(role.as_str()) { (text) }
                }
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
