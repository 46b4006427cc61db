//! The page of every operation, of Chakra's and of Portico's own API.

use std::fmt::Write;

use portico_chakra::{Operation, When, operations};
use portico_web::routes::Route;

use crate::catalogue;
use crate::html::{escape, list, slug};
use crate::reference::Reference;

/// How many operations the catalogue has.
pub(crate) fn count() -> String {
    operations().len().to_string()
}

/// Every operation of the catalogue, by group.
pub(crate) fn of_chakra(reference: &Reference) -> String {
    let all = operations();
    let mut groups: Vec<&str> = Vec::new();
    for operation in &all {
        if !groups.contains(&operation.group) {
            groups.push(operation.group);
        }
    }
    let mut html = String::new();
    for group in groups {
        let _ = writeln!(html, "<h2 id=\"group-{}\">{}</h2>", slug(group), escape(group));
        for operation in all.iter().filter(|operation| operation.group == group) {
            card(&mut html, operation, reference);
        }
    }
    html
}

fn card(html: &mut String, operation: &Operation, reference: &Reference) {
    let (id, title) = (operation.id, escape(operation.title));
    let _ = write!(html, "<section class=\"card\">\n<h3 id=\"{id}\">{title}</h3>\n");
    for path in operation.paths {
        let _ = writeln!(html, "<p>{}</p>", catalogue::call(operation.method, path));
    }
    let _ = write!(html, "<dl>\n<dt>Operation</dt><dd><code>{id}</code></dd>\n");
    if operation.when != When::Always {
        let _ = writeln!(html, "<dt>When</dt><dd>{}</dd>", catalogue::when(operation.when));
    }
    let _ = writeln!(html, "<dt>Permission</dt><dd>{}</dd>", catalogue::permissions(operation));
    let _ = writeln!(html, "<dt>Checked ids</dt><dd>{}</dd>", catalogue::checked(operation));
    let _ = writeln!(html, "<dt>Repeat</dt><dd>{}</dd>", catalogue::repeat(operation.retry));
    let more = if catalogue::is_uncertain(operation) {
        format!("; <a href=\"/docs/inferred#{id}\">the path is not certain</a>")
    } else {
        String::new()
    };
    let _ = write!(html, "<dt>Known</dt><dd>{}{more}</dd>\n</dl>\n", catalogue::known(operation.confidence));
    html.push_str(&list(operation.notes));
    let _ = write!(
        html,
        "<p><a href=\"{}\">Fields and examples in the reference</a></p>\n</section>\n",
        catalogue::place(operation, reference)
    );
}

/// Every route of Portico's own API, as rows.
pub(crate) fn of_portico(routes: &[Route]) -> String {
    let mut html = String::new();
    for route in routes {
        let id = slug(&format!("{} {}", route.method, route.path));
        let caller =
            if route.operator { "the operator's token" } else { "an API key, a session, or the operator's token" };
        let _ = writeln!(
            html,
            "<tr id=\"{id}\"><td><a href=\"#{id}\"><span class=\"call\"><b>{}</b> <code>{}</code></span></a></td>\
             <td data-label=\"Permission\">{}</td><td data-label=\"Credential\">{caller}</td></tr>",
            route.method,
            escape(&route.path).replace('/', "<wbr>/"),
            route.permission.map_or_else(|| "none; every known caller may".to_owned(), catalogue::permission),
        );
    }
    html
}
