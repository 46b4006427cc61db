//! Lists in pages: a [`Page`] is asked for, [`PageRows`] come back.
//!
//! A page begins after a cursor, which is what the list is ordered by of the last row of the page before
//! (often its id). So rows that are added or deleted between two pages move no others from one page to
//! the next.

/// Which part of a list is asked for; `K` is the list's cursor.
#[derive(Debug, Clone, Copy)]
pub struct Page<K> {
    /// How many rows at most.
    pub limit: u16,
    /// The cursor of the last row of the page before; none for the first page.
    pub after: Option<K>,
}

impl<K> Page<K> {
    /// How many rows to select: one more than asked for tells whether another page follows.
    pub(crate) fn fetch(&self) -> i64 {
        i64::from(self.limit) + 1
    }

    /// Cuts the surplus row off what was selected.
    pub(crate) fn cut<T>(&self, mut data: Vec<T>) -> PageRows<T> {
        let more = data.len() > usize::from(self.limit);
        data.truncate(usize::from(self.limit));
        PageRows { data, more }
    }
}

/// The rows of one page.
#[derive(Debug, Clone)]
pub struct PageRows<T> {
    /// The rows, in the order of the list.
    pub data: Vec<T>,
    /// Whether another page follows.
    pub more: bool,
}
