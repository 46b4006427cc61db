//! Pages of a list over a whole team for a caller who may see some of its rows only.
//!
//! Chakra pages and searches before Portico filters. So where a row of one's own stood on Chakra's pages would tell of
//! others' rows, down to what is in them. For such callers `limit` and `page` count their own rows, Portico
//! reads as many of Chakra's pages as that takes, and no condition of theirs reaches Chakra.

use std::fmt::Write as _;

use bytes::Bytes;
use portico_chakra::Paging;
use portico_connections::Error as ConnectionsError;
use portico_core::{Error as CoreError, RequestError};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::Error;
use crate::answer::without_mark;
use crate::body::Received;

/// So many of Chakra's pages are read for one of the caller's at most.
pub(crate) const MOST_PAGES: usize = 20;
/// Rows on the caller's page, unless the call says otherwise, and at most.
const DEFAULT_LIMIT: usize = 25;
const MOST_ROWS: usize = 100;

/// Which page of their own rows a caller wants.
#[derive(Debug)]
pub(crate) struct OwnPages {
    kept: Map<String, Value>,
    rows: u16,
    limit: usize,
    page: usize,
}

/// The rows of a page of Chakra's, as the bytes that came.
#[derive(Debug, Deserialize)]
struct Rows<'b> {
    #[serde(borrow, rename = "_data")]
    data: Vec<&'b RawValue>,
    #[serde(borrow, default, rename = "_errors")]
    errors: Option<&'b RawValue>,
}

/// Rows of the caller's own, in Chakra's order, as they were gathered.
#[derive(Debug, Default)]
pub(crate) struct OwnRows {
    rows: Vec<String>,
    errors: Option<String>,
    /// The first row of the last page, to notice a Chakra that gives the same page for ever.
    first: String,
    ended: bool,
}

impl OwnPages {
    /// The page that the body asks for.
    ///
    /// # Errors
    ///
    /// [`RequestError::Body`] when the body is no object; [`CoreError::Invalid`] for a field that would select rows, and
    /// for a malformed `limit` or `page`.
    pub(crate) fn of(paging: Paging, received: &Received) -> Result<Self, Error> {
        let Value::Object(fields) = received.tree()? else {
            return Err(RequestError::Body("send a JSON object".into()).into());
        };
        let mut pages = Self { kept: Map::new(), rows: paging.rows, limit: DEFAULT_LIMIT, page: 1 };
        for (name, value) in fields {
            match name.as_str() {
                _ if value.is_null() => {}
                "limit" => pages.limit = count(&name, &value)?.min(MOST_ROWS),
                "page" => pages.page = count(&name, &value)?,
                kept if paging.keeps.contains(&kept) => drop(pages.kept.insert(name, value)),
                _ => {
                    let detail = "cannot be used by a caller who may see some of the list's rows only; leave it out";
                    return Err(CoreError::invalid(format!("/{name}"), detail).into());
                }
            }
        }
        Ok(pages)
    }

    /// The body that asks Chakra for its page of that number, from 1.
    pub(crate) fn body(&self, number: usize) -> Bytes {
        let mut body = self.kept.clone();
        body.insert("limit".into(), self.rows.into());
        body.insert("page".into(), number.into());
        Value::Object(body).to_string().into()
    }

    /// Whether the rows suffice to answer: the page is full, and it is known whether more follow.
    pub(crate) fn suffice(&self, gathered: &OwnRows) -> bool {
        gathered.ended || gathered.rows.len() > self.page.saturating_mul(self.limit)
    }

    /// The caller's page in Chakra's envelope.
    pub(crate) fn answer(&self, gathered: &OwnRows) -> Bytes {
        let end = self.page.saturating_mul(self.limit);
        let start = end - self.limit.min(end);
        let rows: Vec<&str> = gathered.rows.iter().skip(start).take(self.limit).map(String::as_str).collect();
        let mut text = String::with_capacity(rows.iter().map(|row| row.len() + 1).sum::<usize>() + 100);
        text.push_str("{\"_data\":[");
        text.push_str(&rows.join(","));
        let (page, limit, more) = (self.page, self.limit, gathered.rows.len() > end);
        let errors = gathered.errors.as_deref().unwrap_or("[]");
        let _ =
            write!(text, "],\"_meta\":{{\"page\":{page},\"limit\":{limit},\"hasMore\":{more}}},\"_errors\":{errors}}}");
        text.into()
    }
}

impl OwnRows {
    /// Adds a page: what came of Chakra, and what is left of it for the caller.
    ///
    /// # Errors
    ///
    /// [`ConnectionsError::UpstreamMalformed`] when either has another shape than a list in Chakra's envelope.
    pub(crate) fn add(&mut self, came: &Bytes, own: &Bytes) -> Result<(), Error> {
        let (given, own) = (read(came)?, read(own)?);
        let first = given.data.first().map_or("", |row| row.get());
        if given.data.is_empty() || first == self.first {
            self.ended = true;
        } else {
            first.clone_into(&mut self.first);
            for row in own.data {
                // What arrives between two pages moves rows from one to the next.
                if !self.rows.iter().any(|known| known == row.get()) {
                    self.rows.push(row.get().to_owned());
                }
            }
        }
        if let Some(errors) = own.errors.map(RawValue::get).filter(|errors| !matches!(*errors, "[]" | "null")) {
            self.errors = Some(errors.to_owned());
            self.ended = true;
        }
        Ok(())
    }
}

fn read(page: &Bytes) -> Result<Rows<'_>, Error> {
    serde_json::from_slice(without_mark(page)).map_err(|_| ConnectionsError::UpstreamMalformed.into())
}

/// A whole number from 1, also as a text.
fn count(name: &str, value: &Value) -> Result<usize, Error> {
    let number = match value {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    };
    let number = number.filter(|number| *number > 0).and_then(|number| usize::try_from(number).ok());
    number.ok_or_else(|| CoreError::invalid(format!("/{name}"), "must be a whole number from 1").into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pages(limit: usize, page: usize) -> OwnPages {
        OwnPages { kept: Map::new(), rows: 3, limit, page }
    }

    fn list(rows: &[u8]) -> Bytes {
        let rows: Vec<String> = rows.iter().map(|id| format!("{{\"id\":{id}}}")).collect();
        format!("{{\"_data\":[{}],\"_meta\":{{\"total\":99}}}}", rows.join(",")).into()
    }

    fn gathered(all: &[(&[u8], &[u8])]) -> OwnRows {
        let mut gathered = OwnRows::default();
        for (came, own) in all {
            gathered.add(&list(came), &list(own)).expect("is a list");
        }
        gathered
    }

    fn told(pages: &OwnPages, gathered: &OwnRows) -> (Vec<u64>, bool) {
        let answer: Value = serde_json::from_slice(&pages.answer(gathered)).expect("is JSON");
        let ids = answer["_data"].as_array().expect("is a list").iter().filter_map(|row| row["id"].as_u64()).collect();
        assert!(answer["_meta"].get("total").is_none(), "{answer}");
        (ids, answer["_meta"]["hasMore"] == true)
    }

    #[test]
    fn pages_count_the_callers_own_rows_wherever_they_stood() {
        let early = gathered(&[(&[1, 2, 9], &[1, 2]), (&[8, 7, 3], &[3]), (&[], &[])]);
        let late = gathered(&[(&[9, 8, 7], &[]), (&[1, 2, 3], &[1, 2, 3]), (&[], &[])]);
        for rows in [&early, &late] {
            assert_eq!(told(&pages(2, 1), rows), (vec![1, 2], true));
            assert_eq!(told(&pages(2, 2), rows), (vec![3], false));
            assert_eq!(told(&pages(2, 3), rows), (vec![], false));
            assert_eq!(told(&pages(100, usize::MAX), rows), (vec![], false));
        }
    }

    #[test]
    fn reading_ends_when_the_page_is_full_and_one_more_is_known_or_chakra_has_no_more() {
        let rows = gathered(&[(&[1, 2, 3], &[1, 2, 3])]);
        assert!(pages(2, 1).suffice(&rows) && !pages(3, 1).suffice(&rows));
        assert!(pages(3, 1).suffice(&gathered(&[(&[1, 2, 3], &[1, 2, 3]), (&[], &[])])));
        // The same page again, and a row that moved to the next page.
        let again = gathered(&[(&[1, 2], &[1, 2]), (&[2, 3], &[2, 3]), (&[2, 3], &[2, 3])]);
        assert!(pages(9, 1).suffice(&again));
        assert_eq!(told(&pages(9, 1), &again), (vec![1, 2, 3], false));
    }

    #[test]
    fn a_list_of_another_shape_is_not_handed_on_and_errors_are() {
        let mut rows = OwnRows::default();
        let other = Bytes::from_static(b"{\"data\":[{\"id\":1}]}");
        assert!(rows.add(&other, &other).is_err());
        let failed = Bytes::from_static(b"{\"_data\":[],\"_errors\":[\"no\"]}");
        rows.add(&failed, &failed).expect("is a list");
        assert_eq!(
            pages(1, 1).answer(&rows),
            "{\"_data\":[],\"_meta\":{\"page\":1,\"limit\":1,\"hasMore\":false},\"_errors\":[\"no\"]}"
        );
    }
}
