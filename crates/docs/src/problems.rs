//! The table of error codes.

use maud::{Markup, html};
use portico_web::codes::Code;

use crate::text::in_code;

/// Each code, as a row.
pub(crate) fn rows(codes: &[Code]) -> Markup {
    html! {
        @for code in codes {
            tr id=(code.code) {
                td { a href={ "#" (code.code) } { code { (code.code) } } }
                td data-label="Status" { (code.status) }
                td data-label="Surface" { (code.surface.as_str()) }
                td data-label="Meaning" { (in_code(code.meaning)) }
                td data-label="What to do" { (in_code(code.fix)) }
            }
        }
    }
}
