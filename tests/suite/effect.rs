//! What is taken away is gone on every replica within a second, whatever becomes of the connections
//! that carry word of it. How fast it is, `make bench` measures; here it must come true at all, where a
//! replica that trusts a dead connection would go on for a minute.

use std::time::Duration;

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::harness::raw::{held_back, request};
use crate::harness::tenant::{message, text};
use crate::harness::{Caller, Connected, Fate, Middle, Portico, Serve, Tenant, eventually, pooler};

/// A key of the tenant: its id, and a caller of the instance that made it.
async fn key(tenant: &Tenant, mut body: Value) -> (String, Caller) {
    body["name"] = "one of many".into();
    let made = tenant.owner.post("/api/v1/api-keys", body).await.expect(201);
    (text(&made, "id"), tenant.owner.bearing(&text(&made, "secret")))
}

/// Waits until a send of this caller gets that answer on every replica.
async fn everywhere(replicas: &[Serve], caller: &Caller, shop: &Connected, status: u16) {
    for (number, replica) in replicas.iter().enumerate() {
        let caller = caller.at(replica.url());
        let path = shop.messages();
        eventually(&format!("replica {number} answers {status}"), || async {
            (caller.post(&path, message()).await.status == status).then_some(())
        })
        .await;
    }
}

async fn hears(replica: &Serve, hears: bool) {
    eventually(&format!("/readyz says changes: {hears}"), || async {
        (replica.anonymous().get("/readyz").await.at("/changes") == hears).then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_is_taken_away_is_gone_on_three_replicas() {
    let portico = Portico::start().await;
    let tenant = Tenant::new(&portico, "Threefold").await;
    let shop = tenant.connect("shop").await;
    let sandbox = portico.told("sandbox_url");
    let replicas = [
        Serve::start(&portico, sandbox).await,
        Serve::start(&portico, sandbox).await,
        Serve::start(&portico, sandbox).await,
    ];
    let role = json!({"name": "sender", "permissions": ["messages:send"]});
    let role = text(&tenant.owner.post("/api/v1/roles", role).await.expect(201), "id");
    let role = format!("/api/v1/roles/{role}");

    // Warm everywhere before each change, so that there is something to forget.
    let (_, of_role) = key(&tenant, json!({"role": "sender"})).await;
    everywhere(&replicas, &of_role, &shop, 200).await;
    tenant.owner.patch(&role, json!({"permissions": ["media:read"]})).await.expect(200);
    everywhere(&replicas, &of_role, &shop, 403).await;
    tenant.owner.patch(&role, json!({"permissions": ["messages:send"]})).await.expect(200);
    everywhere(&replicas, &of_role, &shop, 200).await;

    let (id, other_role) = key(&tenant, json!({"role": "messaging"})).await;
    everywhere(&replicas, &other_role, &shop, 200).await;
    tenant.owner.patch(&format!("/api/v1/api-keys/{id}"), json!({"role": "viewer"})).await.expect(200);
    everywhere(&replicas, &other_role, &shop, 403).await;

    let (id, expiring) = key(&tenant, json!({"role": "messaging"})).await;
    everywhere(&replicas, &expiring, &shop, 200).await;
    let soon = (OffsetDateTime::now_utc() + Duration::from_secs(2)).format(&Rfc3339).expect("the year has four digits");
    tenant.owner.patch(&format!("/api/v1/api-keys/{id}"), json!({"expires_at": soon})).await.expect(200);
    everywhere(&replicas, &expiring, &shop, 401).await;

    let (id, revoked) = key(&tenant, json!({"role": "messaging"})).await;
    everywhere(&replicas, &revoked, &shop, 200).await;
    assert!(tenant.owner.delete(&format!("/api/v1/api-keys/{id}")).await.is_success());
    everywhere(&replicas, &revoked, &shop, 401).await;

    let path = format!("/api/v1/tenants/{}", tenant.id);
    portico.operator().patch(&path, json!({"status": "suspended"})).await.expect(200);
    everywhere(&replicas, &of_role, &shop, 403).await;
    portico.operator().patch(&path, json!({"status": "active"})).await.expect(200);
    everywhere(&replicas, &of_role, &shop, 200).await;
    drop(replicas);
    portico.stop().await;
}

#[tokio::test]
async fn a_replica_whose_listening_connection_fell_silent_or_was_cut_refuses_all_the_same() {
    let portico = Portico::start().await;
    let tenant = Tenant::new(&portico, "Deaf").await;
    let shop = tenant.connect("shop").await;
    let middle = Middle::before(portico.told("database_url"));
    let replica = [Serve::start_on(&portico, portico.told("sandbox_url"), middle.url()).await];
    if pooler().is_some() {
        // Behind a pooler every replica is deaf, and has to say so.
        hears(&replica[0], false).await;
        let (id, caller) = key(&tenant, json!({"role": "messaging"})).await;
        everywhere(&replica, &caller, &shop, 200).await;
        assert!(tenant.owner.delete(&format!("/api/v1/api-keys/{id}")).await.is_success());
        everywhere(&replica, &caller, &shop, 401).await;
        return;
    }

    for fate in [Fate::Silent, Fate::Cut] {
        hears(&replica[0], true).await;
        let (id, caller) = key(&tenant, json!({"role": "messaging"})).await;
        everywhere(&replica, &caller, &shop, 200).await;
        middle.let_listeners(fate);
        assert!(tenant.owner.delete(&format!("/api/v1/api-keys/{id}")).await.is_success());
        everywhere(&replica, &caller, &shop, 401).await;
        hears(&replica[0], false).await;
        // Deaf for good, it serves what is right, and forgets in time what it reads now.
        let (id, caller) = key(&tenant, json!({"role": "messaging"})).await;
        everywhere(&replica, &caller, &shop, 200).await;
        assert!(tenant.owner.delete(&format!("/api/v1/api-keys/{id}")).await.is_success());
        everywhere(&replica, &caller, &shop, 401).await;
        middle.let_listeners(Fate::Pass);
    }
    hears(&replica[0], true).await;
    drop(replica);
    portico.stop().await;
}

/// A database's URL without the pooler, if there is one.
fn directly(url: &str) -> String {
    if pooler().is_none() {
        return url.to_owned();
    }
    let server = std::env::var("DATABASE_URL").expect("the pooler's server is known");
    let place = |url: &str| url.split_once('@').and_then(|(_, rest)| rest.split_once('/')).map(|(at, _)| at.to_owned());
    url.replace(&place(url).expect("a URL has a host"), &place(&server).expect("a URL has a host"))
}

#[tokio::test]
async fn a_way_apart_for_listening_is_believed_only_if_it_leads_to_the_same_database() {
    let portico = Portico::start().await;
    let tenant = Tenant::new(&portico, "Apart").await;
    let shop = tenant.connect("shop").await;
    let same = directly(portico.told("database_url"));
    let (server, options) = same.rsplit_once('/').expect("the URL names a database");
    let options = options.split_once('?').map_or("", |(_, options)| options);
    let other = format!("{server}/postgres?{options}");
    let sandbox = portico.told("sandbox_url");
    let replicas =
        [Serve::listening_by(&portico, sandbox, &same).await, Serve::listening_by(&portico, sandbox, &other).await];
    hears(&replicas[0], true).await;
    let (id, caller) = key(&tenant, json!({"role": "messaging"})).await;
    everywhere(&replicas, &caller, &shop, 200).await;
    assert!(tenant.owner.delete(&format!("/api/v1/api-keys/{id}")).await.is_success());
    everywhere(&replicas, &caller, &shop, 401).await;
    hears(&replicas[1], false).await;
    drop(replicas);
    portico.stop().await;
}

#[tokio::test]
async fn a_request_that_trickles_in_does_not_carry_its_key_past_the_revocation() {
    let portico = Portico::start().await;
    let tenant = Tenant::new(&portico, "Trickle").await;
    let shop = tenant.connect("shop").await;
    let send = (shop.messages(), message().to_string());
    let create = ("/api/v1/api-keys".to_owned(), json!({"name": "one for later", "role": "viewer"}).to_string());
    for (path, body) in [send, create] {
        let (id, caller) = key(&tenant, json!({"role": "owner"})).await;
        caller.get("/api/v1/customers").await.expect(200);
        let authorization = format!("Bearer {}", caller.token());
        let headers = [("Authorization", authorization.as_str()), ("Content-Type", "application/json")];
        let request = request(&format!("POST {path}"), &headers, &body);
        let answer = held_back(caller.base(), &path, &request, async {
            // Time to be let in, and more than a caller who was may take: only then the key goes.
            tokio::time::sleep(Duration::from_millis(300)).await;
            assert!(tenant.owner.delete(&format!("/api/v1/api-keys/{id}")).await.is_success());
        })
        .await;
        assert_eq!(answer.status, 401, "{answer}");
    }
    let keys = tenant.owner.list("/api/v1/api-keys").await;
    assert!(keys.iter().all(|key| key["name"] != "one for later"), "a revoked key made another");
    portico.stop().await;
}
