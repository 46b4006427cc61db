//! The restore drill: what was backed up while Portico served serves again from another database.

use std::str::FromStr as _;

use serde_json::{Value, json};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _};

use crate::harness::tenant::message;
use crate::harness::{Caller, DataDir, Portico, Serve, Tenant, Terminal, eventually, random_uuid};

/// The server that the tests run on, as somebody who may make databases and roles there.
fn server() -> PgConnectOptions {
    let url = std::env::var("DATABASE_URL").expect("DATABASE_URL names a Postgres for tests");
    PgConnectOptions::from_str(&url).expect("DATABASE_URL is a Postgres URL").disable_statement_logging()
}

/// A URL that Postgres' own programs understand too.
fn url(options: &PgConnectOptions) -> String {
    let mut url = options.to_url_lossy();
    let kept: Vec<(String, String)> = url
        .query_pairs()
        .filter(|(name, _)| name != "statement-cache-capacity")
        .map(|(n, v)| (n.into(), v.into()))
        .collect();
    url.query_pairs_mut().clear().extend_pairs(kept);
    url.to_string()
}

async fn execute(statements: &[String]) {
    let mut connection = server().connect().await.expect("the server of the tests can be reached");
    for statement in statements {
        let done = sqlx::raw_sql(AssertSqlSafe(statement.clone())).execute(&mut connection).await;
        done.unwrap_or_else(|error| panic!("{statement}: {error}"));
    }
}

/// The entry of the last send in the log of calls.
async fn send_in_log(caller: &Caller) -> Option<Value> {
    caller.list("/api/v1/requests").await.into_iter().find(|entry| entry["operation"] == "whatsapp_messages")
}

#[tokio::test]
async fn a_backup_of_a_serving_instance_serves_again_from_an_empty_database() {
    let name = random_uuid().replace('-', "");
    // Databases and roles belong to the server, so each has a name of its own.
    let [instance, dumps, restores] = &["drill", "dumps", "restores"].map(|what| format!("{what}_{name}"));
    execute(&[
        format!("create database {instance}"),
        format!("create role {dumps} login password 'dumps'"),
        format!("create role {restores} login createrole password 'restores'"),
        format!("create database {restores} owner {restores}"),
    ])
    .await;
    let owner = url(&server().database(instance));
    let portico = Portico::start_on_server(&owner, DataDir::new()).await;
    let tenant = Tenant::new(&portico, "Drill").await;
    let shop = tenant.connect("shop").await;
    tenant.owner.post(&shop.messages(), message()).await.expect_success();
    let sent = eventually("the send is in the log", || async { send_in_log(&tenant.owner).await }).await;
    let keys = portico.told("master_keys").to_owned();
    let at = |url: &str| Terminal::beside(&portico, &keys).with(&[("DATABASE_URL", url)]);

    // A role that would not see every row gets no file, and neither does a second run under one name.
    let dumping = at(&url(&server().database(instance).username(dumps).password("dumps")));
    let refused = dumping.run(&["backup", "drill.backup"]).await;
    let words = format!("run `portico migrate --grant-backup-to {dumps}`");
    assert!(!refused.success && refused.stderr.contains(&words), "{refused:?}");
    at(&owner).runs(&["migrate", "--grant-backup-to", dumps]).await;
    let told = dumping.runs(&["backup", "drill.backup"]).await;
    for words in ["2 tenants", "chakra_keys", "audit_log", "master keys k1,"] {
        assert!(told.contains(words), "{words}: {told}");
    }
    let file = portico.data().folder().join("drill.backup");
    let kept = std::fs::read(&file).expect("the file is there");
    for secret in [tenant.chakra_key.as_str(), tenant.owner.token()] {
        assert!(!kept.windows(secret.len()).any(|part| part == secret.as_bytes()), "a secret stands in the backup");
    }
    let again = dumping.run(&["backup", "drill.backup"]).await;
    assert!(!again.success && std::fs::read(&file).expect("is there") == kept, "{again:?}");
    let serving = dumping.run(&["serve"]).await;
    assert!(!serving.success && serving.stderr.contains("portico_service"), "{serving:?}");

    // Put back, by an owner who is no superuser; only once.
    let restoring = at(&url(&server().database(restores).username(restores).password("restores")));
    let told = restoring.runs(&["restore", "drill.backup"]).await;
    assert!(told.contains("held") && told.contains("2 tenants"), "{told}");
    let service = PgConnectOptions::from_str(portico.told("database_url")).expect("is a URL").database(restores);
    let role = service.get_username().to_owned();
    restoring.runs(&["migrate", "--grant-to", &role]).await;
    let again = restoring.run(&["restore", "drill.backup"]).await;
    assert!(!again.success && again.stderr.contains("holds rows already"), "{again:?}");

    let serving_again = at(&url(&service));
    let checked = serving_again.run(&["check"]).await;
    assert!(checked.stdout.contains("ok    vault       PORTICO_MASTER_KEYS opens it"), "{checked:?}");
    serving_again.runs(&["vault", "status"]).await;
    serving_again.runs(&["audit", "verify"]).await;
    let replica = Serve::start_on(&portico, portico.told("sandbox_url"), &url(&service)).await;
    let there = tenant.owner.at(replica.url());
    assert_eq!(send_in_log(&there).await, Some(sent));
    there.post(&shop.messages(), message()).await.expect_success();
    there.post("/api/v1/api-keys", json!({"name": "after", "role": "viewer"})).await.expect(201);
    drop(replica);
    portico.stop().await;
    execute(&[
        format!("drop database {instance} with (force)"),
        format!("drop database {restores} with (force)"),
        format!("drop role {restores}"),
        format!("drop role {dumps}"),
    ])
    .await;
}
