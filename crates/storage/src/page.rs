//! Lists in pages.

/// Which part of a list.
#[derive(Debug, Clone, Copy)]
pub struct Page<K> {
    /// At most so many rows.
    pub limit: u16,
    /// Only rows after this one.
    pub after: Option<K>,
}

impl<K> Page<K> {
    /// One row more than asked for tells whether another page follows.
    pub(crate) fn fetch(&self) -> i64 {
        i64::from(self.limit) + 1
    }

    /// Cuts the surplus row off.
    pub(crate) fn cut<T>(&self, mut data: Vec<T>) -> Rows<T> {
        let more = data.len() > usize::from(self.limit);
        data.truncate(usize::from(self.limit));
        Rows { data, more }
    }
}

/// A part of a list.
#[derive(Debug, Clone)]
pub struct Rows<T> {
    /// The rows.
    pub data: Vec<T>,
    /// Whether more follow.
    pub more: bool,
}
