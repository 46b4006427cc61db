//! Control calls: health, record, teams, sign-ups.

use reqwest::Method;
use serde_json::{Value, json};

use crate::driver::{Answer, Driver, text_message};

#[tokio::test]
async fn the_front_page_lists_the_control_calls() {
    let driver = Driver::start().await;
    let page = driver.get("/").await.body;
    for call in ["health", "requests", "faults", "teams", "signups", "events"] {
        assert!(page.as_str().is_some_and(|text| text.contains(&format!("/_sandbox/{call}"))), "{call}");
    }
    assert_eq!(driver.get("/_sandbox/health").await.body, json!({"status": "ok"}));
    assert_eq!(driver.get("/_sandbox/nothing").await.status, 404);
    let wrong = driver.delete("/_sandbox/teams").await;
    assert_eq!((wrong.status, &wrong.body["error"]), (405, &json!("/_sandbox/teams takes POST")));
}

#[tokio::test]
async fn the_record_shows_what_arrived() {
    let driver = Driver::start().await;
    let c = driver.connected().await;
    assert_eq!(driver.delete("/_sandbox/requests").await.status, 204);
    let request =
        driver.request(Method::POST, &format!("{}?a=b%20c", c.messages())).header("X-Own", "1").json(&text_message());
    Answer::of(request).await;
    driver.get("/not/there").await;
    let record = driver.get("/_sandbox/requests").await.body;
    let [first, second] = record["data"].as_array().expect("is a list").as_slice() else { panic!("{record}") };
    assert_eq!((&first["method"], &first["path"]), (&json!("POST"), &json!(c.messages())));
    assert_eq!(first["query"], "a=b%20c");
    assert_eq!(first["body"], text_message());
    assert_eq!(first["headers"]["authorization"], format!("Bearer {}", driver.team.chakra_key));
    assert_eq!(first["headers"]["x-own"], "1");
    assert!(first["at"].as_str().is_some_and(|at| at.ends_with('Z') && at.contains('T')));
    assert_eq!((&second["path"], &second["body"]), (&json!("/not/there"), &Value::Null));

    let paths = async |query: String| {
        let record = driver.get(&format!("/_sandbox/requests?{query}")).await.body;
        let paths = record["data"].as_array().expect("is a list").iter();
        paths.map(|one| one["path"].as_str().expect("is text").to_owned()).collect::<Vec<_>>()
    };
    let since = second["at"].as_str().expect("is text");
    assert_eq!(paths("limit=1".to_owned()).await, ["/not/there"]);
    assert_eq!(paths(format!("since={since}")).await, ["/not/there"]);
    assert_eq!(paths(format!("since={}&limit=5", first["at"].as_str().expect("is text"))).await.len(), 2);
    for wrong in ["limit=x", "since=yesterday", "last=1"] {
        assert_eq!(driver.get(&format!("/_sandbox/requests?{wrong}")).await.status, 400, "{wrong}");
    }
}

#[tokio::test]
async fn a_team_has_a_key_of_250_letters_and_digits() {
    let driver = Driver::start().await;
    let team = driver.post("/_sandbox/teams", json!({"name": "New"})).await;
    assert_eq!(team.status, 201);
    let key = team.body["chakra_key"].as_str().expect("has a key");
    assert!(key.len() == 250 && key.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    assert!(team.body["webhook_secret"].is_string());
    let config = driver.get_as(key, "/v1/ext/config").await.body;
    assert_eq!(config["_data"]["team"], json!({"id": team.body["team_id"], "name": "New"}));
    assert_eq!(driver.post("/_sandbox/teams", json!({})).await.status, 201);
    for (body, what) in
        [(json!({"nme": "x"}), "nme"), (json!({"role": "king"}), "king"), (json!({"name": 3}), "string")]
    {
        let answer = driver.post("/_sandbox/teams", body).await;
        assert_eq!(answer.status, 400);
        assert!(answer.body["error"].as_str().is_some_and(|text| text.contains(what)), "{:?}", answer.body);
    }
}

#[tokio::test]
async fn a_finished_sign_up_fills_the_plugin() {
    let driver = Driver::start().await;
    let plugin = driver.plugin().await;
    let sign_up = json!({"plugin_id": plugin, "outcome": "finish", "waba_id": "100", "phone_number_id": "200", "display_phone_number": "+1 555-000-2222"});
    let done = driver.post("/_sandbox/signups", sign_up).await;
    assert_eq!(
        done.body,
        json!({"plugin_id": plugin, "waba_id": "100", "phone_number_ids": ["200"], "display_phone_number": "+1 555-000-2222",
            "media_ids": ["20001"]})
    );
    let shown = driver.get(&format!("/plugin/{plugin}")).await.body["_data"].clone();
    assert_eq!(
        shown["auth"],
        json!({"whatsappBusinessAccountsById": {"100": {"phoneNumbers": ["200"]}}, "whatsappPhoneNumbersById": {"200": {}}})
    );
    assert_eq!(
        (&shown["isActive"], &shown["serverConfig"]["enabledWhatsappPhoneNumbers"]),
        (&json!(true), &json!(["200"]))
    );
}

#[tokio::test]
async fn other_outcomes_bring_less() {
    let driver = Driver::start().await;
    for (outcome, wabas) in [("waba_only", 1), ("cancel", 0), ("error", 0)] {
        let plugin = driver.plugin().await;
        let done = driver.post("/_sandbox/signups", json!({"plugin_id": plugin, "outcome": outcome})).await;
        assert_eq!((done.status, &done.body["phone_number_ids"]), (200, &json!([])), "{outcome}");
        let found = driver.get(&format!("/v1/ext/whatsapp-business-account?pluginId={plugin}")).await.body;
        assert_eq!(found["_data"].as_array().map(Vec::len), Some(wabas), "{outcome}");
    }
}

#[tokio::test]
async fn a_sign_up_that_cannot_be_says_why() {
    let driver = Driver::start().await;
    let (taken, free) = (driver.connected().await, driver.plugin().await);
    for (body, status, what) in [
        (json!({"plugin_id": "11111111-2222-4333-8444-555555555555", "outcome": "finish"}), 404, "plugin_id"),
        (json!({"plugin_id": "x", "outcome": "finish"}), 400, "UUID"),
        (json!({"plugin_id": free}), 400, "outcome"),
        (json!({"plugin_id": free, "outcome": "finish", "waba": "1"}), 400, "waba"),
        (json!({"plugin_id": free, "outcome": "finish", "waba_id": "abc"}), 400, "waba_id"),
        (json!({"plugin_id": free, "outcome": "finish", "phone_number_id": taken.number}), 409, "phone_number_id"),
        (json!({"plugin_id": free, "outcome": "finish", "waba_id": taken.waba}), 409, "waba_id"),
    ] {
        let answer = driver.post("/_sandbox/signups", body.clone()).await;
        assert_eq!(answer.status, status, "{body}");
        assert!(answer.body["error"].as_str().is_some_and(|text| text.contains(what)), "{:?}", answer.body);
    }
}
