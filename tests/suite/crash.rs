//! What was acknowledged survives kill -9.

use std::collections::BTreeSet;

use serde_json::json;

use crate::harness::tenant::{message, text};
use crate::harness::{Body, Caller, DataDir, Portico, Tenant};

/// Creates customers until the instance is gone; the ids that it acknowledged.
async fn create_until_gone(owner: Caller, prefix: &'static str) -> BTreeSet<String> {
    let mut acknowledged = BTreeSet::new();
    for number in 0.. {
        let body = Body::Json(json!({"external_id": format!("{prefix}-{number}"), "name": "Shop"}));
        let Ok(answer) = owner.try_send(reqwest::Method::POST, "/api/v1/customers", body).await else { break };
        if answer.status != 201 {
            break;
        }
        acknowledged.insert(text(&answer.json, "id"));
    }
    acknowledged
}

#[tokio::test]
async fn everything_acknowledged_is_still_there_after_kill_9_of_portico_or_of_all() {
    let portico = Portico::start().await;
    let tenant = Tenant::new(&portico, "Survivor").await;
    let shop = tenant.connect("shop").await;
    // The emulated Chakra keeps its state for sure only when it ends in order.
    let portico = Portico::start_on(portico.stop().await).await;
    let owner = portico.anonymous().bearing(tenant.owner.token());
    let mut acknowledged = BTreeSet::from([shop.customer.clone()]);

    let creating = tokio::spawn(create_until_gone(owner.clone(), "first"));
    some_customers(&owner).await;
    let data: DataDir = portico.kill().await;
    acknowledged.append(&mut creating.await.expect("the task ends by itself"));
    let portico = Portico::start_on(data).await;
    let owner = portico.anonymous().bearing(tenant.owner.token());
    assert_kept(&owner, &acknowledged).await;

    let creating = tokio::spawn(create_until_gone(owner.clone(), "second"));
    some_customers(&owner).await;
    let data = portico.kill_all().await;
    acknowledged.append(&mut creating.await.expect("the task ends by itself"));
    let portico = Portico::start_on(data).await;
    let owner = portico.anonymous().bearing(tenant.owner.token());
    assert_kept(&owner, &acknowledged).await;

    // The vault opens too: the stored Chakra key still serves.
    owner.post(&shop.messages(), message()).await.expect_success();
    portico.stop().await;
}

/// Waits until creation is under way.
async fn some_customers(owner: &Caller) {
    let before = owner.list("/api/v1/customers").await.len();
    crate::harness::eventually("customers are being created", || async {
        (owner.list("/api/v1/customers").await.len() >= before + 10).then_some(())
    })
    .await;
}

async fn assert_kept(owner: &Caller, acknowledged: &BTreeSet<String>) {
    let kept: BTreeSet<_> = owner.list("/api/v1/customers").await.iter().map(|row| text(row, "id")).collect();
    let lost: Vec<_> = acknowledged.difference(&kept).collect();
    assert!(lost.is_empty(), "{} of {} acknowledged customers are lost: {lost:?}", lost.len(), acknowledged.len());
}
