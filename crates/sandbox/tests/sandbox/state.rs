//! Starting, stopping, and what survives.

use std::path::{Path, PathBuf};
use std::time::Duration;

use portico_sandbox::{Settings, StartError, start};
use serde_json::json;

use crate::driver::{Driver, text_message};

fn file(name: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("portico-sandbox-{}-{name}.json", std::process::id()));
    drop(std::fs::remove_file(&path));
    path
}

fn settings(path: &Path) -> Settings {
    Settings { state_file: Some(path.to_owned()), ..Settings::default() }
}

#[tokio::test]
async fn state_survives_a_restart_and_record_and_faults_do_not() {
    let path = file("restart");
    let driver = Driver::with(settings(&path)).await;
    let c = driver.connected().await;
    driver.post("/_sandbox/faults", json!({"path_prefix": "/", "kind": "reset", "times": 9})).await;
    let key = driver.team.chakra_key.clone();
    driver.sandbox.stop().await;

    let mut driver = Driver::with(settings(&path)).await;
    assert!(driver.sandbox.has_team(&key));
    driver.team.chakra_key = key;
    assert_eq!(driver.get("/_sandbox/requests").await.body["data"], json!([]));
    assert_eq!(driver.post(&c.messages(), text_message()).await.status, 200);
    driver.sandbox.stop().await;
    drop(std::fs::remove_file(&path));
}

#[tokio::test]
async fn a_change_is_saved_soon_without_a_stop() {
    let path = file("soon");
    let driver = Driver::with(settings(&path)).await;
    let plugin = driver.plugin().await;
    tokio::time::sleep(Duration::from_millis(400)).await;
    let saved = std::fs::read_to_string(&path).expect("is written");
    assert!(saved.contains(&plugin));
    assert!(!path.with_extension("json.tmp").exists());
    drop(std::fs::remove_file(&path));
}

#[tokio::test]
async fn a_garbled_state_file_is_refused_by_name() {
    let path = file("garbled");
    for content in ["", "{\"version\":1", "{\"version\":2,\"world\":{}}", "[]"] {
        std::fs::write(&path, content).expect("writes");
        let error = start(settings(&path)).await.expect_err("is refused");
        assert!(matches!(error, StartError::State { .. }));
        assert!(error.to_string().contains(path.to_str().expect("is text")), "{error}");
    }
    drop(std::fs::remove_file(&path));
}

#[tokio::test]
async fn a_busy_port_is_named() {
    let driver = Driver::start().await;
    let addr = driver.sandbox.addr();
    let error = start(Settings { bind: addr, ..Settings::default() }).await.expect_err("is busy");
    assert!(matches!(error, StartError::Busy(_)));
    assert!(error.to_string().contains(&addr.to_string()), "{error}");
}

#[tokio::test]
async fn a_stopped_sandbox_frees_its_port() {
    let driver = Driver::start().await;
    let addr = driver.sandbox.addr();
    driver.get("/v1/health").await;
    driver.sandbox.stop().await;
    let again = start(Settings { bind: addr, ..Settings::default() }).await.expect("is free");
    assert_eq!((again.addr(), again.url()), (addr, format!("http://{addr}").as_str()));
    again.stop().await;
}

#[actix_web::test]
async fn it_runs_on_an_actix_system_and_answers_with_its_public_url() {
    let settings = Settings { public_url: Some("http://sandbox.example/".to_owned()), ..Settings::default() };
    let sandbox = start(settings).await.expect("starts");
    assert_eq!(sandbox.url(), "http://sandbox.example");
    let url = format!("http://{}/_sandbox/health", sandbox.addr());
    let client = reqwest::Client::builder().no_proxy().build().expect("builds");
    assert_eq!(client.get(url).send().await.expect("answers").status(), 200);
    sandbox.stop().await;
}
