//! Faults.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::driver::{Answer, Driver};

async fn fault(driver: &Driver, body: Value) {
    let answer = driver.post("/_sandbox/faults", body).await;
    assert_eq!(answer.status, 201, "{:?}", answer.body);
}

/// Everything that comes back over a bare connection until it closes or nothing comes for `wait`.
async fn raw(driver: &Driver, wait: Duration) -> (String, bool) {
    let mut stream = TcpStream::connect(driver.sandbox.addr()).await.expect("connects");
    let request =
        format!("GET /v1/health HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {}\r\n\r\n", driver.team.chakra_key);
    stream.write_all(request.as_bytes()).await.expect("writes");
    let mut got = Vec::new();
    let closed = tokio::time::timeout(wait, stream.read_to_end(&mut got)).await.is_ok();
    (String::from_utf8(got).expect("is text"), closed)
}

#[tokio::test]
async fn a_status_fault_answers_as_often_as_it_says() {
    let driver = Driver::start().await;
    fault(
        &driver,
        json!({"path_prefix": "/v1/health", "kind": "status", "status": 429, "times": 1,
        "body": {"message": "retry after 27000 ms"}, "headers": {"Retry-After": "27"}}),
    )
    .await;
    let first = driver.request(Method::GET, "/v1/health").send().await.expect("answers");
    assert_eq!(first.headers()["retry-after"], "27");
    let first = Answer::from(first).await;
    assert_eq!((first.status, first.body), (429, json!({"message": "retry after 27000 ms"})));
    assert_eq!(driver.get("/v1/health").await.status, 200);
    fault(&driver, json!({"path_prefix": "/", "kind": "status", "status": 503})).await;
    assert!(driver.get("/v1/health").await.error().contains("Service Unavailable"));
    assert_eq!(driver.get("/_sandbox/faults").await.body["data"].as_array().map(Vec::len), Some(1));
    assert_eq!(driver.delete("/_sandbox/faults").await.status, 204);
    assert_eq!(driver.get("/v1/health").await.status, 200);
}

#[tokio::test]
async fn a_failing_delete_leaves_the_number_bound() {
    let driver = Driver::start().await;
    let c = driver.connected().await;
    fault(&driver, json!({"path_prefix": "/plugin/", "method": "DELETE", "kind": "status", "status": 500, "times": 1}))
        .await;
    assert_eq!(driver.delete(&format!("/plugin/{}", c.plugin)).await.status, 500);
    let other = driver.plugin().await;
    let sign_up = json!({"plugin_id": other, "outcome": "finish", "phone_number_id": c.number});
    assert_eq!(driver.post("/_sandbox/signups", sign_up).await.status, 409);
}

#[tokio::test]
async fn latency_delays_the_right_answer() {
    let driver = Driver::start().await;
    fault(&driver, json!({"path_prefix": "/v1", "kind": "latency", "ms": 300, "times": 1})).await;
    let began = Instant::now();
    assert_eq!(driver.get("/v1/health").await.status, 200);
    assert!(began.elapsed() >= Duration::from_millis(300));
}

#[tokio::test]
async fn a_reset_closes_without_an_answer() {
    let driver = Driver::start().await;
    fault(&driver, json!({"path_prefix": "/v1", "kind": "reset", "times": 2})).await;
    assert!(driver.request(Method::GET, "/v1/health").send().await.is_err());
    assert_eq!(raw(&driver, Duration::from_secs(5)).await, (String::new(), true));
    assert_eq!(driver.get("/_sandbox/requests").await.body["data"].as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn a_stall_sends_headers_and_then_nothing() {
    let driver = Driver::start().await;
    fault(&driver, json!({"path_prefix": "/v1", "kind": "stall", "times": 1})).await;
    let (got, closed) = raw(&driver, Duration::from_millis(300)).await;
    assert!(got.starts_with("HTTP/1.1 200") && got.ends_with("\r\n\r\n"), "{got}");
    assert!(!closed);
    fault(&driver, json!({"path_prefix": "/v1", "kind": "stall", "times": 1, "ms": 100})).await;
    assert!(raw(&driver, Duration::from_secs(5)).await.1, "closes after the time it was given");
}

#[tokio::test]
async fn a_truncated_answer_has_half_of_what_it_announces() {
    let driver = Driver::start().await;
    fault(&driver, json!({"path_prefix": "/v1", "kind": "truncate", "times": 1})).await;
    let (got, closed) = raw(&driver, Duration::from_secs(5)).await;
    let (head, body) = got.split_once("\r\n\r\n").expect("has headers");
    let announced = head.to_lowercase();
    let announced = announced.lines().find_map(|line| line.strip_prefix("content-length: ")).expect("announces");
    assert_eq!(announced.parse::<usize>().expect("is a number") / 2, body.len());
    assert!(closed);
}

#[tokio::test]
async fn malformed_faults_are_refused_by_name() {
    let driver = Driver::start().await;
    for (body, what) in [
        (json!({"kind": "status"}), "path_prefix"),
        (json!({"path_prefix": "v1", "kind": "status"}), "path_prefix"),
        (json!({"path_prefix": "/", "kind": "explode"}), "explode"),
        (json!({"path_prefix": "/", "kind": "status", "status": 42}), "status"),
        (json!({"path_prefix": "/", "kind": "latency"}), "ms"),
        (json!({"path_prefix": "/", "kind": "reset", "times": 0}), "times"),
        (json!({"path_prefix": "/", "kind": "reset", "often": 2}), "often"),
    ] {
        let answer = driver.post("/_sandbox/faults", body.clone()).await;
        assert_eq!(answer.status, 400, "{body}");
        assert!(answer.body["error"].as_str().is_some_and(|text| text.contains(what)), "{:?}", answer.body);
    }
    assert_eq!(driver.get("/_sandbox/faults").await.body["data"], json!([]));
}
