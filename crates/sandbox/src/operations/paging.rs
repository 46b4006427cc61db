//! Pages of a list, with Meta's cursors.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use reqwest::Url;
use serde_json::{Value, json};

use super::meta::must_be;
use crate::call::Call;
use crate::reply::Refusal;

/// A page and where to go on from it.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) rows: Vec<Value>,
    /// The value of `paging`.
    pub(super) paging: Value,
}

/// The page of the rows that the query asks for: `limit`, `after`, `before`. The rows come in the
/// order of their keys, which are what cursors hold; so a row that is deleted between two pages
/// moves none of the others.
///
/// # Errors
///
/// Meta's 100 for a limit or a cursor that is none.
pub(super) fn page(
    call: &Call<'_>,
    rows: Vec<(String, Value)>,
    default_limit: usize,
    max_limit: usize,
) -> Result<Page, Refusal> {
    let limit = match call.query("limit") {
        None => default_limit,
        Some(text) => {
            let limit = text.parse().ok().filter(|limit| *limit > 0);
            limit.ok_or_else(|| must_be("limit", "an integer above 0"))?
        }
    };
    let limit = limit.min(max_limit);
    let (after, before) = (cursor(call, "after")?, cursor(call, "before")?);
    let begin = rows.partition_point(|(key, _)| after.as_ref().is_some_and(|after| key <= after));
    let end = rows.partition_point(|(key, _)| before.as_ref().is_none_or(|before| key < before)).max(begin);
    let (from, to) = if before.is_some() && after.is_none() {
        (end.saturating_sub(limit), end)
    } else {
        (begin, end.min(begin + limit))
    };
    let at = |row: Option<&(String, Value)>, other: Option<&String>| {
        BASE64.encode(row.map(|(key, _)| key).or(other).map(String::as_str).unwrap_or_default())
    };
    let given = after.as_ref().or(before.as_ref());
    let first = at(rows[from..to].first(), given);
    let last = at(rows[from..to].last(), given);
    let mut paging = json!({"cursors": {"before": first, "after": last}});
    if to < rows.len() {
        paging["next"] = page_url(call, ("after", &last)).into();
    }
    if from > 0 {
        paging["previous"] = page_url(call, ("before", &first)).into();
    }
    let rows = rows.into_iter().skip(from).take(to - from).map(|(_, row)| row).collect();
    Ok(Page { rows, paging })
}

/// The absolute URL of another page of the same call.
fn page_url(call: &Call<'_>, cursor: (&str, &str)) -> String {
    let plain = format!("{}{}", call.base_url, call.matched.target(call.matched.route.template));
    let kept = call.query.iter().filter(|(name, _)| name != "after" && name != "before");
    let query = kept.map(|(name, value)| (name.as_str(), value.as_str())).chain([cursor]);
    Url::parse_with_params(&plain, query).map_or(plain, String::from)
}

fn cursor(call: &Call<'_>, name: &str) -> Result<Option<String>, Refusal> {
    let decode = |text| String::from_utf8(BASE64.decode(text).ok()?).ok();
    let invalid = || Refusal::parameter("Invalid cursors values");
    call.query(name).map(|text| decode(text).ok_or_else(invalid)).transpose()
}
