//! WABAs and phone numbers.

use serde_json::json;

use crate::driver::Driver;

#[tokio::test]
async fn numbers_and_wabas_are_listed_for_the_team_or_one_plugin() {
    let driver = Driver::start().await;
    let (one, two) = (driver.connected().await, driver.connected().await);
    let ids = |body: &serde_json::Value| {
        let rows = body["_data"].as_array().expect("is a list");
        rows.iter().map(|row| row["id"].as_str().expect("has an id").to_owned()).collect::<Vec<_>>()
    };
    let all = driver.get("/v1/ext/whatsapp-phone-number").await.body;
    assert_eq!(ids(&all).len(), 2);
    let narrow = driver.get(&format!("/v1/ext/whatsapp-phone-number?pluginId={}", one.plugin)).await.body;
    assert_eq!(ids(&narrow), std::slice::from_ref(&one.number));
    let wabas = driver.get("/v1/ext/whatsapp-business-account").await.body;
    assert_eq!(ids(&wabas).len(), 2);
    let narrow = driver.get(&format!("/v1/ext/whatsapp-business-account?pluginId={}", two.plugin)).await.body;
    assert_eq!(narrow["_data"], json!([{"id": two.waba, "name": "Example Shop", "chakraStatus": "CONNECTED"}]));
    let foreign = driver.get("/v1/ext/whatsapp-phone-number?pluginId=11111111-2222-4333-8444-555555555555").await;
    assert_eq!((foreign.status, foreign.error()), (404, "Plugin not found"));
}

#[tokio::test]
async fn a_number_is_shown_in_chakras_shape() {
    let driver = Driver::start().await;
    let plugin = driver.plugin().await;
    let sign_up = json!({"plugin_id": plugin, "outcome": "finish", "waba_id": "100200300400500",
        "phone_number_id": "200300400500600", "display_phone_number": "+1 555-000-2222"});
    driver.post("/_sandbox/signups", sign_up).await;
    let answer = driver.get("/v1/ext/whatsapp-phone-number/200300400500600").await;
    assert_eq!(
        answer.body["_data"],
        json!({"id": "200300400500600", "waba": "100200300400500", "displayPhoneNumber": "+1 555-000-2222",
            "verifiedName": "Example Shop", "status": "CONNECTED", "chakraStatus": "CONNECTED",
            "qualityScore": {"score": "GREEN"}, "messagingLimitTier": "TIER_1K", "nameStatus": "APPROVED"})
    );
    assert!(driver.get("/v1/ext/whatsapp-phone-number/1").await.error().contains("not found"));
}

#[tokio::test]
async fn the_team_and_its_health_are_told() {
    let driver = Driver::start().await;
    let config = driver.get("/v1/ext/config").await.body;
    assert_eq!(config["_data"]["team"], json!({"id": driver.team.team_id, "name": "Example"}));
    assert_eq!(config["_data"]["procedures"][0]["shortId"], "lead");
    assert_eq!(config["_data"]["campaigns"].as_array().map(Vec::len), Some(1));
    assert_eq!(driver.get("/v1/health").await.body["_data"], json!({"status": "ok"}));
}
