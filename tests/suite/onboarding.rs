//! An application that knows Chakra's calls and none of Portico's: what a sign-up brings is found without a word.

use std::time::Instant;

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::tenant::{message, text};
use crate::harness::{Body, Caller, Portico, Tenant};

/// A connect of a new plugin as such an application begins it; the plugin's id.
async fn begin(caller: &Caller, tenant: &Tenant, name: &str) -> String {
    let connect = json!({"newPluginName": name, "clientReferenceId": name, "clientName": "Shop"});
    caller.post("/v1/ext/whatsapp-partner/create-connect-token", connect).await.expect_success();
    // Chakra's script tells the browser which plugin it is.
    let plugins = tenant.owner.list("/api/v1/plugins").await;
    let made = plugins.iter().find(|plugin| plugin["name"] == name).expect("the plugin was made");
    text(made, "id")
}

/// Ends the sign-up as a person in the browser would; what it brought.
async fn sign_up(portico: &Portico, plugin: &str) -> (String, String) {
    let sandbox = portico.anonymous().at(portico.sandbox().url());
    let body = json!({"plugin_id": plugin, "outcome": "finish", "lag_ms": 0});
    let brought = sandbox.post("/_sandbox/signups", body).await.expect_success();
    let number = brought["phone_number_ids"][0].as_str().expect("a sign-up brings a number").to_owned();
    (text(&brought, "waba_id"), number)
}

fn number(id: &str) -> String {
    format!("/v1/ext/whatsapp-phone-number/{id}")
}

#[tokio::test]
async fn what_a_sign_up_brought_is_found_by_whatever_is_asked_first() {
    let portico = Portico::start().await;
    let tenant = Tenant::new(&portico, "Onboarding").await;
    let owner = &tenant.owner;

    // The number itself is asked for; no call names its plugin.
    let plugin = begin(owner, &tenant, "by-number").await;
    let (_, phone) = sign_up(&portico, &plugin).await;
    let found = owner.get(&number(&phone)).await.expect_success();
    assert_eq!(found["_data"]["id"], phone);

    // A message is sent at once.
    let plugin = begin(owner, &tenant, "by-message").await;
    let (_, phone) = sign_up(&portico, &plugin).await;
    let path = format!("/v1/ext/plugin/whatsapp/{plugin}/api/v24.0/{phone}/messages");
    let sent = owner.post(&path, message()).await.expect_success();
    assert!(text(&sent["_data"], "whatsappMessageId").starts_with("wamid."), "{sent}");

    // The templates of the WABA.
    let plugin = begin(owner, &tenant, "by-templates").await;
    let (waba, _) = sign_up(&portico, &plugin).await;
    owner.get(&format!("/v1/ext/plugin/whatsapp/api/v24.0/{waba}/message_templates")).await.expect_success();

    // The list of numbers.
    let plugin = begin(owner, &tenant, "by-list").await;
    let (_, phone) = sign_up(&portico, &plugin).await;
    let listed = owner.get("/v1/ext/whatsapp-phone-number").await.expect_success();
    let rows = listed["_data"].as_array().expect("is a list");
    assert!(rows.iter().any(|row| row["id"] == *phone), "{listed}");

    // The configuration, after which Portico's own list has it.
    let plugin = begin(owner, &tenant, "by-configuration").await;
    let (_, phone) = sign_up(&portico, &plugin).await;
    owner.get(&format!("/v1/ext/plugin/whatsapp/{plugin}/config")).await.expect_success();
    let numbers = owner.list("/api/v1/phone-numbers").await;
    assert!(numbers.iter().any(|row| row["id"] == *phone && row["plugin_id"] == *plugin), "{numbers:?}");
    portico.stop().await;
}

#[tokio::test]
async fn what_is_not_the_callers_stays_missing_and_chakra_is_asked_once_a_second() {
    let portico = Portico::start().await;
    let (tenant, other) = (Tenant::new(&portico, "Own").await, Tenant::new(&portico, "Other").await);
    let theirs = begin(&other.owner, &other, "theirs").await;
    let (_, foreign) = sign_up(&portico, &theirs).await;
    let plugin = begin(&tenant.owner, &tenant, "mine").await;
    let (_, phone) = sign_up(&portico, &plugin).await;
    // A key that is limited to another customer.
    let stranger = tenant.customer("stranger").await;
    let limited = tenant.limited_key("developer", &[&stranger]).await;
    assert_eq!(limited.get(&number(&phone)).await.status, 404);

    let sandbox = portico.sandbox();
    sandbox.clear().await;
    let began = Instant::now();
    for _ in 0..20 {
        assert_eq!(tenant.owner.get(&number(&foreign)).await.status, 404);
    }
    let seconds = usize::try_from(began.elapsed().as_secs()).expect("is short");
    let record = sandbox.record().await;
    let read = record.iter().filter(|request: &&Value| request["path"] == format!("/plugin/{plugin}")).count();
    assert!((1..=seconds + 1).contains(&read), "{read} readings in {seconds} s and a part");
    let asked = record.iter().filter(|request| request["path"] == number(&foreign)).count();
    assert_eq!(asked, 0, "a number that is not the caller's is not asked for");
    portico.stop().await;
}

#[tokio::test]
async fn a_base_url_that_ends_in_a_slash_and_a_body_that_says_nothing_do_no_harm() {
    let portico = Portico::start().await;
    let tenant = Tenant::new(&portico, "Slips").await;
    let owner = &tenant.owner;
    for path in ["//v1/health", "///v1/health", "//api/v1/session", "//healthz", "//docs"] {
        assert_eq!(owner.get(path).await.status, 200, "{path}");
    }
    // Further on, an empty segment is an id that is missing.
    assert_eq!(owner.get("/v1//health").await.status, 400);

    let sandbox = portico.sandbox();
    sandbox.clear().await;
    owner.send(Method::POST, "/v1/ext/chat", Body::None).await.expect_success();
    let record = sandbox.record().await;
    let arrived = record.iter().find(|request| request["path"] == "/v1/ext/chat").expect("the call arrived");
    assert_eq!(arrived["body"], json!({}), "{arrived}");
    let refused = owner.send(Method::POST, "/plugin", Body::None).await;
    assert_eq!(refused.status, 415, "a plugin needs a name: {refused}");

    let key = owner.post("/api/v1/api-keys", json!({"name": "turning", "role": "viewer"})).await.expect(201);
    let rotate = format!("/api/v1/api-keys/{}/rotate", text(&key, "id"));
    owner.send(Method::POST, &rotate, Body::None).await.expect(201);
    let refused = owner.send(Method::POST, "/api/v1/customers", Body::None).await;
    assert_eq!((refused.status, &refused.json["code"]), (400, &json!("body_malformed")), "{refused}");
    portico.stop().await;
}
