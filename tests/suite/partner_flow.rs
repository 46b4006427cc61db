//! The way that a partner goes, from nothing to a message.

use serde_json::json;

use crate::harness::sandbox::leaks;
use crate::harness::tenant::{message, text};
use crate::harness::{Portico, Tenant, eventually};

#[tokio::test]
async fn a_partner_gets_from_nothing_to_a_message_and_only_the_chakra_key_reaches_chakra() {
    let portico = Portico::start().await;
    let sandbox = portico.sandbox();
    let (tenant_id, _, owner) = Tenant::bare(&portico, "Acme").await;
    assert!(tenant_id.starts_with("ten_"), "{tenant_id}");
    sandbox.clear().await;

    let token = sandbox.team().await;
    let body = json!({"name": "main", "description": "from the console", "access_token": token, "is_default": true});
    let stored = owner.post("/api/v1/chakra-keys", body).await;
    assert!(!stored.text.contains(&token), "the answer shows the Chakra key: {stored}");
    let stored = stored.expect(201);
    assert_eq!(stored["last4"], token[token.len() - 4..], "{stored}");
    assert_eq!(stored["is_default"], true);
    assert!(!text(&stored, "fingerprint").is_empty());
    let key = format!("/api/v1/chakra-keys/{}", text(&stored, "id"));
    let verified = owner.post_empty(&format!("{key}/verify")).await.expect(200);
    assert_eq!(verified["status"], "verified", "{verified}");

    let path = "/api/v1/customers/by-external-id/shop-42";
    let customer = owner.put(path, json!({"name": "Shop 42"})).await.expect_success();
    let again = owner.put(path, json!({"name": "Shop 42"})).await.expect_success();
    assert_eq!(customer["id"], again["id"], "ensuring a customer twice makes one");
    assert_eq!(customer["status"], "new", "{customer}");
    let customer = text(&customer, "id");

    let creating = owner.with("Portico-Customer", &customer);
    let made = creating.post("/plugin", json!({"type": "whatsapp", "name": "shop-42"})).await.expect_success();
    let plugin = text(&made["_data"], "id");
    let connect = json!({"pluginId": plugin});
    let connect = owner.post("/v1/ext/whatsapp-partner/create-connect-token", connect).await.expect_success();
    assert!(!text(&connect["_data"], "connectToken").is_empty());

    sandbox.sign_up(&plugin, "finish").await;
    let sync = format!("/api/v1/plugins/{plugin}/sync");
    let number = eventually("the number of the finished sign-up is known", || async {
        owner.post_empty(&sync).await.expect_success();
        owner.list("/api/v1/phone-numbers").await.into_iter().find(|number| number["plugin_id"] == *plugin)
    })
    .await;
    assert_eq!(number["customer_id"], *customer, "{number}");
    let plugin_now = owner.get(&format!("/api/v1/plugins/{plugin}")).await.expect(200);
    assert_eq!(plugin_now["status"], "connected", "{plugin_now}");
    let customer_now = owner.get(&format!("/api/v1/customers/{customer}")).await.expect(200);
    assert_eq!(customer_now["status"], "connected", "{customer_now}");

    let path = format!("/v1/ext/plugin/whatsapp/{plugin}/api/v24.0/{}/messages", text(&number, "id"));
    let sent = owner.with("X-Request-Id", "order-4711").post(&path, message()).await;
    assert_eq!(sent.header("x-request-id"), "order-4711", "{sent}");
    assert_eq!(sent.header("portico-operation"), "whatsapp_messages", "{sent}");
    let sent = sent.expect_success();
    assert!(text(&sent["_data"], "whatsappMessageId").starts_with("wamid."), "{sent}");

    let record = sandbox.record().await;
    assert_eq!(leaks(&record, &token, owner.token()), None);
    let arrived = record.iter().find(|request| request["path"] == *path).expect("the send arrived at Chakra");
    assert_eq!(arrived["body"], message(), "the body passes unchanged");
    portico.stop().await;
}

#[tokio::test]
async fn every_proxied_call_is_listed_with_metadata_and_without_content() {
    let portico = Portico::start().await;
    let tenant = Tenant::new(&portico, "Logging").await;
    let shop = tenant.connect("shop").await;
    let sender = tenant.key("messaging").await;
    sender.with("X-Request-Id", "first-send").post(&shop.messages(), message()).await.expect_success();
    tenant.owner.with("X-Request-Id", "then-a-read").get(&format!("/plugin/{}", shop.plugin)).await.expect_success();
    let rows = eventually("both calls are listed", || async {
        let rows = tenant.owner.list("/api/v1/requests").await;
        let known = |id: &str| rows.iter().any(|row| row["request_id"] == id);
        (known("first-send") && known("then-a-read")).then_some(rows)
    })
    .await;
    let row = rows.iter().find(|row| row["request_id"] == "first-send").expect("was just seen");
    assert_eq!(row["operation"], "whatsapp_messages", "{row}");
    assert_eq!(row["status"], 200, "{row}");
    assert_eq!((&row["plugin_id"], &row["customer_id"]), (&json!(shop.plugin), &json!(shop.customer)), "{row}");
    let all = json!(rows).to_string();
    for secret in [sender.token(), &tenant.chakra_key, "Your order is on its way", "15550001111"] {
        assert!(!all.contains(secret), "the list shows {secret:?}: {all}");
    }

    let neighbour = Tenant::new(&portico, "Neighbour").await;
    assert_eq!(neighbour.owner.list("/api/v1/requests").await, Vec::<serde_json::Value>::new());
    for secret in [sender.token(), tenant.owner.token(), &tenant.chakra_key] {
        assert!(!portico.output().contains(secret), "the log shows a secret");
    }
    portico.stop().await;
}
