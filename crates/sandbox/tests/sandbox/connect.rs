//! The browser's side of connecting.

use reqwest::Method;
use serde_json::json;

use crate::driver::{Answer, Driver};

#[tokio::test]
async fn the_script_answers_at_both_versions() {
    let driver = Driver::start().await;
    for version in ["v1", "v1_0_1"] {
        let path = format!("/whatsapp-partner-connect/{version}/sdk.js");
        let answer = driver.client.get(format!("{}{path}", driver.sandbox.url())).send().await.expect("answers");
        assert_eq!(answer.headers()["content-type"], "text/javascript; charset=utf-8");
        let text = answer.text().await.expect("has a body");
        assert!(text.contains("window.ChakraWhatsappConnect = { init: init }"));
    }
}

#[tokio::test]
async fn the_page_opens_for_a_token_that_holds() {
    let driver = Driver::start().await;
    let token = driver.post("/v1/ext/whatsapp-partner/create-connect-token", json!({"newPluginName": "b"})).await;
    let token = token.body["_data"]["connectToken"].as_str().expect("has a token").to_owned();
    let page = driver.get(&format!("/v1/ext/whatsapp-partner/connect?connectToken={token}")).await;
    assert_eq!(page.status, 200);
    assert!(page.body.as_str().is_some_and(|html| html.contains("data-outcome=\"waba_only\"")));
    for query in ["", "?connectToken=ct_other"] {
        let page = driver.get(&format!("/v1/ext/whatsapp-partner/connect{query}")).await;
        assert_eq!(page.status, 401, "{query}");
    }
}

#[tokio::test]
async fn the_finish_button_makes_plugin_waba_and_number() {
    let driver = Driver::start().await;
    let token = driver.post("/v1/ext/whatsapp-partner/create-connect-token", json!({"newPluginName": "b"})).await;
    let token = &token.body["_data"]["connectToken"];
    let press = async |outcome: &str| {
        let body = json!({"connectToken": token, "outcome": outcome});
        let url = format!("{}/_sandbox/connect", driver.sandbox.url());
        Answer::of(driver.client.request(Method::POST, url).json(&body)).await
    };
    assert_eq!(press("cancel").await.body, json!({}));
    let done = press("finish").await.body;
    let plugin = done["pluginId"].as_str().expect("has a plugin");
    assert_eq!(done["whatsappPhoneNumbers"][0]["waba"], done["whatsappBusinessAccounts"][0]["id"]);
    let shown = driver.get(&format!("/plugin/{plugin}")).await.body["_data"].clone();
    assert_eq!((&shown["name"], &shown["isActive"]), (&json!("b"), &json!(true)));
    let again = press("waba_only").await.body;
    assert_eq!((&again["pluginId"], &again["whatsappPhoneNumbers"]), (&json!(plugin), &json!([])));
    let unknown = json!({"connectToken": "ct_x", "outcome": "finish"});
    assert_eq!(driver.post("/_sandbox/connect", unknown).await.status, 401);
}
