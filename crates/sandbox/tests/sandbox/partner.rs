//! Connect token, configuration, disconnect.

use serde_json::json;

use crate::driver::Driver;

#[tokio::test]
async fn a_connect_token_is_for_a_plugin_or_a_new_one() {
    let driver = Driver::start().await;
    let path = "/v1/ext/whatsapp-partner/create-connect-token";
    let plugin = driver.plugin().await;
    for body in [json!({"pluginId": plugin}), json!({"newPluginName": "b", "clientName": "Ada", "pluginId": ""})] {
        let made = driver.post(path, body).await;
        assert!(made.body["_data"]["connectToken"].as_str().is_some_and(|token| token.starts_with("ct_")));
    }
    for body in [json!({}), json!({"pluginId": plugin, "newPluginName": "b"}), json!({"newPluginName": 1})] {
        assert_eq!(driver.post(path, body.clone()).await.status, 400, "{body}");
    }
    let unknown = driver.post(path, json!({"pluginId": "11111111-2222-4333-8444-555555555555"})).await;
    assert_eq!((unknown.status, unknown.error()), (404, "Plugin not found"));
}

#[tokio::test]
async fn a_configuration_keeps_what_a_change_does_not_name() {
    let driver = Driver::start().await;
    let plugin = driver.plugin().await;
    let path = format!("/v1/ext/plugin/whatsapp/{plugin}/config");
    assert_eq!(
        driver.get(&path).await.body["_data"],
        json!({"passThroughWebhookUrl": null, "enableMessageEchoesForPassThroughWebhook": false,
            "enableSendMessageTemplateEventForPassThroughWebhook": false, "enableChakraWebhook": false,
            "chakraWebhookUrl": null, "whichChakraWebhookEventsToSend": ["message", "status"]})
    );
    driver.configure(&plugin, json!({"passThroughWebhookUrl": "http://127.0.0.1:1/a"})).await;
    driver
        .configure(&plugin, json!({"enableMessageEchoesForPassThroughWebhook": true, "passThroughWebhookUrl": ""}))
        .await;
    let data = driver.get(&path).await.body["_data"].clone();
    assert_eq!(data["passThroughWebhookUrl"], "http://127.0.0.1:1/a");
    assert_eq!(data["enableMessageEchoesForPassThroughWebhook"], true);
    let shown = driver.get(&format!("/plugin/{plugin}")).await.body;
    assert_eq!(shown["_data"]["serverConfig"]["passThroughWebhookUrl"], "http://127.0.0.1:1/a");
    driver.configure(&plugin, json!({"passThroughWebhookUrl": null})).await;
    assert_eq!(driver.get(&path).await.body["_data"]["passThroughWebhookUrl"], json!(null));
    for body in [
        json!({"passThroughWebhookUrl": "ftp://x"}),
        json!({"chakraWebhookUrl": 3}),
        json!({"enableChakraWebhook": "true"}),
        json!({"whichChakraWebhookEventsToSend": ["everything"]}),
    ] {
        let answer = driver.post(&format!("/v1/ext/plugin/whatsapp/{plugin}/update-config"), body.clone()).await;
        assert_eq!(answer.status, 400, "{body}");
    }
}

#[tokio::test]
async fn a_waba_is_disconnected_on_every_candidate_path() {
    let driver = Driver::start().await;
    for candidate in 0..4 {
        let c = driver.connected().await;
        let (path, body) = match candidate {
            0 => (format!("/v1/ext/plugin/whatsapp/{}/disconnect-waba", c.plugin), json!({"wabaId": c.waba})),
            1 => (format!("/v1/ext/plugin/whatsapp/{}/disconnect", c.plugin), json!({"wabaId": c.waba})),
            2 => {
                ("/v1/ext/whatsapp-partner/disconnect-waba".to_owned(), json!({"pluginId": c.plugin, "wabaId": c.waba}))
            }
            _ => (format!("/v1/ext/whatsapp-business-account/{}/disconnect", c.waba), json!({})),
        };
        let done = driver.post(&path, body.clone()).await;
        assert_eq!(done.body["_data"], json!({"success": true}), "{path}");
        let again = driver.post(&path, body).await;
        assert_eq!(again.status, 404, "{path}");
        assert!(again.error().contains("not found"));
        let plugin = driver.get(&format!("/plugin/{}", c.plugin)).await.body;
        assert_eq!((&plugin["_data"]["isActive"], &plugin["_data"]["auth"]), (&json!(false), &json!({})));
        assert_eq!(driver.get(&format!("/v1/ext/whatsapp-phone-number/{}", c.number)).await.status, 404);
    }
    let (one, two) = (driver.connected().await, driver.connected().await);
    let crossed = format!("/v1/ext/plugin/whatsapp/{}/disconnect-waba", one.plugin);
    assert_eq!(driver.post(&crossed, json!({"wabaId": two.waba})).await.status, 404);
    assert_eq!(driver.post(&crossed, json!({})).await.status, 400);
    let own = json!({"wabaId": one.waba, "pluginId": two.plugin});
    assert_eq!(driver.post(&crossed, own).await.status, 400);
}
