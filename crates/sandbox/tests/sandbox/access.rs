//! Who may call what, and what is said to those who may not.

use portico_chakra::router::{fill, router};
use reqwest::Method;
use serde_json::{Value, json};

use crate::driver::{Answer, Driver, text_message};

#[tokio::test]
async fn every_operation_asks_for_a_known_token() {
    let driver = Driver::start().await;
    let routes = router().routes();
    assert!(routes.len() > 20);
    for route in routes {
        let path = fill(route.template, |name| match name {
            "groupId" => Some("Y2FwaV9ncm91cDoxNTU1MDAwMjIyMg=="),
            name if name.ends_with("ApiVersion") => Some("v24.0"),
            _ => Some("1"),
        });
        let method = Method::from_bytes(route.method.as_str().as_bytes()).expect("is a method");
        let request = || driver.client.request(method.clone(), format!("{}{path}", driver.sandbox.url()));
        for request in [request(), request().bearer_auth("x".repeat(250)), request().basic_auth("a", Some("b"))] {
            let answer = Answer::of(request).await;
            assert_eq!(answer.status, 401, "{method} {path}");
            assert_eq!(answer.body["_data"], json!([]));
            assert_eq!(answer.body["_meta"], json!({}));
            assert!(answer.body["_errors"][0].is_string());
        }
    }
}

#[tokio::test]
async fn a_role_that_lacks_a_permission_is_refused() {
    let driver = Driver::start().await;
    let viewer = driver.post("/_sandbox/teams", json!({"name": "Read only", "role": "viewer"})).await;
    assert_eq!(viewer.status, 201);
    let key = viewer.body["chakra_key"].as_str().expect("has a key");
    assert_eq!(driver.get_as(key, "/v1/ext/config").await.status, 200);
    let request = driver.client.post(format!("{}/plugin", driver.sandbox.url())).bearer_auth(key);
    let answer = Answer::of(request.json(&json!({"type": "whatsapp", "name": "a"}))).await;
    assert_eq!(answer.status, 403);
    assert!(answer.error().contains("plugins:write"));
}

#[tokio::test]
async fn an_unknown_path_is_a_plain_not_found() {
    let driver = Driver::start().await;
    let node = "/v1/whatsapp/v24.0/200300400500600";
    for path in ["/v1/ext/nothing", "/plugin/a/b", "/whatsapp-partner-connect/v9/sdk.js", "/plugin/", node] {
        let answer = driver.get(path).await;
        assert_eq!((answer.status, answer.body), (404, Value::from("Not Found")), "{path}");
    }
    assert_eq!(driver.delete("/v1/ext/config").await.status, 404);
}

#[tokio::test]
async fn another_teams_plugin_is_not_found() {
    let driver = Driver::start().await;
    let other = driver.sandbox.add_team("Other");
    assert!(driver.sandbox.has_team(&other.chakra_key) && !driver.sandbox.has_team("x"));
    let connected = driver.connected().await;
    let number = format!("/v1/ext/whatsapp-phone-number/{}", connected.number);
    for path in [
        format!("/plugin/{}", connected.plugin),
        format!("/v1/ext/plugin/whatsapp/{}/config", connected.plugin),
        format!("/v1/ext/whatsapp-business-account?pluginId={}", connected.plugin),
        number.clone(),
        format!("/v1/whatsapp/v24.0/{}/settings", connected.number),
    ] {
        assert_eq!(driver.get(&path).await.status, 200, "{path}");
        let answer = driver.get_as(&other.chakra_key, &path).await;
        assert_eq!(answer.status, 404, "{path}");
        assert!(answer.error().contains("not found"));
    }
    assert_eq!(driver.get_as(&other.chakra_key, "/v1/ext/whatsapp-phone-number").await.body["_data"], json!([]));
}

#[tokio::test]
async fn the_version_in_the_path_must_look_like_one() {
    let driver = Driver::start().await;
    let connected = driver.connected().await;
    let path = connected.messages().replace("v24.0", "24");
    let answer = driver.post(&path, text_message()).await;
    assert_eq!(answer.status, 400);
    assert!(answer.error().contains("v24.0"));
}

#[tokio::test]
async fn a_body_that_is_no_json_object_is_refused() {
    let driver = Driver::start().await;
    let connected = driver.connected().await;
    for body in ["{", "[1]", "\"a\""] {
        for path in [connected.messages(), "/plugin".to_owned()] {
            let answer = Answer::of(driver.request(Method::POST, &path).body(body)).await;
            assert_eq!(answer.status, 400, "{path} {body}");
            assert!(answer.error().contains("JSON"));
        }
    }
    let large = format!("{{\"a\":\"{}\"}}", "x".repeat(1024 * 1024));
    assert_eq!(Answer::of(driver.request(Method::POST, "/plugin").body(large)).await.status, 413);
}
