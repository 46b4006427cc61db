//! Headings, each a link to itself, and tables.

use maud::{Markup, html};

/// A section of the second level, for the list of contents.
#[derive(Debug, Clone)]
pub(crate) struct Section {
    /// The `id` of its heading: `#group-media`.
    pub(crate) id: String,
    /// The inside of its heading.
    pub(crate) heading: Markup,
}

impl Section {
    /// The heading as an element that links to itself.
    pub(crate) fn heading(&self) -> Markup {
        html! { h2 id=(self.id) { a href={ "#" (self.id) } { (self.heading) } } }
    }
}

/// A heading of the third level, as an element that links to itself.
pub(crate) fn third(id: &str, heading: &Markup) -> Markup {
    html! { h3 id=(id) { a href={ "#" (id) } { (heading) } } }
}

/// A row of a [`table`].
#[derive(Debug, Default)]
pub(crate) struct Row {
    /// Its `id`, if links lead to it.
    pub(crate) id: Option<String>,
    /// Its cells, one for each column.
    pub(crate) cells: Vec<Markup>,
}

/// A table, which on a phone becomes a stack of rows: there each cell but the first says its column.
pub(crate) fn table<H: AsRef<str>>(head: &[H], rows: &[Row]) -> Markup {
    let label = |column: usize| head.get(column).filter(|_| column > 0).map(AsRef::as_ref);
    html! {
        div.scroll {
            table.stack {
                thead {
                    tr {
                        @for name in head { th { (name.as_ref()) } }
                    }
                }
                tbody {
                    @for row in rows {
                        tr id=[&row.id] {
                            @for (column, cell) in row.cells.iter().enumerate() {
                                td data-label=[label(column)] { (cell) }
                            }
                        }
                    }
                }
            }
        }
    }
}
