//! Bodies of our own making for every kind of event that is known of Chakra and Meta, and what each must be read as.
//!
//! A file of `zoo/` says what its body is, and which events it holds. To add one, write the file: all are found.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use portico_domain::{PhoneNumberId, WabaId};
use portico_events::EventKind;
use portico_events::formats::parse;
use portico_events::message::{Doubt, Format, MOST_EVENTS, ParseError, ParsedBody};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;

#[derive(Deserialize)]
struct Exhibit {
    body: Box<RawValue>,
    events: Vec<Value>,
}

fn zoo() -> Vec<(String, Exhibit)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/zoo");
    let mut all: Vec<_> = fs::read_dir(folder)
        .expect("the folder is there")
        .map(|file| {
            let path = file.expect("can be listed").path();
            let name = path.file_stem().expect("has a name").to_string_lossy().into_owned();
            let text = fs::read_to_string(&path).expect("can be read");
            let exhibit = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
            (name, exhibit)
        })
        .collect();
    all.sort_by(|(one, _), (other, _)| one.cmp(other));
    all
}

fn seen(body: &ParsedBody<'_>) -> Vec<Value> {
    body.events
        .iter()
        .map(|event| {
            json!({
                "type": event.kind.as_str(),
                "field": event.field,
                "key": event.key,
                "waba_id": event.waba_id.as_ref().map(WabaId::as_str),
                "phone_number_id": event.phone_number_id.as_ref().map(PhoneNumberId::as_str),
                "conversation": event.conversation(),
                "occurred_at": event.occurred_at.map(|at| at.format(&Rfc3339).expect("is a date")),
                "message_id": event.message_id,
                "status": event.status,
                "named": event.named.iter().map(|id| format!("{}:{}", id.kind.as_str(), id.id)).collect::<Vec<_>>(),
            })
        })
        .collect()
}

/// What must be, with the key filled in that only a hash can give.
fn expected(exhibit: &Exhibit, seen: &[Value]) -> Vec<Value> {
    let mut expected = exhibit.events.clone();
    for (expected, seen) in expected.iter_mut().zip(seen) {
        let kind = expected["type"].as_str().expect("is named").to_owned();
        if expected.get("key").is_none() {
            let key = seen["key"].as_str().expect("is a text");
            assert!(key.starts_with(&format!("{kind}:#")) && key.len() == kind.len() + 34, "{key}");
            expected["key"] = key.into();
        }
    }
    expected
}

#[test]
fn every_body_of_the_zoo_is_read_as_its_file_says() {
    let zoo = zoo();
    assert!(zoo.len() >= 90, "{}", zoo.len());
    for (name, exhibit) in &zoo {
        let body = parse(exhibit.body.get().as_bytes()).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(body.doubt, None, "{name}");
        let seen = seen(&body);
        assert_eq!(seen, expected(exhibit, &seen), "{name}");
    }
}

#[test]
fn every_type_of_event_has_a_body_in_the_zoo() {
    let zoo = zoo();
    let shown: Vec<_> = zoo
        .iter()
        .flat_map(|(_, exhibit)| &exhibit.events)
        .map(|event| event["type"].as_str().expect("is named"))
        .collect();
    let missing: Vec<_> = EventKind::ALL.iter().filter(|kind| !shown.contains(&kind.as_str())).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn the_raw_bytes_of_a_lone_event_are_those_that_came() {
    for (name, exhibit) in zoo() {
        let body = parse(exhibit.body.get().as_bytes()).expect("is JSON");
        if let [event] = &body.events[..] {
            assert_eq!(*body.raw_of(event), *exhibit.body.get().as_bytes(), "{name}");
        }
    }
}

#[test]
fn an_event_that_is_cut_out_of_a_body_reads_as_it_did_inside() {
    // Two of the same in one body have to be written out.
    for (name, exhibit) in zoo() {
        let inside = exhibit.body.get();
        let value: Value = serde_json::from_str(inside).expect("is JSON");
        let Some(entries) = value.get("entry").and_then(Value::as_array).filter(|list| !list.is_empty()) else {
            continue;
        };
        if value.get("event").is_some() {
            continue;
        }
        let both = json!({"object": value["object"], "entry": [entries[0], entries[0]]}).to_string();
        let body = parse(both.as_bytes()).expect("is JSON");
        for event in &body.events {
            let raw = body.raw_of(event);
            let alone = parse(&raw).unwrap_or_else(|error| panic!("{name}: {error}"));
            let [again] = &alone.events[..] else { panic!("{name}: {} events", alone.events.len()) };
            assert_eq!((again.kind, &again.field), (event.kind, &event.field), "{name}");
            if !event.key.contains('#') {
                assert_eq!(again.key, event.key, "{name}");
            }
            assert_eq!(again.waba_id, event.waba_id, "{name}");
            assert_eq!(again.phone_number_id, event.phone_number_id, "{name}");
            assert_eq!(again.party, event.party, "{name}");
            assert_eq!(again.occurred_at, event.occurred_at, "{name}");
        }
    }
}

#[test]
fn copies_have_one_key_whatever_the_whitespace_around_them_and_the_order_of_names() {
    for (name, exhibit) in zoo() {
        let first = parse(exhibit.body.get().as_bytes()).expect("is JSON");
        let marked = format!("\u{feff}\r\n {} \n", exhibit.body.get());
        let again = parse(marked.as_bytes()).expect("is JSON");
        let keys = |body: &ParsedBody<'_>| body.events.iter().map(|event| event.key.clone()).collect::<Vec<_>>();
        // A body that is kept in one piece is another one with other bytes.
        if first.events.iter().all(|event| event.field.is_empty()) {
            continue;
        }
        assert_eq!(keys(&again), keys(&first), "{name}");
    }
}

#[test]
fn both_formats_of_a_message_and_a_status_have_one_key() {
    let zoo: HashMap<_, _> = zoo().into_iter().collect();
    for (meta, chakra) in [
        ("meta_message_text", "chakra_message_text"),
        ("meta_message_image", "chakra_message_image"),
        ("meta_status_delivered", "chakra_status_delivered"),
        ("meta_status_failed", "chakra_status_failed"),
        ("meta_smb_message_echoes", "chakra_smb_message_echo"),
    ] {
        let key = |name: &str| {
            let body = parse(zoo[name].body.get().as_bytes()).expect("is JSON");
            (body.events[0].key.clone(), body.format)
        };
        let (meta, chakra) = (key(meta), key(chakra));
        assert_eq!(meta.0, chakra.0);
        assert_eq!((meta.1, chakra.1), (Format::Meta, Format::Chakra));
    }
}

#[test]
fn a_body_that_breaks_off_is_no_json_wherever_it_does() {
    for (name, exhibit) in zoo() {
        let whole = exhibit.body.get().as_bytes();
        if !whole.starts_with(b"{") {
            continue;
        }
        for end in 0..whole.len() {
            let cut = parse(&whole[..end]);
            assert!(cut.is_err(), "{name} cut at {end}");
        }
    }
    assert_eq!(parse(b"").err(), Some(ParseError::NotJson { line: 1, column: 0 }));
    assert_eq!(parse(b"{\"a\":\xff}").err(), Some(ParseError::NotUtf8));
    let utf16: Vec<u8> = "{}".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert!(parse(&utf16).is_err());
    assert!(matches!(parse(b"{} {}"), Err(ParseError::NotJson { .. })));
}

fn messages(text: &str) -> String {
    format!(
        r#"{{"object":"whatsapp_business_account","entry":[{{"id":"1","changes":[{{"field":"messages","value":{{"metadata":{{"phone_number_id":"2"}},"messages":[{text}]}}}}]}}]}}"#
    )
}

#[test]
fn lone_surrogates_and_nul_stay_in_the_raw_bytes_and_stand_in_no_id() {
    let text = messages(r#"{"id":"wamid.a\u0000","from":"1\ud83d","type":"text","text":{"body":"\ud83d \u0000"}}"#);
    let body = parse(text.as_bytes()).expect("is JSON");
    let event = &body.events[0];
    assert_eq!((event.kind, event.message_id.as_deref(), event.named.len()), (EventKind::MessageReceived, None, 0));
    assert!(event.key.starts_with("message.received:#"), "{}", event.key);
    assert_eq!(*body.raw_of(event), *text.as_bytes());
}

#[test]
fn a_name_that_decides_and_stands_twice_keeps_the_body_whole_and_in_doubt() {
    let twice = [
        messages(r#"{"id":"a","id":"b","type":"text"}"#),
        messages(r#"{"id":"a"}],"messages":[{"id":"b"}"#),
        messages("{}").replace(r#""id":"1""#, r#""id":"1","i\u0064":"9""#),
        messages("{}").replace(r#"{"phone_number_id":"2"}"#, r#"{"phone_number_id":"2","phone_number_id":"9"}"#),
        r#"{"entry":[],"entry":[]}"#.to_owned(),
        r#"{"event":"message","payload":{"wabaId":"1","wabaId":"2","message":{}}}"#.to_owned(),
    ];
    for text in &twice {
        let body = parse(text.as_bytes()).expect("is JSON");
        assert_eq!((body.doubt, body.events.len()), (Some(Doubt::Ambiguous), 1), "{text}");
        assert_eq!((body.events[0].kind, &body.events[0].waba_id), (EventKind::Unknown, &None), "{text}");
        assert_eq!(*body.raw_of(&body.events[0]), *text.as_bytes());
    }
    // What decides nothing may stand twice.
    let text = messages(r#"{"id":"a","type":"text","text":{"body":"x","body":"y"},"z":1,"z":2}"#);
    assert_eq!(parse(text.as_bytes()).expect("is JSON").doubt, None);
}

#[test]
fn a_body_of_a_million_entries_is_kept_in_one_piece() {
    for (item, frame) in [("{}", "entry"), ("1", "entry"), ("[]", "entry")] {
        let list = vec![item; 1_000_000].join(",");
        let text = format!(r#"{{"{frame}":[{list}]}}"#);
        let body = parse(text.as_bytes()).expect("is JSON");
        assert_eq!((body.doubt, body.events.len()), (Some(Doubt::TooMany), 1));
    }
    let most = messages(&vec!["{}"; MOST_EVENTS].join(","));
    assert_eq!(parse(most.as_bytes()).expect("is JSON").events.len(), MOST_EVENTS);
    let more = messages(&vec!["{}"; MOST_EVENTS + 1].join(","));
    assert_eq!(parse(more.as_bytes()).expect("is JSON").doubt, Some(Doubt::TooMany));
}

#[test]
fn events_that_share_much_are_kept_in_one_piece_rather_than_written_out_each() {
    let metadata = format!(r#"{{"phone_number_id":"2","x":"{}"}}"#, "x".repeat(100_000));
    let text = messages(&vec!["{}"; 900].join(",")).replace(r#"{"phone_number_id":"2"}"#, &metadata);
    assert_eq!(parse(text.as_bytes()).expect("is JSON").doubt, Some(Doubt::TooMany));
}

#[test]
fn nothing_is_too_deep() {
    for (open, close) in [("[", "]"), (r#"{"a":"#, "}")] {
        let deep = format!("{}1{}", open.repeat(500_000), close.repeat(500_000));
        assert_eq!(parse(deep.as_bytes()).expect("is JSON").events[0].kind, EventKind::Unknown);
        let inside = messages(&format!(r#"{{"id":"wamid.1","type":"text","text":{deep}}}"#));
        let body = parse(inside.as_bytes()).expect("is JSON");
        assert_eq!(body.events[0].message_id.as_deref(), Some("wamid.1"));
    }
    let deep = format!(r#"{{"entry":{}{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(parse(deep.as_bytes()).expect("is JSON").events.len(), 1);
}
