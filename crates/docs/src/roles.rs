//! The tables of roles and permissions.

use std::fmt::Write;

use portico_domain::{BuiltInRole, Permission};

use crate::html::in_code;

/// The built-in roles, as rows.
pub(crate) fn built_in() -> String {
    let mut html = String::new();
    for role in BuiltInRole::ALL {
        let _ = writeln!(
            html,
            "<tr><td><code>{}</code></td><td data-label=\"Allows\">{}</td><td data-label=\"Permissions\">{}</td></tr>",
            role.as_str(),
            in_code(role.what()),
            role.permissions().iter().count()
        );
    }
    html
}

/// The names of the built-in roles, as cells of a head.
pub(crate) fn names() -> String {
    let mut html = String::new();
    for role in BuiltInRole::ALL {
        let _ = write!(html, "<th scope=\"col\">{}</th>", role.as_str());
    }
    html
}

/// Each permission, what it allows, and which roles have it, as rows.
pub(crate) fn matrix() -> String {
    let mut html = String::new();
    for permission in Permission::ALL {
        let _ = write!(
            html,
            "<tr id=\"{permission}\"><th scope=\"row\"><a href=\"#{permission}\"><code>{permission}</code></a></th>\
             <td>{}{}</td>",
            in_code(permission.what()),
            mark(*permission)
        );
        for role in BuiltInRole::ALL {
            let has = role.permissions().contains(*permission);
            let (class, text) = if has { ("yes", "yes") } else { ("no", "–") };
            let _ = write!(html, "<td class=\"{class}\" data-role=\"{}\">{text}</td>", role.as_str());
        }
        html.push_str("</tr>\n");
    }
    html
}

fn mark(permission: Permission) -> &'static str {
    if permission.is_operator_only() {
        " <span class=\"mark\">operator only</span>"
    } else if permission.is_team_wide() {
        " <span class=\"mark\">team-wide</span>"
    } else {
        ""
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_matrix_says_what_the_roles_say() {
        let matrix = matrix();
        for permission in Permission::ALL {
            let row = matrix.lines().find(|row| row.starts_with(&format!("<tr id=\"{permission}\">"))).expect("a row");
            for role in BuiltInRole::ALL {
                let cell = format!("data-role=\"{}\">yes", role.as_str());
                assert_eq!(row.contains(&cell), role.permissions().contains(*permission), "{permission} {role:?}");
            }
            assert_eq!(row.contains("team-wide"), permission.is_team_wide());
        }
    }
}
