//! Calling.

use serde_json::json;

use crate::driver::Driver;

#[tokio::test]
async fn calling_settings_are_kept_and_hide_the_password() {
    let driver = Driver::start().await;
    let path = format!("/v1/whatsapp/v24.0/{}/settings", driver.connected().await.number);
    assert_eq!(
        driver.get(&path).await.body,
        json!({"calling": {"status": "ENABLED", "call_icon_visibility": "DEFAULT", "callback_permission_status": "ENABLED"}})
    );
    let change = json!({"calling": {"status": "DISABLED", "sip": {"status": "ENABLED", "servers": [{"hostname": "a.example", "port": 5061}]}}});
    assert_eq!(driver.post(&path, change).await.body, json!({"success": true}));
    let plain = driver.get(&path).await.body;
    assert_eq!(
        (&plain["calling"]["status"], &plain["calling"]["call_icon_visibility"]),
        (&json!("DISABLED"), &json!("DEFAULT"))
    );
    assert!(plain["calling"]["sip"]["servers"][0].get("sip_user_password").is_none());
    let full = driver.get(&format!("{path}?include_sip_credentials=true")).await.body;
    assert!(full["calling"]["sip"]["servers"][0]["sip_user_password"].is_string());
    for body in [json!({}), json!({"calling": {"status": "MAYBE"}}), json!({"calling": {"sip": "x", "status": 1}})] {
        let answer = driver.post(&path, body.clone()).await;
        assert_eq!((answer.status, &answer.body["error"]["code"]), (400, &json!(100)), "{body}");
    }
    assert_eq!(driver.post(&path, json!({"calling": {"sip": "x"}})).await.status, 200);
}

#[tokio::test]
async fn call_permissions_need_a_person() {
    let driver = Driver::start().await;
    let path = format!("/v1/whatsapp/v24.0/{}/call_permissions", driver.connected().await.number);
    let answer = driver.get(&format!("{path}?user_wa_id=15550001111")).await;
    assert_eq!(answer.body["permission"]["status"], "no_permission");
    assert_eq!(driver.get(&path).await.body["error"]["code"], 100);
    assert_eq!(driver.get("/v1/whatsapp/v24.0/1/call_permissions?user_wa_id=1").await.status, 404);
}

#[tokio::test]
async fn a_call_is_started_and_ended_by_its_own_number() {
    let driver = Driver::start().await;
    let (one, two) = (driver.connected().await, driver.connected().await);
    let path = |number: &str| format!("/v1/whatsapp/v24.0/{number}/calls");
    let connect = json!({"messaging_product": "whatsapp", "action": "connect", "to": "15550001111", "session": {"sdp_type": "offer", "sdp": "v=0"}});
    let started = driver.post(&path(&one.number), connect.clone()).await;
    let id = started.body["calls"][0]["id"].as_str().expect("has an id");
    let end = json!({"messaging_product": "whatsapp", "action": "terminate", "call_id": id});
    assert_eq!(driver.post(&path(&two.number), end.clone()).await.status, 400);
    assert_eq!(driver.post(&path(&one.number), end).await.body["success"], true);
    for field in ["messaging_product", "action", "to", "session"] {
        let mut body = connect.clone();
        body.as_object_mut().expect("is an object").remove(field);
        let answer = driver.post(&path(&one.number), body).await;
        assert_eq!((answer.status, &answer.body["error"]["code"]), (400, &json!(100)), "{field}");
    }
    driver
        .post(&format!("/v1/whatsapp/v24.0/{}/settings", one.number), json!({"calling": {"status": "DISABLED"}}))
        .await;
    assert_eq!(driver.post(&path(&one.number), connect).await.body["error"]["code"], 138_000);
}
