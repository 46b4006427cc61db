use portico_chakra::operation;
use portico_domain::Permission;

use super::refusal;
use crate::query::Query;

const MALFORMED: (u16, &str) = (400, "query_malformed");
/// Takes a `pluginId`, which must be the caller's.
const OWNING: &str = "list_whatsapp_phone_numbers";
/// Takes `include_sip_credentials`, which needs a permission of its own.
const GUARDED: &str = "get_calling_settings";

#[test]
fn no_query_and_an_empty_one_are_the_same() {
    for raw in [None, Some("")] {
        let query = Query::parse(raw, operation(OWNING)).expect("there is nothing wrong");
        assert_eq!((query.raw(), query.value("pluginId")), (None, None));
    }
}

#[test]
fn a_query_goes_on_as_it_came_and_is_read_decoded() {
    let raw = "pluginId=a%2Db&x=1+2&x=3";
    let query = Query::parse(Some(raw), operation(OWNING)).expect("is well-formed");
    assert_eq!(query.raw(), Some(raw));
    assert_eq!((query.value("pluginId"), query.value("x"), query.value("y")), (Some("a-b"), Some("1 2"), None));
}

#[test]
fn a_parameter_that_decides_about_rights_stands_once_and_plainly() {
    for name in ["pluginId", "include_sip_credentials"] {
        let operation = operation(if name == "pluginId" { OWNING } else { GUARDED });
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
            assert_eq!(refusal(Query::parse(Some(&raw), operation)), MALFORMED, "{raw}");
        }
        // The same name in another spelling of the URL's is the same name.
        let encoded = format!("%{:02X}{}=1", name.as_bytes()[0], &name[1..]);
        let query = Query::parse(Some(&encoded), operation).expect("is written once");
        assert_eq!(query.value(name), Some("1"), "{encoded}");
    }
}

#[test]
fn other_parameters_may_stand_twice() {
    for raw in ["limit=1&limit=2", "ids[]=1&ids[]=2", "pluginIds=1&pluginIds=2"] {
        Query::parse(Some(raw), operation(OWNING)).expect("decides about nothing");
    }
    Query::parse(Some("pluginId=1&pluginId=2"), operation("health")).expect("decides about nothing here");
}

#[test]
fn an_api_key_in_a_query_is_refused_however_it_is_written() {
    for raw in ["key=ptc_live_x", "ptc_live_x", "key=%70tc_live_x", "a=1&key=Bearer+ptc_live_x", "pt%63_live=1"] {
        assert_eq!(refusal(Query::parse(Some(raw), operation("health"))), MALFORMED, "{raw}");
    }
}

#[test]
fn fields_are_plain_names() {
    for raw in ["fields=id", "fields=id,display_phone_number", "fields="] {
        Query::parse(Some(raw), operation("health")).expect("are plain names");
    }
    for raw in
        ["fields=owner{id}", "fields=id.limit(1)", "fields=id%2Cowner%7Bid%7D", "fields=id+name", "x=1&fields=a/b"]
    {
        assert_eq!(refusal(Query::parse(Some(raw), operation("health"))), MALFORMED, "{raw}");
    }
}

#[test]
fn a_raw_control_character_or_fragment_is_refused() {
    for raw in ["a=1#b", "a=\r\nx: y", "a=\0", "a=\u{7f}"] {
        assert_eq!(refusal(Query::parse(Some(raw), operation("health"))), MALFORMED, "{raw:?}");
    }
}

#[test]
fn a_guarded_parameter_asks_for_its_permission_whatever_its_value() {
    let operation = operation(GUARDED);
    for raw in ["include_sip_credentials=true", "include_sip_credentials=false", "include_sip_credentials"] {
        let query = Query::parse(Some(raw), operation).expect("is well-formed");
        assert_eq!(query.permission(operation), Some(Permission::CallsCredentials), "{raw}");
    }
    assert_eq!(Query::parse(Some("x=1"), operation).expect("is well-formed").permission(operation), None);
}
