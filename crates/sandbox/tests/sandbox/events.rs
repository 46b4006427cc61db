//! Events.

use actix_web::http::StatusCode;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use portico_sandbox::Settings;

use crate::driver::{Driver, hex, text_message};
use crate::receiver::{Delivered, Receiver};

fn value(delivered: &Delivered) -> &Value {
    delivered.body.pointer("/entry/0/changes/0/value").expect("is in Meta's format")
}

#[tokio::test]
async fn events_are_signed_over_the_raw_bytes() {
    let driver = Driver::start().await;
    let c = driver.connected().await;
    let mut receiver = Receiver::start(StatusCode::OK);
    driver.configure(&c.plugin, json!({"passThroughWebhookUrl": format!("{}/hook", receiver.url)})).await;
    let order =
        json!({"plugin_id": c.plugin, "kind": "message", "count": 3, "overrides": {"from": "491", "text": "Hi"}});
    let sent = driver.post("/_sandbox/events", order).await;
    assert_eq!((sent.status, &sent.body["sent"]), (200, &json!(3)), "{:?}", sent.body);
    let mut ids = Vec::new();
    for _ in 0..3 {
        let delivered = receiver.next().await;
        let mut mac = Hmac::<Sha256>::new_from_slice(driver.team.webhook_secret.as_bytes()).expect("takes any key");
        mac.update(&delivered.raw);
        let expected = hex(&mac.finalize().into_bytes());
        assert_eq!(delivered.signature, Some(expected));
        assert_eq!(delivered.path, "/hook");
        assert_eq!(delivered.body["entry"][0]["id"], c.waba);
        assert_eq!(value(&delivered)["metadata"]["phone_number_id"], c.number);
        assert_eq!(value(&delivered)["messages"][0]["from"], "491");
        ids.push(value(&delivered)["messages"][0]["id"].clone());
    }
    let mut promised = sent.body["ids"].as_array().expect("is a list").clone();
    let key = |id: &Value| id.as_str().map(str::to_owned);
    ids.sort_by_key(key);
    promised.sort_by_key(key);
    assert_eq!(ids, promised);
    receiver.stop().await;
}

#[tokio::test]
async fn a_send_is_followed_by_its_statuses_in_order() {
    let driver = Driver::start().await;
    let c = driver.connected().await;
    let mut receiver = Receiver::start(StatusCode::OK);
    driver.configure(&c.plugin, json!({"passThroughWebhookUrl": receiver.url})).await;
    let mut message = text_message();
    message["biz_opaque_callback_data"] = json!("mine");
    let sent = driver.post(&c.messages(), message).await;
    for status in ["sent", "delivered", "read"] {
        let delivered = receiver.next().await;
        let told = &value(&delivered)["statuses"][0];
        assert_eq!((&told["status"], &told["id"]), (&json!(status), &sent.body["_data"]["whatsappMessageId"]));
        assert_eq!((&told["recipient_id"], &told["biz_opaque_callback_data"]), (&json!("15550001111"), &json!("mine")));
        assert_eq!(value(&delivered)["contacts"][0]["wa_id"], "15550001111");
    }
    assert!(receiver.is_quiet().await);
    receiver.stop().await;
}

#[tokio::test]
async fn both_formats_go_out_when_both_are_on() {
    let driver = Driver::start().await;
    let c = driver.connected().await;
    let mut receiver = Receiver::start(StatusCode::OK);
    let config = json!({"passThroughWebhookUrl": format!("{}/meta", receiver.url), "enableChakraWebhook": true,
        "chakraWebhookUrl": format!("{}/chakra", receiver.url), "whichChakraWebhookEventsToSend": ["message"]});
    driver.configure(&c.plugin, config).await;
    driver.post("/_sandbox/events", json!({"plugin_id": c.plugin, "kind": "message"})).await;
    let meta = receiver.next().await;
    let chakra = receiver.next().await;
    assert_eq!((meta.path.as_str(), chakra.path.as_str()), ("/meta", "/chakra"));
    assert_eq!(chakra.body["event"], "message");
    assert_eq!(chakra.body["payload"]["externalId"], value(&meta)["messages"][0]["id"]);
    assert_eq!(chakra.body["payload"]["wabaId"], c.waba);
    driver.post("/_sandbox/events", json!({"plugin_id": c.plugin, "kind": "status"})).await;
    assert_eq!(receiver.next().await.path, "/meta");
    assert!(receiver.is_quiet().await, "statuses are not among the events of Chakra's format");
    receiver.stop().await;
}

#[tokio::test]
async fn without_a_secret_events_are_not_signed() {
    let mut driver = Driver::start().await;
    let team = driver.post("/_sandbox/teams", json!({"webhook_secret": null})).await.body;
    driver.team.chakra_key = team["chakra_key"].as_str().expect("has a key").to_owned();
    let c = driver.connected().await;
    let mut receiver = Receiver::start(StatusCode::OK);
    driver.configure(&c.plugin, json!({"passThroughWebhookUrl": receiver.url})).await;
    driver.post("/_sandbox/events", json!({"plugin_id": c.plugin, "kind": "template_status"})).await;
    let delivered = receiver.next().await;
    assert_eq!(delivered.signature, None);
    assert_eq!(delivered.body["entry"][0]["changes"][0]["field"], "message_template_status_update");
    receiver.stop().await;
}

#[tokio::test]
async fn a_refused_event_is_tried_twice_and_redirects_are_not_followed() {
    let driver = Driver::start().await;
    let c = driver.connected().await;
    for status in [StatusCode::INTERNAL_SERVER_ERROR, StatusCode::TEMPORARY_REDIRECT] {
        let mut receiver = Receiver::start(status);
        driver.configure(&c.plugin, json!({"passThroughWebhookUrl": receiver.url})).await;
        driver.post("/_sandbox/events", json!({"plugin_id": c.plugin, "kind": "message"})).await;
        let (first, second) = (receiver.next().await, receiver.next().await);
        assert_eq!(first.raw, second.raw);
        assert_eq!((first.path.as_str(), second.path.as_str()), ("/", "/"));
        assert!(receiver.is_quiet().await);
        receiver.stop().await;
    }
}

#[tokio::test]
async fn events_that_would_go_nowhere_are_refused() {
    let driver = Driver::start().await;
    let (empty, c) = (driver.plugin().await, driver.connected().await);
    let order = |plugin: &str, kind: &str| json!({"plugin_id": plugin, "kind": kind});
    let expect = async |body: Value, status: u16, what: &str| {
        let answer = driver.post("/_sandbox/events", body).await;
        assert_eq!(answer.status, status, "{:?}", answer.body);
        assert!(answer.body["error"].as_str().is_some_and(|text| text.contains(what)), "{:?}", answer.body);
    };
    expect(order(&c.plugin, "message"), 409, "passThroughWebhookUrl").await;
    expect(order(&empty, "message"), 409, "no WABA").await;
    expect(order(&c.plugin, "sunrise"), 400, "template_status").await;
    expect(json!({"plugin_id": c.plugin, "kind": "message", "count": 0}), 400, "count").await;
    expect(json!({"plugin_id": c.plugin, "kind": "message", "amount": 1}), 400, "amount").await;
    expect(order("11111111-2222-4333-8444-555555555555", "message"), 404, "plugin_id").await;
    driver.configure(&c.plugin, json!({"passThroughWebhookUrl": "https://example.com/hook"})).await;
    expect(order(&c.plugin, "message"), 409, "loopback").await;
    driver.configure(&c.plugin, json!({"passThroughWebhookUrl": "http://127.0.0.1:9/hook"})).await;
    expect(order(&c.plugin, "echo"), 409, "enableMessageEchoesForPassThroughWebhook").await;
}

#[tokio::test]
async fn statuses_leave_this_machine_only_when_allowed() {
    for beyond in [false, true] {
        let driver = Driver::with(Settings { events_beyond_loopback: beyond, ..Settings::default() }).await;
        let c = driver.connected().await;
        let mut receiver = Receiver::start(StatusCode::OK);
        // Reaches the receiver, but is no loopback address.
        let url = receiver.url.replace("127.0.0.1", "0.0.0.0");
        driver.configure(&c.plugin, json!({"passThroughWebhookUrl": url})).await;
        assert_eq!(driver.post(&c.messages(), text_message()).await.status, 200);
        assert_ne!(receiver.is_quiet().await, beyond);
        receiver.stop().await;
    }
}
