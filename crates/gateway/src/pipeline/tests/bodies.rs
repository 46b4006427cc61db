//! What a body may hold, for callers to whom all of the team is open and for those who may only use what is theirs.

use portico_domain::CustomerId;

use super::owned;
use crate::Error;
use crate::tests::world::TestKey;
use crate::tests::{ChakraStandIn, JSON, World, head, refusal};

const INVALID: (u16, &str) = (400, "body_malformed");

/// A world whose Chakra team is known and nobody else's, an owner's key, and one limited to a customer.
/// A world with a Chakra, an owner's key, and one that is limited to a customer.
fn world() -> impl Future<Output = (ChakraStandIn, World, TestKey, TestKey)> {
    // Large: it makes a database.
    Box::pin(made())
}

async fn made() -> (ChakraStandIn, World, TestKey, TestKey) {
    let chakra = ChakraStandIn::answering("HTTP/1.1 200 OK", "{}").await;
    let world = World::with_chakra(&chakra.url).await;
    // Large: it asks Chakra and writes.
    Box::pin(world.store_chakra_key()).await;
    let open = world.key("owner").await;
    let customer: CustomerId = world.tenant.connection.customer;
    let limited = world.key_that("owner", |new| new.customers = Some(vec![customer])).await;
    (chakra, world, open, limited)
}

fn messages(world: &World) -> String {
    let own = &world.tenant.connection;
    format!("/v1/ext/plugin/whatsapp/{}/api/v24.0/{}/messages", own.plugin, own.phone_number)
}

/// What a call with that body comes to.
async fn call(world: &World, key: &TestKey, method: &str, path: &str, body: &str) -> Result<(), Error> {
    let head = head(method, path).by(&key.bearer).with(&JSON);
    owned(world, head, body, &mut world.record(&head)).await.map(drop)
}

#[tokio::test]
async fn an_id_anywhere_in_a_message_must_be_known_as_a_limited_callers_own() {
    let (_chakra, world, open, limited) = world().await;
    let path = messages(&world);
    for (body, expected) in [
        (r#"{"interactive":{"header":{"image":{"id":"77"}}}}"#, (404, "resource_not_found")),
        (r#"{"interactive":{"action":{"cards":[{"header":{"document":{"id":"77"}}}]}}}"#, (404, "resource_not_found")),
        (r#"{"template":{"components":[{"parameters":[{"video":{"id":"77"}}]}]}}"#, (404, "resource_not_found")),
        (r#"{"type":"pin","pin":{"message_id":"wamid.X"}}"#, (404, "resource_not_found")),
        (r#"{"context":{"id":"wamid.X"}}"#, (404, "resource_not_found")),
        (r#"{"image":[{"id":"77"}]}"#, (404, "resource_not_found")),
        (r#"{"image":{"id":77}}"#, INVALID),
        (r#"{"image":"77"}"#, INVALID),
        (r#"{"future":{"media_id":"77"}}"#, INVALID),
        (r#"{"Image":{"id":"77"}}"#, INVALID),
        (r#"{"interactive":"{\"header\":{\"image\":{\"id\":\"77\"}}}"}"#, INVALID),
        (r#"{"template":" \u007b\"x\":1}"}"#, INVALID),
    ] {
        call(&world, &open, "POST", &path, body).await.unwrap_or_else(|error| panic!("{body}: {error}"));
        assert_eq!(refusal(call(&world, &limited, "POST", &path, body).await), expected, "{body}");
    }
    for body in [
        r#"{"interactive":{"action":{"buttons":[{"reply":{"id":"yes"}}],"flow_id":"7"}}}"#,
        r#"{"text":{"body":"half \ud83d"}}"#,
        r#"{"half":"\ud83d","text":{"body":"{\"a\":1}"},"biz_opaque_callback_data":"{\"order\":1}"}"#,
    ] {
        call(&world, &limited, "POST", &path, body).await.unwrap_or_else(|error| panic!("{body}: {error}"));
    }
}

#[tokio::test]
async fn a_number_that_parsers_round_is_no_id_for_anybody() {
    let (_chakra, world, open, _) = world().await;
    let path = messages(&world);
    let exact = (1_u64 << 53) - 1;
    call(&world, &open, "POST", &path, &format!(r#"{{"image":{{"id":{exact}}}}}"#)).await.expect("is exact");
    for (number, about) in
        [((exact + 1).to_string(), "is rounded"), ("1.5".into(), "is none"), ("[1]".into(), "is none")]
    {
        let body = format!(r#"{{"image":{{"id":{number}}}}}"#);
        assert_eq!(refusal(call(&world, &open, "POST", &path, &body).await), INVALID, "{number} {about}");
    }
}

#[tokio::test]
async fn a_recipient_type_that_only_some_would_read_as_group_is_refused() {
    let (_chakra, world, open, limited) = world().await;
    let path = messages(&world);
    for kind in [r#""GROUP""#, r#"["group"]"#, r#""Group ""#, "true", "1", r#"{"x":"group"}"#] {
        let body = format!(r#"{{"recipient_type":{kind},"to":"15550001111","type":"text"}}"#);
        for key in [&open, &limited] {
            assert_eq!(refusal(call(&world, key, "POST", &path, &body).await), INVALID, "{kind}");
        }
    }
    for kind in [r#""individual""#, "null"] {
        let body = format!(r#"{{"recipient_type":{kind},"to":"15550001111","type":"text"}}"#);
        call(&world, &limited, "POST", &path, &body).await.unwrap_or_else(|error| panic!("{kind}: {error}"));
    }
}

#[tokio::test]
async fn a_write_to_what_portico_keeps_records_of_has_no_other_fields_than_the_documented() {
    let (_chakra, world, open, limited) = world().await;
    let plugin = world.tenant.connection.plugin;
    let (update, processes) = (format!("/plugin/{plugin}"), "/v1/ext/procedure/lead/process");
    let auth = format!(r#"{{"pluginId":"{plugin}","auth":{{"whatsappBusinessAccountsById":{{"1":{{}}}}}},"x":1}}"#);
    for key in [&open, &limited] {
        let told = format!("{:?}", call(&world, key, "PUT", &update, &auth).await.expect_err("is refused"));
        assert!(told.contains("/auth") && told.contains("/x") && told.contains("serverConfig"), "{told}");
    }
    let merged = r#"{"serverConfig":{"kept":{"deep":[1]}},"isActive":true}"#;
    call(&world, &limited, "PUT", &update, merged).await.expect("serverConfig is written back whole");
    for hidden in [
        r#"{"enabledWhatsappPhoneNumbers":"200300400500600"}"#,
        r#"{"enabledWhatsappPhoneNumbers":200300400500600}"#,
        r#""{\"enabledWhatsappPhoneNumbers\":[\"200300400500600\"]}""#,
        r#"[{"enabledWhatsappPhoneNumbers":["200300400500600"]}]"#,
    ] {
        let body = format!(r#"{{"serverConfig":{hidden}}}"#);
        assert_eq!(refusal(call(&world, &limited, "PUT", &update, &body).await), INVALID, "{hidden}");
    }
    for (method, path, body) in [
        ("POST", "/plugin", r#"{"type":"whatsapp","name":"new","id":"x"}"#),
        ("POST", "/v1/ext/whatsapp-partner/create-connect-token", r#"{"newPluginName":"n","wabaId":"1"}"#),
        ("POST", processes, r#"{"data":{},"id":"x"}"#),
        ("POST", "/v1/ext/procedure/order/process", r#"{"data":{},"order_id":"x"}"#),
        ("PUT", "/v1/ext/procedure/order/process/7", r#"{"data":{},"record":{"id":"x"}}"#),
        ("POST", "/v1/ext/procedure/order/process/bulk-create", r#"[{"data":{},"id":"x"}]"#),
        ("PATCH", processes, r#"{"processes":[{"id":"x","update":{"id":"y"}}]}"#),
    ] {
        assert_eq!(refusal(call(&world, &open, method, path, body).await), INVALID, "{method} {path}");
    }
    let by_key = r#"[{"order_id":"A-1","data":{}}]"#;
    call(&world, &open, "POST", "/v1/ext/procedure/order/process/bulk-create", by_key).await.expect("may name its key");
}
