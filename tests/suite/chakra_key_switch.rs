//! Two Chakra keys of a tenant are switched without a failed request, and `uses` tells who used which.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::tenant::text;
use crate::harness::{Caller, Portico, Senders, Serve, Tenant, eventually};

/// How long a replica may use what it was not told to be changed.
const HEARD: Duration = Duration::from_secs(1);

async fn uses(owner: &Caller, key: &str) -> Vec<Value> {
    owner.list(&format!("/api/v1/chakra-keys/{key}/uses")).await
}

fn sum(uses: &[Value], field: &str) -> u64 {
    uses.iter().filter_map(|one| one[field].as_u64()).sum()
}

/// Makes a key the default, and waits until nobody uses the other any more, as the documentation says.
async fn switch(owner: &Caller, to: &str, from: &str) {
    owner.post_empty(&format!("/api/v1/chakra-keys/{to}/set-default")).await.expect_success();
    tokio::time::sleep(HEARD).await;
    // Counts are written four times a second: two equal looks that far apart are the evidence.
    let last = std::cell::Cell::new(None);
    eventually("nobody uses the old key", || async {
        let calls = sum(&uses(owner, from).await, "calls");
        if last.replace(Some(calls)) == Some(calls) {
            return Some(());
        }
        tokio::time::sleep(Duration::from_millis(600)).await;
        None
    })
    .await;
}

#[tokio::test]
async fn two_chakra_keys_are_switched_under_load_and_no_send_fails() {
    let portico = Portico::start().await;
    let tenant = Tenant::new(&portico, "Switches").await;
    let shop = tenant.connect("shop").await;
    let (owner, sandbox) = (&tenant.owner, portico.sandbox());
    let replica = Serve::start(&portico, portico.told("sandbox_url")).await;
    let sender = tenant.key("messaging").await;
    let senders = Senders::start(&[sender.clone(), sender.at(replica.url())], &shop.messages(), 3);
    senders.more(50).await;

    // Another key of the same team takes over; the old one is revoked at Chakra, then deleted.
    let second_token = sandbox.another_key(&tenant.chakra_key).await;
    let body = json!({"name": "second", "access_token": second_token});
    let second = text(&owner.post("/api/v1/chakra-keys", body).await.expect(201), "id");
    owner.post_empty(&format!("/api/v1/chakra-keys/{second}/verify")).await.expect_success();
    let first = tenant.chakra_key_id.clone();
    switch(owner, &second, &first).await;
    sandbox.revoke_key(&tenant.chakra_key).await;
    owner.delete(&format!("/api/v1/chakra-keys/{first}")).await.expect_success();
    senders.more(50).await;

    // A replacement in place: the token before it goes on until nobody uses it.
    let third_token = sandbox.another_key(&second_token).await;
    let replace = format!("/api/v1/chakra-keys/{second}/replace");
    owner.post(&replace, json!({"access_token": third_token})).await.expect_success();
    senders.more(50).await;
    tokio::time::sleep(HEARD).await;
    sandbox.revoke_key(&second_token).await;
    senders.more(50).await;
    let sent = senders.stop().await;
    assert!(sent >= 200, "only {sent} messages were sent");

    who_used_it_is_told(&portico, &tenant, &second, &sender).await;
    drop(replica);
    portico.stop().await;
}

async fn who_used_it_is_told(portico: &Portico, tenant: &Tenant, key: &str, sender: &Caller) {
    let me = tenant.owner.list("/api/v1/api-keys").await;
    let id_of = |role: &str| text(me.iter().find(|key| key["role"] == role).expect("is listed"), "id");
    let by = |uses: &[Value], caller: &Value, field: &str| {
        let mine: Vec<_> = uses.iter().filter(|one| one["caller_id"] == *caller).cloned().collect();
        sum(&mine, field)
    };
    let messaging = json!(id_of("messaging"));
    let seen = uses(&tenant.owner, key).await;
    assert!(by(&seen, &messaging, "calls") >= 100, "{seen:?}");
    // Two replicas opened it, not every call.
    let openings = by(&seen, &messaging, "openings");
    assert!(openings >= 2 && openings < by(&seen, &messaging, "calls") / 2, "{seen:?}");

    // Reading the token to verify it counts for the owner; the operator counts as such.
    let owner = json!(id_of("owner"));
    let before = (by(&seen, &owner, "openings"), by(&seen, &owner, "calls"), by(&seen, &Value::Null, "openings"));
    let verify = format!("/api/v1/chakra-keys/{key}/verify");
    tenant.owner.post_empty(&verify).await.expect_success();
    tenant.operator.post_empty(&verify).await.expect_success();
    eventually("the uses are written down", || async {
        let now = uses(&tenant.owner, key).await;
        let told = (by(&now, &owner, "openings"), by(&now, &owner, "calls"), by(&now, &Value::Null, "openings"));
        (told == (before.0 + 1, before.1 + 1, before.2 + 1)).then_some(())
    })
    .await;
    let operator = uses(&tenant.owner, key).await.into_iter().find(|one| one["caller"] == "operator");
    assert!(operator.is_some_and(|one| one["calls"] == 1 && one["caller_id"].is_null()));

    // In pages, and within the wall.
    let path = format!("/api/v1/chakra-keys/{key}/uses");
    let page = tenant.owner.get(&format!("{path}?limit=1")).await.expect(200);
    assert_eq!(page["data"].as_array().map(Vec::len), Some(1));
    assert!(page["next_cursor"].is_string());
    tenant.owner.get(&format!("{path}?cursor=nonsense")).await.expect(400);
    let other = Tenant::new(portico, "Other").await;
    other.owner.get(&path).await.expect(404);
    sender.get(&path).await.expect(403);
    let limited = tenant.limited_key("owner", &[&tenant.customer("limited").await]).await;
    limited.get(&path).await.expect(403);
}
