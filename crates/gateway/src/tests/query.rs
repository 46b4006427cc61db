use portico_chakra::{operation, operations};
use portico_domain::Permission;

use super::refusal;
use crate::query::Query;

const MALFORMED: (u16, &str) = (400, "query_malformed");
/// Takes a `pluginId`, which must be the caller's.
const OWNING: &str = "list_whatsapp_phone_numbers";
/// Takes `include_sip_credentials`, which needs a permission of its own.
const GUARDED: &str = "get_calling_settings";
/// Takes `limit`, `after`, `fields` and more.
const LISTING: &str = "list_message_templates";

/// What goes on to Chakra of a query.
fn written(raw: &str, id: &str) -> String {
    let mut target = "/x".to_owned();
    Query::parse(Some(raw), operation(id)).unwrap_or_else(|error| panic!("{raw}: {error}")).write(&mut target);
    target
}

#[test]
fn no_query_and_an_empty_one_are_the_same() {
    for raw in [None, Some(""), Some("&")] {
        let query = Query::parse(raw, operation(OWNING)).expect("there is nothing wrong");
        let mut target = String::new();
        query.write(&mut target);
        assert_eq!((target.as_str(), query.value("pluginId")), ("", None));
    }
}

#[test]
fn a_query_is_read_decoded_and_goes_on_encoded_anew() {
    let query = Query::parse(Some("pluginId=a%2Db"), operation(OWNING)).expect("is well-formed");
    assert_eq!(query.value("pluginId"), Some("a-b"));
    for (raw, expected) in [
        ("pluginId=a%2Db", "/x?pluginId=a-b"),
        ("pluginId=%61%20b+c", "/x?pluginId=a+b+c"),
        ("pluginId", "/x?pluginId="),
        // A semicolon separates for some parsers, an ampersand for all.
        ("pluginId=a;mid=b", "/x?pluginId=a%3Bmid%3Db"),
        ("pluginId=a%26mid=b", "/x?pluginId=a%26mid%3Db"),
        ("%70luginId=1", "/x?pluginId=1"),
        ("pluginId=%ff", "/x?pluginId=%EF%BF%BD"),
    ] {
        assert_eq!(written(raw, OWNING), expected, "{raw}");
    }
}

#[test]
fn a_parameter_that_the_operation_does_not_take_is_refused_by_name() {
    for raw in [
        "method=delete",
        "ids=1,2",
        "access_token=x",
        "batch=[]",
        "fields[]=id",
        "Fields=id",
        "fields%00=id",
        "=1",
        "a=1;mid=2",
    ] {
        for id in [LISTING, OWNING, "health", "whatsapp_messages"] {
            assert_eq!(refusal(Query::parse(Some(raw), operation(id))), MALFORMED, "{id}: {raw}");
        }
    }
    let told =
        Query::parse(Some("limit=1&method=delete&ids=1"), operation(LISTING)).expect_err("is refused").to_string();
    assert!(told.contains("method, ids;") && told.contains("limit"), "{told}");
    let told = Query::parse(Some("x=1"), operation("health")).expect_err("is refused").to_string();
    assert!(told.ends_with("it takes no query parameter"), "{told}");
}

#[test]
fn a_parameter_stands_once_and_is_written_plainly() {
    for (name, id) in [("pluginId", OWNING), ("include_sip_credentials", GUARDED), ("limit", LISTING)] {
        let shouted = name.to_uppercase();
        for raw in [
            format!("{name}=1&{name}=2"),
            format!("{name}=1&{name}=1"),
            format!("{name}[]=1"),
            format!("{name}%5B%5D=1"),
            format!("{name}=1&{name}[0]=2"),
            format!("{name}=1&{name}.x=2"),
            format!("filter[{name}]=1"),
            format!("{shouted}=1"),
            format!("%20{name}=1"),
            format!("{name}+=1"),
        ] {
            assert_eq!(refusal(Query::parse(Some(&raw), operation(id))), MALFORMED, "{raw}");
        }
    }
}

#[test]
fn a_required_parameter_must_be_there() {
    for operation in operations() {
        for field in operation.query.iter().filter(|field| field.required) {
            for raw in [None, Some(format!("{}=", field.name))] {
                let told = Query::parse(raw.as_deref(), operation).expect_err("lacks it").to_string();
                assert!(told.contains(field.name), "{}: {told}", operation.id);
            }
        }
    }
}

#[test]
fn a_link_to_a_further_page_can_be_followed_whatever_it_counts_by() {
    assert_eq!(written("page=2&limit=5", "fetch_background_job_entries"), "/x?page=2&limit=5");
    assert_eq!(written("cursor=a", "fetch_background_job_entries"), "/x?cursor=a");
    assert_eq!(refusal(Query::parse(Some("cursor=a"), operation(OWNING))), MALFORMED);
}

#[test]
fn an_api_key_in_a_query_is_refused_however_it_is_written() {
    for raw in ["name=ptc_live_x", "ptc_live_x", "name=%70tc_live_x", "limit=1&name=Bearer+ptc_live_x", "pt%63_live=1"]
    {
        let told = Query::parse(Some(raw), operation(LISTING)).expect_err("is refused").to_string();
        assert!(told.contains("API key") && !told.contains("ptc_"), "{raw}: {told}");
    }
}

#[test]
fn fields_are_plain_names() {
    for raw in ["fields=id", "fields=id,display_phone_number", "fields="] {
        written(raw, LISTING);
    }
    for raw in
        ["fields=owner{id}", "fields=id.limit(1)", "fields=id%2Cowner%7Bid%7D", "fields=id+name", "limit=1&fields=a/b"]
    {
        assert_eq!(refusal(Query::parse(Some(raw), operation(LISTING))), MALFORMED, "{raw}");
    }
}

#[test]
fn a_raw_control_character_or_fragment_is_refused() {
    for raw in ["name=1#b", "name=\r\nx: y", "name=\0", "name=\u{7f}"] {
        assert_eq!(refusal(Query::parse(Some(raw), operation(LISTING))), MALFORMED, "{raw:?}");
    }
}

#[test]
fn a_guarded_parameter_asks_for_its_permission_whatever_its_value() {
    let operation = operation(GUARDED);
    for raw in ["include_sip_credentials=true", "include_sip_credentials=false", "include_sip_credentials"] {
        let query = Query::parse(Some(raw), operation).expect("is well-formed");
        assert_eq!(query.permission(operation), Some(Permission::CallsCredentials), "{raw}");
    }
    assert_eq!(Query::parse(None, operation).expect("is well-formed").permission(operation), None);
}
