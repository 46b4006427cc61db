//! The splitter of answers and the scan of bodies, held against `serde_json` on made-up documents, on nearly
//! correct ones and on any bytes, in any division into pieces. The fuzz targets `json_splitter` and
//! `body_scan` make the same comparisons.

mod document;
mod json;
mod scan_reference;
mod split_reference;

use portico_chakra::json_splitter::{Fragment, SplitError, VALUE_LIMIT};
use proptest::prelude::*;
use scan_reference::BODY_POINTERS;
use split_reference::{ANSWER_POINTERS, Outcome, split};

fn any_pointers(sets: &'static [&'static [&'static str]]) -> impl Strategy<Value = &'static [&'static str]> {
    (0..sets.len()).prop_map(|index| sets[index])
}

fn any_cuts() -> impl Strategy<Value = Vec<usize>> {
    prop_oneof![
        3 => prop::collection::vec(any::<usize>(), 0..8),
        // A piece for every byte.
        1 => Just((0..2_000).collect()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_answer_is_split_as_serde_json_reads_it(
        pointers in any_pointers(ANSWER_POINTERS), answer in json::answer(), cuts in any_cuts(),
    ) {
        split_reference::check(pointers, &answer, &cuts);
    }

    #[test]
    fn an_answer_with_a_mistake_is_split_as_serde_json_reads_it(
        pointers in any_pointers(ANSWER_POINTERS), answer in json::mistaken(), cuts in any_cuts(),
    ) {
        split_reference::check(pointers, &answer, &cuts);
    }

    #[test]
    fn any_bytes_are_split_as_serde_json_reads_them(
        pointers in any_pointers(ANSWER_POINTERS), answer in json::anything(), cuts in any_cuts(),
    ) {
        split_reference::check(pointers, &answer, &cuts);
    }

    #[test]
    fn a_body_is_scanned_as_serde_json_reads_it(
        pointers in any_pointers(BODY_POINTERS), list in any::<bool>(), body in json::body(),
    ) {
        scan_reference::check(pointers, list, &body);
    }

    #[test]
    fn a_body_with_a_mistake_is_scanned_as_serde_json_reads_it(
        pointers in any_pointers(BODY_POINTERS), list in any::<bool>(), body in json::mistaken(),
    ) {
        scan_reference::check(pointers, list, &body);
    }

    #[test]
    fn any_bytes_are_scanned_as_serde_json_reads_them(
        pointers in any_pointers(BODY_POINTERS), list in any::<bool>(), body in json::anything(),
    ) {
        scan_reference::check(pointers, list, &body);
    }
}

#[test]
fn every_sample_of_the_catalogue_is_split_and_scanned_as_serde_json_reads_it() {
    for operation in portico_chakra::operations() {
        let learns = operation.learns.iter().map(|learn| learn.at);
        let rows = ["/_data/*", "/_meta"];
        let pointers: Vec<&'static str> =
            rows.into_iter().chain(learns).chain(operation.links.iter().map(|link| link.at)).collect();
        for pointers in [&pointers[..], &pointers[2..]] {
            let enveloped = format!(r#"{{"_data":[{0}, {0}],"_meta":{{"total":2}}}}"#, operation.answer_sample);
            for answer in [operation.answer_sample, &enveloped] {
                split_reference::check(pointers, answer.as_bytes(), &[1, 7, 60, 200]);
            }
        }
        let watched: Vec<&'static str> = operation.request.iter().map(|field| leaked(field.name)).collect();
        scan_reference::check(&watched, operation.request_sample.starts_with('['), operation.request_sample.as_bytes());
    }
}

fn leaked(name: &str) -> &'static str {
    format!("/{name}").leak()
}

/// The watched values of `/a/*`.
fn rows(answer: &str) -> Result<Vec<String>, SplitError> {
    let Outcome { fragments, error } = split(&["/a/*"], [answer.as_bytes()]);
    let rows = fragments.into_iter().filter_map(|fragment| match fragment {
        Fragment::Watched { json, .. } => Some(String::from_utf8(json).expect("is UTF-8")),
        Fragment::Unwatched(_) => None,
    });
    error.map_or_else(|| Ok(rows.collect()), Err)
}

/// Where the splitter and a `serde_json::Value` part on purpose.
#[test]
fn what_a_tree_cannot_hold_is_handed_on_as_it_is() {
    for row in [r#""half \ud83d""#, r#""\ude00 half""#, "1e999", "-1e-999", "123456789012345678901234567890"] {
        let answer = format!(r#"{{"a":[{row}]}}"#);
        assert_eq!(rows(&answer), Ok(vec![row.to_owned()]));
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&answer).is_ok(),
            row.starts_with("-1e") || row.len() > 20
        );
    }
}

#[test]
fn a_mark_at_the_front_is_no_part_of_the_answer_and_elsewhere_it_is_no_json() {
    assert_eq!(rows("\u{feff}{\"a\":[1]}"), Ok(vec!["1".to_owned()]));
    assert_eq!(rows("\u{feff}\u{feff}{}"), Err(SplitError::Malformed));
    assert_eq!(rows(" \u{feff}{}"), Err(SplitError::Malformed));
}

#[test]
fn a_watched_value_may_have_4_mib_and_no_byte_more_wherever_the_pieces_end() {
    let answer = |length: usize| format!(r#"{{"a":["{}" ]}}"#, "x".repeat(length - 2)).into_bytes();
    for (length, error) in [(VALUE_LIMIT, None), (VALUE_LIMIT + 1, Some(SplitError::TooLong))] {
        for size in [65_536, VALUE_LIMIT - 1, VALUE_LIMIT + 100] {
            assert_eq!(split(&["/a/*"], answer(length).chunks(size)).error, error, "{length} in pieces of {size}");
        }
        // What is not watched is not held, and so may have any length.
        assert_eq!(split(&["/b"], answer(length).chunks(65_536)).error, None);
    }
    // Too long comes before malformed when it stands before it.
    let mut broken = answer(VALUE_LIMIT + 100);
    let end = broken.len() - 20;
    broken[end] = 1;
    for size in [1 << 10, VALUE_LIMIT, broken.len()] {
        assert_eq!(split(&["/a/*"], broken.chunks(size)).error, Some(SplitError::TooLong), "in pieces of {size}");
    }
}

#[test]
fn a_key_of_any_length_is_passed_on() {
    let key = "k".repeat(1 << 20);
    for answer in [format!(r#"{{"{key}":1,"a":[2]}}"#), format!(r#"{{"a{}":[1],"a":[2]}}"#, "\\u0061".repeat(1 << 17))]
    {
        let outcome = split(&["/a/*"], answer.as_bytes().chunks(1 << 12));
        assert_eq!(outcome.error, None);
        assert_eq!(rows(&answer), Ok(vec!["2".to_owned()]));
    }
}

#[test]
fn deeper_than_a_tree_can_be_is_refused() {
    for (depth, error) in [(126, None), (127, Some(SplitError::Malformed))] {
        let answer = format!(r#"{{"b":{}{}}}"#, "[".repeat(depth), "]".repeat(depth));
        assert_eq!(split(&["/a/*"], [answer.as_bytes()]).error, error, "{depth}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&answer).is_err(), error.is_some(), "{depth}");
    }
}

/// Where the scan and a `serde_json::Value` part on purpose: Chakra gets such a body as it is.
#[test]
fn what_is_not_watched_in_a_body_need_only_be_json() {
    let deep = |depth: usize| format!(r#"{{"x":{}{}}}"#, "[".repeat(depth), "]".repeat(depth)).into_bytes();
    for (depth, taken) in [(126, true), (127, false), (1_000, false)] {
        scan_reference::check(&["/a"], false, &deep(depth));
        let read = portico_chakra::body_scan::BodyScan::new(&["/a"], false).read(&deep(depth));
        assert_eq!(read.is_ok(), taken, "{depth}");
    }
    for body in [r#"{"x":1e999}"#, r#"{"x":"\ud83d"}"#, r#"{"x":{"\ud83d":1}}"#] {
        scan_reference::check(&["/a"], false, body.as_bytes());
        assert!(portico_chakra::body_scan::BodyScan::new(&["/a"], false).read(body.as_bytes()).is_ok(), "{body}");
    }
    for body in [r#"{"a":1e999}"#, r#"{"a":"\ud83d"}"#, r#"{"\ud83d":1}"#] {
        scan_reference::check(&["/a"], false, body.as_bytes());
        assert!(portico_chakra::body_scan::BodyScan::new(&["/a"], false).read(body.as_bytes()).is_err(), "{body}");
    }
}
