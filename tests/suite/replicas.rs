//! Two replicas on one database: what one is told, the other knows.

use serde_json::json;

use crate::harness::tenant::{message, text};
use crate::harness::{Portico, Serve, Tenant, eventually};

#[tokio::test]
async fn a_revoked_key_a_changed_role_and_a_suspended_tenant_hold_on_every_replica() {
    let portico = Portico::start().await;
    let tenant = Tenant::new(&portico, "Replicas").await;
    let shop = tenant.connect("shop").await;
    let serve = Serve::start(&portico, portico.told("sandbox_url")).await;
    let there = |caller: &crate::harness::Caller| caller.at(serve.url());

    let role = json!({"name": "sender", "permissions": ["messages:send"]});
    let role = text(&tenant.owner.post("/api/v1/roles", role).await.expect(201), "id");
    let made = tenant.owner.post("/api/v1/api-keys", json!({"name": "sender", "role": "sender"})).await.expect(201);
    let (key, secret) = (text(&made, "id"), text(&made, "secret"));
    let sender = there(&tenant.owner.bearing(&secret));
    let answers = |status: u16| {
        let (sender, path) = (&sender, shop.messages());
        eventually("the other replica follows", move || {
            let path = path.clone();
            async move { (sender.post(&path, message()).await.status == status).then_some(()) }
        })
    };
    answers(200).await;
    let role = format!("/api/v1/roles/{role}");
    tenant.owner.patch(&role, json!({"permissions": ["media:read"]})).await.expect(200);
    answers(403).await;
    tenant.owner.patch(&role, json!({"permissions": ["messages:send"]})).await.expect(200);
    answers(200).await;
    let path = format!("/api/v1/tenants/{}", tenant.id);
    portico.operator().patch(&path, json!({"status": "suspended"})).await.expect(200);
    answers(403).await;
    portico.operator().patch(&path, json!({"status": "active"})).await.expect(200);
    answers(200).await;
    assert!(tenant.owner.delete(&format!("/api/v1/api-keys/{key}")).await.is_success());
    answers(401).await;

    // And what one replica makes, the other uses.
    let late = tenant.connect("late").await;
    eventually("the other replica knows the new plugin", || async {
        there(&tenant.owner).post(&late.messages(), message()).await.is_success().then_some(())
    })
    .await;
    drop(serve);
    portico.stop().await;
}
