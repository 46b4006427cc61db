//! Pages as the management API gives them.

use portico_storage::{Page, PageRows};

/// Which part of a list, as asked for: up to 200 rows after an opaque cursor.
#[derive(Debug, Clone)]
pub struct PageRequest<K> {
    /// At most so many rows.
    pub limit: u16,
    /// Only rows after this one.
    pub after: Option<K>,
}

/// A part of a list.
#[derive(Debug, Clone)]
pub struct Paged<T> {
    /// The rows.
    pub data: Vec<T>,
    /// Where the next page begins; none on the last.
    pub next: Option<String>,
}

impl<K> From<PageRequest<K>> for Page<K> {
    fn from(request: PageRequest<K>) -> Self {
        Self { limit: request.limit, after: request.after }
    }
}

/// The page as the caller gets it; a row's own id is the cursor behind it.
pub fn paged<T>(rows: PageRows<T>, cursor: impl Fn(&T) -> String) -> Paged<T> {
    let next = if rows.more { rows.data.last().map(cursor) } else { None };
    Paged { data: rows.data, next }
}
