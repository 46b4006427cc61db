use std::fmt::Debug;
use std::time::Duration;

use crate::Error;
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use portico_domain::TenantId;

use super::{Owned, owned, permitted};
use crate::call::{BodyFailure, Head};
use crate::tests::world::TestKey;
use crate::tests::{ChakraStandIn, Given, JSON, World, head, refusal};

const NO_PLUGIN: (u16, &str) = (404, "plugin_not_found");
const NO_NUMBER: (u16, &str) = (404, "phone_number_not_found");

/// What an owner's call comes to.
async fn call<'c>(world: &World, key: &'c TestKey, head: Head<'c>, body: &str) -> Result<Owned<'c>, Error> {
    let head = head.by(&key.bearer);
    owned(world, head, body, &mut world.record(&head)).await
}

/// All that a caller can tell a refusal by.
#[track_caller]
fn told<T: Debug>(outcome: Result<T, Error>) -> (String, (u16, &'static str)) {
    let error = outcome.expect_err("is refused");
    (error.to_string(), refusal(Err::<T, _>(error)))
}

#[tokio::test]
async fn what_is_the_callers_own_passes_and_is_recorded_with_its_customer() {
    let chakra = ChakraStandIn::answering("HTTP/1.1 200 OK", "{}").await;
    let world = World::with_chakra(&chakra.url).await;
    world.store_chakra_key().await;
    let (key, own) = (world.key("owner").await, world.tenant.connection.clone());
    let path = format!("/v1/ext/plugin/whatsapp/{}/api/v24.0/{}/messages", own.plugin, own.phone_number);
    let head = head("POST", &path).by(&key.bearer).with(&JSON);
    let mut record = world.record(&head);
    let body = r#"{"messaging_product":"whatsapp","to":"15550001111","type":"template"}"#;
    let call = owned(&world, head, body, &mut record).await.expect("is the caller's");
    let parts = call.into_parts();
    assert_eq!((parts.named.plugin(), parts.named.customer()), (Some(own.plugin), Some(own.customer)));
    assert_eq!((parts.named.phone_number(), parts.customer), (Some(&own.phone_number), None));
    assert_eq!(parts.operation.id, "send_template_message_meta_format", "the body says which operation it is");
    drop(record);
    let [entry] = world.kit.request_log(world.tenant.id).await.try_into().expect("is recorded");
    assert_eq!((entry.plugin_id, entry.customer_id), (Some(own.plugin), Some(own.customer)));
    assert_eq!(entry.operation, "send_template_message_meta_format");
}

#[tokio::test]
async fn another_tenants_id_looks_exactly_like_an_unknown_one() {
    let world = World::new().await;
    let key = world.key("owner").await;
    let own = &world.tenant.connection;
    let theirs = world.kit.add_tenant().await.connection;
    let unknown = "11111111-2222-4333-8444-555555555555".to_owned();
    let number = |number: &str| format!("/v1/ext/whatsapp-phone-number/{number}");
    let templates = |waba: &str| format!("/v1/ext/plugin/whatsapp/api/v24.0/{waba}/message_templates");
    let messages = |plugin: &str, number: &str| format!("/v1/ext/plugin/whatsapp/{plugin}/api/v24.0/{number}/messages");
    let (plugin, their_plugin) = (own.plugin.to_string(), theirs.plugin.to_string());
    let their_number = theirs.phone_number.as_str();
    for (method, theirs, unknown, expected) in [
        ("GET", format!("/plugin/{their_plugin}"), format!("/plugin/{unknown}"), NO_PLUGIN),
        ("GET", format!("/plugin/{their_plugin}"), "/plugin/malformed".to_owned(), NO_PLUGIN),
        ("GET", number(their_number), number("1"), NO_NUMBER),
        ("GET", templates(theirs.waba.as_str()), templates("1"), (404, "waba_not_found")),
        ("POST", messages(&plugin, their_number), messages(&plugin, "1"), NO_NUMBER),
        (
            "POST",
            messages(&their_plugin, own.phone_number.as_str()),
            messages(&unknown, own.phone_number.as_str()),
            NO_PLUGIN,
        ),
    ] {
        let theirs = told(call(&world, &key, head(method, &theirs).with(&JSON), "{}").await);
        let unknown = told(call(&world, &key, head(method, &unknown).with(&JSON), "{}").await);
        assert_eq!(theirs, unknown);
        assert_eq!(theirs.1, expected);
    }
}

#[tokio::test]
async fn the_query_names_only_what_is_the_callers() {
    let chakra = ChakraStandIn::answering("HTTP/1.1 200 OK", "{}").await;
    let world = World::with_chakra(&chakra.url).await;
    world.store_chakra_key().await;
    let key = world.key("owner").await;
    let theirs = world.kit.add_tenant().await.connection;
    let list = head("GET", "/v1/ext/whatsapp-phone-number");
    let own = format!("pluginId={}", world.tenant.connection.plugin);
    call(&world, &key, list.asking(&own), "").await.expect("is the caller's");
    call(&world, &key, list.asking("pluginId="), "").await.expect("names nothing");
    let theirs = format!("pluginId={}", theirs.plugin);
    assert_eq!(refusal(call(&world, &key, list.asking(&theirs), "").await), NO_PLUGIN);
}

#[tokio::test]
async fn a_body_that_names_another_plugin_than_the_path_does_not_match() {
    let chakra = ChakraStandIn::answering("HTTP/1.1 200 OK", "{}").await;
    let world = World::with_chakra(&chakra.url).await;
    world.store_chakra_key().await;
    let key = world.key("owner").await;
    let own = &world.tenant.connection;
    let (other, theirs) = (world.kit.add_connection(world.tenant.id).await, world.kit.add_tenant().await.connection);
    let path = format!("/plugin/{}", own.plugin);
    let names = |field: &str, id: &str| format!(r#"{{"{field}":"{id}"}}"#);
    for (body, expected) in [
        (names("pluginId", &own.plugin.to_string()), None),
        (names("pluginId", &other.plugin.to_string()), Some((400, "ids_do_not_match"))),
        (names("id", &other.plugin.to_string()), Some((400, "ids_do_not_match"))),
        (names("pluginId", &theirs.plugin.to_string()), Some(NO_PLUGIN)),
        // An id may be written as a number; this one is nobody's.
        (r#"{"pluginId":7}"#.to_owned(), Some(NO_PLUGIN)),
        (r#"{"pluginId":true}"#.to_owned(), Some((400, "body_malformed"))),
        (r#"{"pluginId":null}"#.to_owned(), None),
        (format!(r#"{{"serverConfig":{{"enabledWhatsappPhoneNumbers":["{}"]}}}}"#, own.phone_number), None),
        (
            format!(r#"{{"serverConfig":{{"enabledWhatsappPhoneNumbers":["{}"]}}}}"#, other.phone_number),
            Some(NO_NUMBER),
        ),
    ] {
        let outcome = call(&world, &key, head("PUT", &path).with(&JSON), &body).await;
        match expected {
            None => drop(outcome.expect("belongs together")),
            Some(expected) => assert_eq!(refusal(outcome), expected, "{body}"),
        }
    }
}

#[tokio::test]
async fn a_number_of_another_plugin_of_the_same_tenant_is_not_there() {
    let world = World::new().await;
    let key = world.key("owner").await;
    let other = world.kit.add_connection(world.tenant.id).await;
    let plugin = world.tenant.connection.plugin;
    let path = format!("/v1/ext/plugin/whatsapp/{plugin}/api/v24.0/{}/messages", other.phone_number);
    assert_eq!(refusal(call(&world, &key, head("POST", &path).with(&JSON), "{}").await), NO_NUMBER);
}

#[tokio::test]
async fn a_number_that_the_tenant_switched_off_is_refused() {
    let world = World::new().await;
    let key = world.key("owner").await;
    let number = &world.tenant.connection.phone_number;
    let mut tx = world.kit.core.db.begin_system(world.tenant.id).await.expect("a transaction begins");
    assert!(tx.set_phone_number_active(number, false).await.expect("is written"));
    tx.commit().await.expect("commits");
    let path = format!("/v1/ext/whatsapp-phone-number/{number}");
    assert_eq!(refusal(call(&world, &key, head("GET", &path), "").await), (409, "phone_number_inactive"));
}

#[tokio::test]
async fn a_limited_key_reaches_its_own_customers_and_numbers_only() {
    let world = World::new().await;
    let own = world.tenant.connection.clone();
    let other = world.kit.add_connection(world.tenant.id).await;
    let by_customer = world.key_that("owner", |new| new.customers = Some(vec![own.customer])).await;
    let number = own.phone_number.clone();
    let by_number = world.key_that("owner", |new| new.phone_numbers = Some(vec![number])).await;
    let plugin = |connection: &portico_testkit::test_core::TestConnection| format!("/plugin/{}", connection.plugin);
    let number = |connection: &portico_testkit::test_core::TestConnection| {
        format!("/v1/ext/whatsapp-phone-number/{}", connection.phone_number)
    };
    for (key, path, expected) in [
        (&by_customer, plugin(&own), None),
        (&by_customer, number(&own), None),
        (&by_customer, plugin(&other), Some(NO_PLUGIN)),
        (&by_customer, number(&other), Some(NO_NUMBER)),
        (&by_number, number(&own), None),
        (&by_number, number(&other), Some(NO_NUMBER)),
        // It names a number in each call but lists, whose rows are filtered.
        (&by_number, plugin(&own), Some((403, "key_limited"))),
        (&by_number, "/v1/ext/whatsapp-phone-number".to_owned(), None),
    ] {
        let outcome = call(&world, key, head("GET", &path), "").await;
        match expected {
            None => drop(outcome.expect("is within reach")),
            Some(expected) => assert_eq!(refusal(outcome), expected, "{path}"),
        }
    }
}

#[tokio::test]
async fn the_body_of_a_call_that_is_refused_by_its_path_is_not_read() {
    let world = World::new().await;
    let key = world.key("owner").await;
    let theirs = world.kit.add_tenant().await.connection;
    let path = format!("/plugin/{}", theirs.plugin);
    for (headers, expected) in [(JSON, NO_PLUGIN), (Given(&[]), (415, "content_type_unsupported"))] {
        let head = head("PUT", &path).by(&key.bearer).with(&headers);
        let mut record = world.record(&head);
        let call = permitted(&world, head, &mut record).await.expect("may do it");
        let mut body =
            stream::poll_fn(|_| -> std::task::Poll<Option<Result<Bytes, BodyFailure>>> { panic!("the body is read") });
        assert_eq!(refusal(Owned::of(call, &mut body, &world.gateway, &mut record).await), expected);
    }
}

#[tokio::test]
async fn a_key_that_is_revoked_while_the_body_trickles_in_is_refused() {
    let world = World::new().await;
    let key = world.key("admin").await;
    let path = format!("/plugin/{}", world.tenant.connection.plugin);
    let head = head("PUT", &path).by(&key.bearer).with(&JSON);
    let mut record = world.record(&head);
    let call = permitted(&world, head, &mut record).await.expect("may do it");
    let mut body = stream::once(async {
        world.revoke(&key).await;
        world.kit.clock.advance(Duration::from_millis(100));
        Ok(Bytes::from_static(b"{}"))
    })
    .boxed_local();
    assert_eq!(refusal(Owned::of(call, &mut body, &world.gateway, &mut record).await), (401, "unauthorized"));
}

#[tokio::test]
async fn a_plugin_that_goes_while_the_body_trickles_in_is_not_there() {
    let world = World::new().await;
    let (key, plugin) = (world.key("owner").await, world.tenant.connection.plugin);
    let path = format!("/plugin/{plugin}");
    let head = head("PUT", &path).by(&key.bearer).with(&JSON);
    let mut record = world.record(&head);
    let call = permitted(&world, head, &mut record).await.expect("may do it");
    let mut body = stream::once(async {
        forget(&world, world.tenant.id, plugin).await;
        world.kit.clock.advance(Duration::from_millis(100));
        Ok(Bytes::from_static(b"{}"))
    })
    .boxed_local();
    assert_eq!(refusal(Owned::of(call, &mut body, &world.gateway, &mut record).await), NO_PLUGIN);
}

/// Takes a plugin out of the records, as another replica would.
async fn forget(world: &World, tenant: TenantId, plugin: portico_domain::PluginId) {
    let mut tx = world.kit.core.db.begin_system(tenant).await.expect("a transaction begins");
    assert!(tx.delete_plugin(plugin).await.expect("is written"));
    tx.commit().await.expect("commits");
    world.kit.core.validity.changed(tenant);
}

#[tokio::test]
async fn a_new_plugin_is_for_the_customer_that_the_header_names_else_for_one_of_its_own_name() {
    let world = World::new().await;
    let key = world.key("owner").await;
    let own = world.tenant.connection.clone();
    let theirs = world.kit.add_tenant().await.connection;
    let (by_id, external_id) = (own.customer.to_string(), own.plugin.to_string());
    let customer = async |name: &str| {
        let headers = [("content-type", "application/json"), ("portico-customer", name)];
        let given = if name.is_empty() { Given(&headers[..1]) } else { Given(&headers) };
        let head = head("POST", "/plugin").by(&key.bearer).with(&given);
        let made = owned(&world, head, r#"{"name":"acme"}"#, &mut world.record(&head)).await;
        made.map(|made| made.into_parts().customer.expect("is for a customer"))
    };
    assert_eq!(customer(&by_id).await.expect("is the tenant's"), own.customer);
    assert_eq!(customer(&external_id).await.expect("is the tenant's"), own.customer);
    let made = customer("").await.expect("is made");
    assert_ne!(made, own.customer);
    assert_eq!(customer("").await.expect("is there"), made);
    assert_eq!(customer("acme").await.expect("is there"), made);
    for missing in [theirs.customer.to_string(), theirs.plugin.to_string()] {
        assert_eq!(refusal(customer(&missing).await), (400, "header_malformed"), "{missing}");
    }
}

#[tokio::test]
async fn what_reaches_the_whole_team_is_refused_where_another_tenant_may_be_in_it() {
    let broken = ChakraStandIn::answering("HTTP/1.1 500 Broken", "").await;
    let mut world = World::with_chakra(&broken.url).await;
    world.store_chakra_key().await;
    let key = world.key("owner").await;
    let path = "/v1/ext/procedure/lead/process/list";
    let ask = async |world: &World| call(world, &key, head("POST", path).with(&JSON), "{}").await;
    ask(&world).await.expect("the team is the tenant's alone");
    let first = std::mem::replace(&mut world.tenant, world.kit.add_tenant().await);
    assert_eq!(refusal(world.try_store_chakra_key("another-of-the-team").await), (409, "team_in_use"));
    // Another tenant's key of unknown team may be of any.
    world.kit.store_of_unknown_team(world.tenant.id).await;
    world.kit.core.validity.changed(first.id);
    assert_eq!(refusal(ask(&world).await), (403, "team_wide_refused"));
}
