//! Any bytes at all: no panic, at least one event of what is JSON, and raw bytes that are JSON again.

mod checked_body;

use checked_body::check;
use proptest::prelude::*;

/// Values that use the names and ids that mean something.
fn value() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("1790000000".to_owned()),
        Just(r#""messages""#.to_owned()),
        Just(r#""smb_message_echo""#.to_owned()),
        Just(r#""image""#.to_owned()),
        Just(r#""\ud83d\u0000""#.to_owned()),
        Just(r#""wamid.1""#.to_owned()),
        "[0-9]{1,4}".prop_map(|digits| format!("\"{digits}\"")),
    ];
    let name = prop::sample::select(vec![
        "entry",
        "changes",
        "value",
        "field",
        "id",
        "metadata",
        "phone_number_id",
        "messages",
        "statuses",
        "contacts",
        "message_echoes",
        "calls",
        "groups",
        "event",
        "payload",
        "message",
        "wabaId",
        "image",
        "url",
        "type",
        "status",
        "profile",
        "wa_id",
        "timestamp",
        "\\u0069d",
        "x",
    ]);
    leaf.prop_recursive(8, 64, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|items| format!("[{}]", items.join(","))),
            prop::collection::vec((name.clone(), inner), 0..6).prop_map(|members| {
                let members: Vec<_> = members.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
                format!("{{{}}}", members.join(", "))
            }),
        ]
    })
}

fn framed(items: &str, list: &str, field: &str) -> String {
    format!(
        r#"{{"entry":[{{"id":"1","changes":[{{"field":"{field}","value":{{"metadata":{{"phone_number_id":"2"}},"{list}":{items}}}}}]}}]}}"#
    )
}

proptest! {
    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        check(&bytes);
    }

    #[test]
    fn any_value(text in value()) {
        check(text.as_bytes());
    }

    #[test]
    fn any_items(
        items in prop::collection::vec(value(), 0..4),
        (list, field) in prop::sample::select(vec![
            ("messages", "messages"), ("statuses", "messages"), ("message_echoes", "smb_message_echoes"),
            ("calls", "calls"), ("groups", "group_settings_update"), ("contacts", "messages"),
        ]),
    ) {
        check(framed(&format!("[{}]", items.join(",")), list, field).as_bytes());
        for item in items {
            check(format!(r#"{{"event":"message","payload":{{"wabaId":"1","message":{item},"contacts":[{item}]}}}}"#).as_bytes());
        }
    }
}
