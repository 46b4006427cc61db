//! Plugins.

use serde_json::json;

use crate::driver::Driver;

#[tokio::test]
async fn a_plugin_is_made_read_changed_and_deleted() {
    let driver = Driver::start().await;
    let made = driver.post("/plugin", json!({"type": "whatsapp", "name": "a"})).await;
    let data = &made.body["_data"];
    let id = data["id"].as_str().expect("has an id");
    assert_eq!(
        made.body,
        json!({"_data": {"id": id, "type": "whatsapp", "name": "a", "isActive": false, "auth": {}, "serverConfig": {}},
            "_meta": {}, "_errors": []})
    );
    let path = format!("/plugin/{id}");
    assert_eq!(driver.get(&path).await.body["_data"], *data);

    let change = json!({"pluginId": id, "name": "b", "isActive": true, "serverConfig": {"passThroughWebhookUrl": "http://127.0.0.1:1/a", "own": 1}});
    let changed = driver.put(&path, change).await;
    assert_eq!(changed.body["_data"]["name"], "b");
    assert_eq!(changed.body["_data"]["serverConfig"]["own"], 1);
    let changed = driver.put(&path, json!({"pluginId": id, "serverConfig": {}})).await;
    assert_eq!(
        (&changed.body["_data"]["serverConfig"], &changed.body["_data"]["isActive"]),
        (&json!({}), &json!(true))
    );

    assert_eq!(driver.delete(&path).await.body["_data"]["id"], id);
    let gone = driver.get(&path).await;
    assert_eq!((gone.status, gone.error()), (404, "Plugin not found"));
    assert_eq!(driver.delete(&path).await.status, 404);
}

#[tokio::test]
async fn malformed_plugins_are_refused() {
    let driver = Driver::start().await;
    for body in [
        json!({}),
        json!({"type": "sms", "name": "a"}),
        json!({"type": "whatsapp", "name": ""}),
        json!({"type": "whatsapp", "name": 1}),
    ] {
        assert_eq!(driver.post("/plugin", body.clone()).await.status, 400, "{body}");
    }
    let id = driver.plugin().await;
    let path = format!("/plugin/{id}");
    for body in [
        json!({}),
        json!({"pluginId": "other"}),
        json!({"pluginId": id, "isActive": "yes"}),
        json!({"pluginId": id, "serverConfig": 3}),
    ] {
        assert_eq!(driver.put(&path, body.clone()).await.status, 400, "{body}");
    }
    let foreign = driver.connected().await.number;
    let body = json!({"pluginId": id, "serverConfig": {"enabledWhatsappPhoneNumbers": [foreign]}});
    assert_eq!(driver.put(&path, body).await.status, 404);
    assert_eq!(driver.get("/plugin/not-a-uuid").await.error(), "Plugin not found");
}

#[tokio::test]
async fn a_connect_that_lags_shows_later() {
    let driver = Driver::start().await;
    let id = driver.plugin().await;
    driver.post("/_sandbox/signups", json!({"plugin_id": id, "outcome": "finish", "lag_ms": 500})).await;
    let path = format!("/plugin/{id}");
    let early = driver.get(&path).await.body;
    assert_eq!((&early["_data"]["isActive"], &early["_data"]["auth"]), (&json!(false), &json!({})));
    tokio::time::sleep(std::time::Duration::from_millis(600)).await;
    let late = driver.get(&path).await.body;
    assert_eq!(late["_data"]["isActive"], true);
    assert!(late["_data"]["serverConfig"]["enabledWhatsappPhoneNumbers"][0].is_string());
}
