//! `portico dev` from start to end.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::json;

use crate::harness::tenant::{message, text};
use crate::harness::{Caller, DataDir, Findings, Portico, running_with};

const TOLD: [&str; 14] = [
    "gateway_url",
    "metrics_url",
    "sandbox_url",
    "database_url",
    "operator_token",
    "tenant_id",
    "admin_key",
    "messaging_key",
    "customer_id",
    "plugin_id",
    "waba_id",
    "phone_number_id",
    "sandbox_chakra_key",
    "master_keys",
];

#[tokio::test]
async fn dev_tells_all_has_a_connected_customer_keeps_its_data_and_leaves_nothing_running() {
    let portico = Portico::start().await;
    let mut findings = Findings::new();
    for name in TOLD {
        findings.check(portico.state()[name].as_str().is_some_and(|told| !told.is_empty()), || {
            format!("dev.json lacks {name}")
        });
    }
    // Null until there is a console.
    findings.check(portico.state().get("console_url").is_some(), || "dev.json lacks console_url".to_owned());
    let file = std::fs::metadata(portico.data().path().join("dev.json")).expect("dev.json was just read");
    findings.check(file.permissions().mode() & 0o777 == 0o600, || "dev.json is readable by others".to_owned());
    findings.check(portico.output().contains(portico.told("gateway_url")), || "the link is not printed".to_owned());

    let owner = portico.demo_owner();
    let customer = owner.get(&format!("/api/v1/customers/{}", portico.told("customer_id"))).await.expect(200);
    findings.check(customer["status"] == "connected", || format!("the demo customer is not connected: {customer}"));
    let (plugin, phone) = (portico.told("plugin_id"), portico.told("phone_number_id"));
    let path = format!("/v1/ext/plugin/whatsapp/{plugin}/api/v24.0/{phone}/messages");
    let messaging = portico.anonymous().bearing(portico.told("messaging_key"));
    findings.check(messaging.post(&path, message()).await.is_success(), || "the demo number does not send".to_owned());
    findings.note("messaging_key", messaging.get("/api/v1/customers").await.not_a_problem(&[403]));
    let made = owner.post("/api/v1/customers", json!({"external_id": "kept", "name": "Kept"})).await.expect(201);

    let before = portico.state().clone();
    let data = portico.stop().await;
    let left = running_with(&data.path().display().to_string());
    findings.check(left.is_empty(), || format!("still running: {left:?}"));
    let locks = data.find("postmaster.pid");
    findings.check(locks.is_empty(), || format!("a lock is left: {locks:?}"));

    let portico = Portico::start_on(data).await;
    for name in [
        "operator_token",
        "tenant_id",
        "admin_key",
        "messaging_key",
        "plugin_id",
        "phone_number_id",
        "master_keys",
        "sandbox_chakra_key",
    ] {
        findings.check(portico.state()[name] == before[name], || format!("{name} changed with the second start"));
    }
    let owner = portico.demo_owner();
    let kept = owner.get(&format!("/api/v1/customers/{}", text(&made, "id"))).await;
    findings.check(kept.status == 200, || format!("a customer is gone after the second start: {kept}"));
    let messaging = portico.anonymous().bearing(portico.told("messaging_key"));
    let sent = messaging.post(&path, message()).await;
    findings.check(sent.is_success(), || format!("the demo number does not send after the second start: {sent}"));
    let customers = owner.list("/api/v1/customers").await.len();
    findings.check(customers == 2, || format!("{customers} customers after the second start, not 2"));
    findings.finish();
    portico.stop().await;
}

#[tokio::test]
async fn what_keeps_dev_from_starting_is_told_in_one_sentence() {
    let mut findings = Findings::new();
    let data = DataDir::new();

    let busy = TcpListener::bind("127.0.0.1:0").expect("the loopback address has a free port");
    let address = busy.local_addr().expect("it is bound").to_string();
    for flag in ["--bind", "--sandbox-bind", "--metrics-bind"] {
        let refused = Portico::refused(&data.path(), &[flag, &address], &[]).await;
        findings.note(&format!("a busy {flag}"), refused.not_one_sentence(&[&address]));
    }
    let refused = Portico::refused(&data.path(), &["--bind", "nonsense"], &[]).await;
    findings.check(!refused.status.success(), || "a malformed --bind is taken".to_owned());

    let file = data.folder().join("a-file");
    std::fs::write(&file, "").expect("the test's own folder is writable");
    for folder in [file.join("data"), Path::new("/proc/portico-data").to_owned()] {
        let refused = Portico::refused(&folder, &[], &[]).await;
        let words = [folder.to_str().expect("the path is UTF-8"), "--data-dir"];
        findings.note("an unwritable folder", refused.not_one_sentence(&words));
    }

    // Port 1 refuses connections.
    let nowhere = [("DATABASE_URL", "postgres://nobody:in-secret@127.0.0.1:1/none")];
    let refused = Portico::refused(&data.path(), &[], &nowhere).await;
    findings.note("a DATABASE_URL that leads nowhere", refused.not_one_sentence(&["DATABASE_URL"]));
    findings.check(!refused.stderr.contains("in-secret"), || "the database's password is shown".to_owned());

    if let Some(refused) = Portico::refused_without_postgres(&data.path()).await {
        findings.note("no Postgres", refused.not_one_sentence(&["PostgreSQL", "install", "DATABASE_URL"]));
    }
    let left = running_with(&data.path().display().to_string());
    findings.check(left.is_empty(), || format!("refused starts left processes: {left:?}"));
    findings.finish();
}

#[tokio::test]
async fn a_second_dev_on_the_same_directory_is_refused_and_the_first_serves_on() {
    let portico = Portico::start().await;
    let refused = Portico::refused(&portico.data().path(), &[], &[]).await;
    let path = portico.data().path();
    assert_eq!(refused.not_one_sentence(&[path.to_str().expect("the path is UTF-8")]), None);
    Caller::anonymous(portico.told("gateway_url")).get("/readyz").await.expect(200);
    portico.stop().await;
}
