//! The table of error codes.

use maud::{Markup, html};
use portico_core::code::Code;

use crate::section::{Row, table};
use crate::text::in_code;

/// The table of codes, in which each row can be linked to.
pub(crate) fn codes(codes: &[Code]) -> Markup {
    let first = |code: &Code| codes.iter().find(|one| one.code == code.code) == Some(code);
    let row = |code: &Code| {
        let cells = vec![
            html! { a href={ "#" (code.code) } { code { (code.code) } } },
            html! { (code.status) },
            html! { (code.surface.as_str()) },
            in_code(code.meaning),
            in_code(code.fix),
        ];
        Row { id: first(code).then(|| code.code.to_owned()), cells }
    };
    let rows: Vec<_> = codes.iter().map(row).collect();
    table(&["Code", "Status", "Surface", "Meaning", "What to do"], &rows)
}
