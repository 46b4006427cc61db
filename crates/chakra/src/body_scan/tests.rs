use super::*;

fn scan(pointers: &[&'static str]) -> BodyScan {
    BodyScan::new(pointers, false)
}

fn texts(scan: &BodyScan, body: &str, pointer: &str) -> Vec<FieldValue> {
    scan.read(body.as_bytes()).expect("is JSON").values(pointer).cloned().collect()
}

#[test]
fn nested_fields_lists_and_numbers_are_read() {
    let scan = scan(&["/a", "/c/id", "/s/n/*"]);
    let body = r#"{"x":[1,{"a":2}],"a":12,"c":{"id":"q","z":null},"s":{"n":["1",2,{}]}}"#;
    assert_eq!(texts(&scan, body, "/a"), [FieldValue::Number("12".into())]);
    assert_eq!(texts(&scan, body, "/c/id"), [FieldValue::Text("q".into())]);
    assert_eq!(
        texts(&scan, body, "/s/n/*"),
        [FieldValue::Text("1".into()), FieldValue::Number("2".into()), FieldValue::Other]
    );
}

#[test]
fn an_escaped_name_is_the_same_name() {
    assert_eq!(texts(&scan(&["/pluginId"]), r#"{"plugin\u0049d":"p"}"#, "/pluginId"), [FieldValue::Text("p".into())]);
}

#[test]
fn a_watched_field_that_stands_twice_is_refused() {
    let error = scan(&["/pluginId"]).read(br#"{"pluginId":"a","plugin\u0049d":"b"}"#).expect_err("stands twice");
    assert!(error.to_string().contains("stands twice"), "{error}");
}

#[test]
fn a_star_stands_for_fields_too_that_another_pointer_names() {
    let scan = scan(&["/a/b", "/a/*", "/a/*/c"]);
    let body = r#"{"a":{"b":{"c":1},"x":"2"}}"#;
    assert_eq!(texts(&scan, body, "/a/b"), [FieldValue::Other]);
    assert_eq!(texts(&scan, body, "/a/*"), [FieldValue::Other, FieldValue::Text("2".into())]);
    assert_eq!(texts(&scan, body, "/a/*/c"), [FieldValue::Number("1".into())]);
}

#[test]
fn what_stands_in_the_place_of_a_list_or_an_object_hides_what_would_be_in_it() {
    let scan = scan(&["/a/b/*"]);
    for (body, hides) in [
        (r#"{"a":{"b":["1"]}}"#, false),
        (r#"{"a":{"b":{"c":"1"}}}"#, false),
        (r#"{"a":null}"#, false),
        (r#"{"a":{"b":null,"c":"1"},"d":"2"}"#, false),
        (r#"{"a":"{}"}"#, true),
        (r#"{"a":[{"b":["1"]}]}"#, true),
        (r#"{"a":{"b":"1"}}"#, true),
        (r#"{"a":{"b":1}}"#, true),
    ] {
        assert_eq!(scan.read(body.as_bytes()).expect("is JSON").hides("/a/b/*"), hides, "{body}");
    }
}

#[test]
fn unset_forms_count_as_absent() {
    for body in [r#"{"a":null}"#, r#"{"a":""}"#, r#"{"a":0}"#, r#"{"a":false}"#] {
        assert_eq!(texts(&scan(&["/a"]), body, "/a"), [FieldValue::Unset], "{body}");
    }
}

#[test]
fn what_is_not_one_json_object_is_refused() {
    let scan = scan(&["/a"]);
    for body in ["", "{", "{}{}", "nope", "{\"a\":}", "\u{feff}{}"] {
        assert!(matches!(scan.read(body.as_bytes()), Err(BodyError::InvalidJson { .. })), "{body}");
    }
    assert_eq!(scan.read(b"[1]").expect_err("is a list"), BodyError::NotObject);
    assert!(scan.read(b"{\"a\":\"\xff\"}").is_err());
}

fn of(id: &str) -> BodyScan {
    BodyScan::for_operations(&[crate::operation(id)])
}

/// The ids in a message, as `place kind value`.
fn ids(body: &str) -> Vec<String> {
    let found = of("whatsapp_messages").read(body.as_bytes()).unwrap_or_else(|error| panic!("{body}: {error}"));
    let kind = |kind: Option<Kind>| match kind {
        Some(Kind::Learned(learned)) => learned.as_str(),
        Some(_) => "other",
        None => "?",
    };
    let value = |value: &FieldValue| value.text().unwrap_or("other").to_owned();
    found.ids().iter().map(|id| format!("{} {} {}", id.pointer, kind(id.kind), value(&id.value))).collect()
}

#[test]
fn an_id_in_a_message_counts_wherever_it_stands() {
    for (body, expected) in [
        (r#"{"image":{"id":"1"}}"#, "/image/id media 1"),
        (r#"{"image":[{"id":"1"}]}"#, "/image/0/id media 1"),
        (r#"{"interactive":{"header":{"document":{"id":"1"}}}}"#, "/interactive/header/document/id media 1"),
        (
            r#"{"interactive":{"action":{"cards":[{"header":{"video":{"id":"1"}}}]}}}"#,
            "/interactive/action/cards/0/header/video/id media 1",
        ),
        (
            r#"{"template":{"components":[{"parameters":[{"type":"image","image":{"id":"1"}}]}]}}"#,
            "/template/components/0/parameters/0/image/id media 1",
        ),
        (r#"{"type":"pin","pin":{"message_id":"w"}}"#, "/pin/message_id message w"),
        (r#"{"context":{"message_id":"w"}}"#, "/context/message_id message w"),
        (r#"{"context":{"id":"w"}}"#, "/context/id message w"),
        (r#"{"message_id":"w"}"#, "/message_id message w"),
        (r#"{"x":{"y":[[{"message_id":"w"}]]}}"#, "/x/y/0/0/message_id message w"),
        (
            r#"{"template":{"components":[{"parameters":[{"group_id":"g"}]}]}}"#,
            "/template/components/0/parameters/0/group_id group g",
        ),
        (r#"{"im\u0061ge":{"i\u0064":"1"}}"#, "/image/id media 1"),
        (r#"{"image":{"id":1}}"#, "/image/id media 1"),
        (r#"{"image":{"id":{"x":1}}}"#, "/image/id media other"),
        // In a place that the catalogue does not know.
        (r#"{"id":"1"}"#, "/id ? 1"),
        (r#"{"Image":{"id":"1"}}"#, "/Image/id ? 1"),
        (r#"{"image":{"Id":"1"}}"#, "/image/Id ? 1"),
        (r#"{"__proto__":{"image":{"ID":"1"}}}"#, "/__proto__/image/ID ? 1"),
        (r#"{"x":{"media_id":"1"}}"#, "/x/media_id ? 1"),
        (r#"{"x":{"mediaIds":["1"]}}"#, "/x/mediaIds ? other|/x/mediaIds/0 ? 1"),
        (r#"{"image":"1"}"#, "/image ? 1"),
        (r#"{"image":["1"]}"#, "/image/0 ? 1"),
    ] {
        assert_eq!(ids(body).join("|"), expected, "{body}");
    }
}

#[test]
fn what_the_caller_names_itself_and_what_is_unset_is_no_id_of_ours() {
    for body in [
        r#"{"interactive":{"action":{"buttons":[{"type":"reply","reply":{"id":"yes","title":"Yes"}}]}}}"#,
        r#"{"interactive":{"action":{"sections":[{"rows":[{"id":"1","title":"x"}]}]}}}"#,
        r#"{"interactive":{"action":{"parameters":{"flow_id":"1","flow_action_payload":{"data":{"order_id":"7"}}}}}}"#,
        r#"{"interactive":{"action":{"catalog_id":"1","product_retailer_id":"2"}}}"#,
        r#"{"contacts":[{"phones":[{"wa_id":"1555","phone":"+1555"}]}]}"#,
        r#"{"image":{"id":null,"link":"https://example.com/a.png"},"message_id":""}"#,
        r#"{"text":{"body":"id: 1, half \ud83d"},"paid":"1","VALID":"1","void":1}"#,
    ] {
        assert_eq!(ids(body), [""; 0], "{body}");
    }
}

#[test]
fn a_text_cut_inside_an_emoji_does_not_stop_a_message() {
    let body = r#"{"text":{"body":"half \ud83d"},"x\ud83d":1e999,"y":{"\ud83d":1},"image":{"id":"1"}}"#;
    assert!(of("whatsapp_messages").read(body.as_bytes()).is_err(), "a top-level name could be watched");
    assert_eq!(ids(&body.replace("x\\ud83d", "x")), ["/image/id media 1"]);
}

#[test]
fn fields_that_a_closed_body_must_not_have_are_reported_with_their_place() {
    let unknown = |id: &str, body: &str| -> Vec<String> {
        let found = of(id).read(body.as_bytes()).unwrap_or_else(|error| panic!("{body}: {error}"));
        found
            .unknown_fields()
            .iter()
            .map(|field| format!("{}{}", field.pointer, if field.may_be_key { " key" } else { "" }))
            .collect()
    };
    let none: [&str; 0] = [];
    for (id, body, expected) in [
        ("update_plugin", r#"{"pluginId":"p","auth":{"whatsappBusinessAccountsById":{}}}"#, &["/auth"][..]),
        ("update_plugin", r#"{"name":"n","serverConfig":{"anything":{"x":1}}}"#, &none),
        ("update_plugin", r#"{"name":{"x":1}}"#, &["/name"]),
        ("update_plugin", r#"{"na\u006de":"n","a/b":1}"#, &["/a~1b"]),
        ("create_process", r#"{"data":{"any":{"id":1}},"record":{"data":{},"id":1}}"#, &["/record/id"]),
        ("create_process", r#"{"id":"x","lead_id":"L-1","data":{}}"#, &["/id", "/lead_id"]),
        (
            "bulk_create_processes",
            r#"[{"lead_id":"L-1","data":{}},{"id":"x","state":"NEW"}]"#,
            &["/0/lead_id key", "/1/id"],
        ),
        ("bulk_create_processes", r#"[{"data":{"id":1}},[1],7]"#, &none),
        (
            "bulk_update_processes",
            r#"{"processes":[{"id":"x","update":{"status":"OPEN","id":"y"}},{"lead_id":"L","update":{}}],"x":1}"#,
            &["/processes/0/update/id", "/processes/1/lead_id key", "/x"],
        ),
        (
            "update_plugin_configuration",
            r#"{"whichChakraWebhookEventsToSend":["message"],"chakraWebhookUrl":null}"#,
            &none,
        ),
        ("whatsapp_messages", r#"{"anything":{}}"#, &none),
    ] {
        assert_eq!(unknown(id, body), expected, "{id} {body}");
    }
}
