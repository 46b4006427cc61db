//! The table of error codes.

use portico_web::codes::Code;
use std::fmt::Write;

use crate::html::in_code;

/// Each code, as a row.
pub(crate) fn rows(codes: &[Code]) -> String {
    let mut html = String::new();
    for code in codes {
        let _ = writeln!(
            html,
            "<tr id=\"{0}\"><td><a href=\"#{0}\"><code>{0}</code></a></td><td data-label=\"Status\">{1}</td>\
             <td data-label=\"Surface\">{2}</td><td data-label=\"Meaning\">{3}</td><td data-label=\"What to do\">{4}</td></tr>",
            code.code,
            code.status,
            code.surface.as_str(),
            in_code(code.meaning),
            in_code(code.fix)
        );
    }
    html
}
