//! Master keys and data keys rotate while replicas serve, and go on after kill -9.

use serde_json::{Value, json};
use sqlx::{Connection as _, PgConnection};

use crate::harness::database::Database;
use crate::harness::tenant::{message, text};
use crate::harness::{Caller, Portico, Senders, Serve, Tenant, Terminal, eventually};

const K2: &str = "k2:AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=";
/// Tenants besides, so that a rotation has something to do.
const TENANTS: usize = 60;

fn number(status: &Value, pointer: &str) -> u64 {
    status.pointer(pointer).and_then(Value::as_u64).unwrap_or_else(|| panic!("no number {pointer} in {status}"))
}

/// How much needs a master key; none if the status does not know it.
fn needs(status: &Value, id: &str) -> Option<u64> {
    let key = status["master_keys"].as_array()?.iter().find(|key| key["id"] == id)?;
    Some(number(key, "/data_keys") + number(key, "/operator_secrets"))
}

#[tokio::test]
async fn keys_rotate_under_load_and_through_kill_9_and_no_send_fails() {
    let portico = Portico::start().await;
    let tenant = Tenant::new(&portico, "Rotates").await;
    let shop = tenant.connect("shop").await;
    for number in 0..TENANTS {
        portico.operator().post("/api/v1/tenants", json!({"name": format!("T{number}")})).await.expect(201);
    }
    let k1 = portico.told("master_keys").to_owned();
    let terminal = |keys: &str| Terminal::beside(&portico, keys);
    let old = terminal(&k1).status().await;
    let all = number(&old, "/total");
    assert_eq!((needs(&old, "k1"), number(&old, "/under_sealing_key")), (Some(all), all), "{old}");
    assert!(all >= TENANTS as u64 + 2, "{old}");

    refuses_without_both_keys(&k1, &terminal).await;
    assert_eq!(needs(&terminal(&k1).status().await, "k1"), Some(all), "a refusal did something");

    let both = format!("{K2},{k1}");
    let settings = [("PORTICO_MASTER_KEYS", both.as_str())];
    let replica = Serve::start_with(&portico, portico.told("sandbox_url"), &settings).await;
    let there = tenant.owner.at(replica.url());
    let senders = Senders::start(std::slice::from_ref(&there), &shop.messages(), 4);
    senders.more(20).await;

    // `portico dev` serves too, and does not list the new key: without force nothing begins.
    let rotation = terminal(&both);
    let refused = rotation.run(&["vault", "rotate"]).await;
    let told = refused.stderr.contains("1 of the replicas that run cannot use k2") && refused.stderr.contains("has k1");
    assert!(!refused.success && told && refused.stderr.contains("--force"), "{refused:?}");
    assert_eq!(needs(&rotation.status().await, "k1"), Some(all), "a refusal did something");
    let closed = owner_of_a_tenant_made_at(&portico, replica.url()).await;
    let all = number(&rotation.status().await, "/total");
    let slowly = ["vault", "rotate", "--force", "--batch", "5", "--pause", "40"];
    let line = rotation.killed_at(&slowly, "moved 13 of ").await;
    assert!(line.ends_with("under k2"), "{line}");
    let broken = rotation.status().await;
    let (moved, left) = (needs(&broken, "k2").unwrap_or(0), needs(&broken, "k1").unwrap_or(0));
    assert!(moved >= 13 && left > 0 && moved + left == all, "{broken}");
    let seen = rotation.runs(&["vault", "status"]).await;
    assert!(seen.contains("still needed") && seen.contains(&format!("{moved} of {all} are under k2: ")), "{seen}");
    // What is sealed meanwhile is sealed with the new key, and opens.
    let spare = json!({"name": "spare", "access_token": portico.sandbox().team().await});
    there.post("/api/v1/chakra-keys", spare).await.expect(201);

    let told = rotation.runs(&slowly).await;
    assert!(told.contains(&format!("Moved {left} things under k2.")), "{told}");
    assert!(told.contains("1 of the replicas that run cannot use k2 and no longer serve"), "{told}");
    left_behind(&portico, &closed).await;
    let done = rotation.status().await;
    assert_eq!((needs(&done, "k1"), needs(&done, "k2")), (Some(0), Some(all)), "{done}");
    let again = rotation.runs(&["vault", "rotate", "--force"]).await;
    assert!(again.starts_with("Everything was under k2 already."), "{again}");
    let seen = rotation.runs(&["vault", "status"]).await;
    assert!(seen.contains("CANNOT USE k2") && seen.contains("k2, k1"), "{seen}");
    senders.more(20).await;

    // The old key is gone: a replica without it starts and sends, one with it alone does not start.
    let new = Serve::start_with(&portico, portico.told("sandbox_url"), &[("PORTICO_MASTER_KEYS", K2)]).await;
    tenant.owner.at(new.url()).post(&shop.messages(), message()).await.expect_success();
    let refused = terminal(&k1).run(&["serve"]).await;
    assert!(!refused.success && refused.stderr.contains("master key \"k2\" is needed"), "{refused:?}");

    data_keys_roll(&terminal(K2)).await;
    senders.more(20).await;
    let sent = senders.stop().await;
    assert!(sent >= 100, "only {sent} messages were sent");
    tenant.owner.at(new.url()).post(&shop.messages(), message()).await.expect_success();
    drop((replica, new));
    portico.stop().await;
}

/// The owner of a tenant whose data key only this replica has opened, at `portico dev`, and its Chakra key.
async fn owner_of_a_tenant_made_at(portico: &Portico, replica: &str) -> (Caller, String) {
    let made = portico.operator().at(replica).post("/api/v1/tenants", json!({"name": "Elsewhere"})).await.expect(201);
    let operator = portico.operator().with("Portico-Tenant", &text(&made, "id"));
    let owner = json!({"name": "the owner", "role": "owner"});
    let secret = text(&operator.post("/api/v1/api-keys", owner).await.expect(201), "secret");
    let owner = portico.anonymous().bearing(&secret);
    let key = json!({"name": "main", "access_token": portico.sandbox().team().await});
    let key = text(&owner.at(replica).post("/api/v1/chakra-keys", key).await.expect(201), "id");
    (owner, key)
}

/// A replica without the key that the vault was moved to says so, seals nothing, and fails no call with 500.
async fn left_behind(portico: &Portico, (owner, key): &(Caller, String)) {
    let not_ready = eventually("the replica without the new key is not ready", || async {
        let answer = portico.anonymous().get("/readyz").await;
        (answer.status == 503).then_some(answer)
    });
    assert_eq!(not_ready.await.json["vault"], false);
    let seals = portico.operator().post("/api/v1/tenants", json!({"name": "Late"})).await;
    assert_eq!((seals.status, seals.at("/code")), (503, &json!("vault_unavailable")), "{seals}");
    let opens = owner.post_empty(&format!("/api/v1/chakra-keys/{key}/verify")).await;
    assert_eq!((opens.status, opens.at("/code")), (503, &json!("vault_unavailable")), "{opens}");
}

async fn refuses_without_both_keys(k1: &str, terminal: &impl Fn(&str) -> Terminal) {
    for (keys, words) in [
        (k1, "lists only k1, which seals everything already"),
        (K2, "still sealed under k1, which PORTICO_MASTER_KEYS does not list; nothing was done"),
    ] {
        let said = terminal(keys).run(&["vault", "rotate"]).await;
        assert!(!said.success && said.stderr.contains(words) && said.stderr.lines().count() == 1, "{said:?}");
        let said = terminal(keys).run(&["vault", "rotate", "--data-keys"]).await;
        assert_eq!(said.success, keys == k1, "data keys can be rolled under one key: {said:?}");
    }
    for arguments in [&["vault", "status"][..], &["vault", "status", "--json"]] {
        let needed = terminal(K2).run(arguments).await;
        assert!(!needed.success && needed.stdout.contains("k1"), "a needed key is not listed: {needed:?}");
    }
    let needed = terminal(K2).run(&["vault", "status"]).await;
    assert!(needed.stdout.contains("NEEDED, but not listed"), "{needed:?}");
}

/// Every tenant gets exactly one new data key in one roll, however often it is broken off.
async fn data_keys_roll(terminal: &Terminal) {
    let before = terminal.status().await;
    assert_eq!(number(&before, "/data_keys/with_old_versions"), 0, "{before}");
    let tenants = number(&before, "/data_keys/tenants");
    let slowly = ["vault", "rotate", "--data-keys", "--force", "--batch", "4", "--pause", "40"];
    terminal.killed_at(&slowly, "made new data keys for 8 tenants").await;
    let broken = terminal.status().await;
    let rolled = number(&broken, "/data_keys/with_old_versions");
    assert!((8..tenants).contains(&rolled), "{broken}");
    assert!(broken["data_keys"]["last_roll_finished_at"].is_null(), "{broken}");
    let told = terminal.runs(&["vault", "status"]).await;
    assert!(told.contains("is not done: run `portico vault rotate --data-keys` again"), "{told}");

    terminal.killed_at(&slowly, "re-sealed the values of 4 of ").await;
    let told = terminal.runs(&slowly).await;
    assert!(told.contains("Made 0 new data keys"), "the third run makes none any more: {told}");
    let done = terminal.status().await;
    assert_eq!(number(&done, "/data_keys/with_old_versions"), 0, "{done}");
    assert_eq!(number(&done, "/data_keys/versions"), tenants, "{done}");
    assert!(done["data_keys"]["last_roll_finished_at"].is_string(), "{done}");
    assert_eq!(text(&done, "sealing_key"), "k2");
}

/// Makes a tenant's data keys as old, or as much used, as the assignment says.
async fn wear(portico: &Portico, tenant: &Tenant, assignment: &'static str) {
    let mut database = PgConnection::connect(portico.told("database_url")).await.expect("the database answers");
    let mut tx = database.begin().await.expect("begins");
    let id: portico_domain::TenantId = tenant.id.parse().expect("is an id");
    sqlx::query("select set_config('portico.tenant_id', $1, true)")
        .bind(id.uuid().to_string())
        .execute(&mut *tx)
        .await
        .expect("sets the tenant");
    let text = format!("update data_keys set {assignment}");
    let done = sqlx::query(sqlx::AssertSqlSafe(text)).execute(&mut *tx).await.expect("is changed");
    assert!(done.rows_affected() > 0);
    tx.commit().await.expect("commits");
}

#[tokio::test]
async fn a_data_key_that_is_old_or_has_sealed_much_is_replaced_once_by_the_next_seals() {
    let portico = Portico::start().await;
    let tenant = Tenant::new(&portico, "Ages").await;
    let database = Database::of(&portico).await;
    let terminal = Terminal::beside(&portico, portico.told("master_keys"));
    let start = number(&terminal.status().await, "/data_keys/versions");
    let store = |name: String, token: String| {
        let owner = tenant.owner.clone();
        async move { owner.post("/api/v1/chakra-keys", json!({"name": name, "access_token": token})).await.expect(201) }
    };
    store("young".to_owned(), portico.sandbox().team().await).await;
    assert_eq!(number(&terminal.status().await, "/data_keys/versions"), start, "a young key goes on");

    for (round, assignment) in ["created_at = now() - interval '90 days'", "seals = 16777216"].into_iter().enumerate() {
        wear(&portico, &tenant, assignment).await;
        let mut storing = tokio::task::JoinSet::new();
        for number in 0..6 {
            storing.spawn(store(format!("key {round} {number}"), portico.sandbox().team().await));
        }
        let stored = storing.join_all().await;
        let status = terminal.status().await;
        assert_eq!(number(&status, "/data_keys/versions"), start + 1 + round as u64, "{status}");
        let told = database.audited(&tenant.id, "data_key.roll").await;
        assert_eq!((told.len(), &told[round]["actor"]["kind"]), (round + 1, &json!("portico")), "{told:?}");
        // What was sealed with the old key and what is sealed with the new one open.
        for key in stored.iter().map(|key| text(key, "id")).chain([tenant.chakra_key_id.clone()]) {
            let verified = tenant.owner.post_empty(&format!("/api/v1/chakra-keys/{key}/verify")).await.expect(200);
            assert_eq!(verified["status"], "verified", "{verified}");
        }
    }
    portico.stop().await;
}
