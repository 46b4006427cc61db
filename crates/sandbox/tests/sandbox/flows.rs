//! The key for flows.

use reqwest::Method;
use serde_json::json;

use crate::driver::{Answer, Connected, Driver};

const KEY: &str = "-----BEGIN PUBLIC KEY-----\nMIIBIjAN+/=\n-----END PUBLIC KEY-----";

fn paths(c: &Connected) -> [String; 3] {
    let (plugin, number) = (&c.plugin, &c.number);
    [
        format!("/v1/whatsapp/v24.0/{number}/whatsapp_business_encryption"),
        format!("/v1/ext/plugin/whatsapp/{plugin}/api/v24.0/{number}/whatsapp_business_encryption"),
        format!("/v1/ext/plugin/whatsapp/api/v24.0/{number}/whatsapp_business_encryption"),
    ]
}

#[tokio::test]
async fn a_key_is_set_as_json_or_form_and_read_on_every_path() {
    let driver = Driver::start().await;
    let (c, bare) = (driver.connected().await, driver.connected().await);
    for (at, path) in paths(&c).iter().enumerate() {
        let key = KEY.replace("MIIB", &format!("MII{at}"));
        let request = driver.request(Method::POST, path);
        let request = if at == 0 { request.json(&json!({"business_public_key": key})) } else { form(request, &key) };
        assert_eq!(Answer::of(request).await.body, json!({"success": true}), "{path}");
        for path in paths(&c) {
            let row = json!({"business_public_key": key, "business_public_key_signature_status": "VALID"});
            assert_eq!(driver.get(&path).await.body, json!({"data": [row]}), "{path}");
        }
    }
    assert_eq!(driver.get(&paths(&bare)[0]).await.body, json!({"data": []}), "each number has its own");
}

fn form(request: reqwest::RequestBuilder, key: &str) -> reqwest::RequestBuilder {
    let body = reqwest::Url::parse_with_params("http://x/", [("business_public_key", key)]).expect("is a URL");
    let body = body.query().expect("has a query").to_owned();
    request.header("content-type", "application/x-www-form-urlencoded").body(body)
}

#[tokio::test]
async fn what_is_no_key_is_refused() {
    let driver = Driver::start().await;
    let c = driver.connected().await;
    for body in [json!({}), json!({"business_public_key": "MIIB"}), json!({"business_public_key": 1})] {
        let answer = driver.post(&paths(&c)[0], body.clone()).await;
        assert_eq!((answer.status, &answer.body["error"]["code"]), (400, &json!(100)), "{body}");
    }
    assert_eq!(driver.get(&paths(&c)[0]).await.body, json!({"data": []}));
}

#[tokio::test]
async fn numbers_of_others_and_of_other_plugins_are_missing() {
    let driver = Driver::start().await;
    let (c, second) = (driver.connected().await, driver.connected().await);
    let other = driver.sandbox.add_team("Other").chakra_key;
    for path in paths(&c) {
        for method in [Method::GET, Method::POST] {
            let answer = driver.call_as(&other, method, &path, json!({"business_public_key": KEY})).await;
            assert_eq!(answer.status, 404, "{path}");
            assert!(answer.error().ends_with("not found"), "{path}");
        }
    }
    let crossed = Connected { plugin: second.plugin, waba: c.waba, number: c.number };
    assert_eq!(driver.get(&paths(&crossed)[1]).await.error(), "WhatsApp phone number not found");
    assert_eq!(driver.get("/v1/whatsapp/v24.0/1/whatsapp_business_encryption").await.status, 404);
}
