//! Customers and their connection.

use std::collections::BTreeSet;

use serde_json::json;

use crate::harness::tenant::{message, text};
use crate::harness::{Findings, Portico, Tenant, eventually};

#[tokio::test]
async fn customers_are_made_changed_listed_and_removed() {
    let portico = Portico::start().await;
    let (_, _, owner) = Tenant::bare(&portico, "Customers").await;
    let body = json!({"external_id": "shop-1", "name": "Shop 1", "metadata": {"plan": "pro"}});
    let made = owner.post("/api/v1/customers", body).await.expect(201);
    let path = format!("/api/v1/customers/{}", text(&made, "id"));
    assert!(text(&made, "id").starts_with("cus_"), "{made}");
    assert_eq!((&made["external_id"], &made["status"]), (&json!("shop-1"), &json!("new")));
    let patched = owner.patch(&path, json!({"name": "Shop One"})).await.expect(200);
    assert_eq!((&patched["name"], &patched["metadata"]), (&json!("Shop One"), &json!({"plan": "pro"})));
    assert_eq!(owner.get(&path).await.expect(200), patched);

    // Ensured by many at once, it is made once.
    let ensure = || owner.put("/api/v1/customers/by-external-id/shop%202", json!({"name": "Shop 2"}));
    let (a, b, c, d) = tokio::join!(ensure(), ensure(), ensure(), ensure());
    let ids: BTreeSet<_> = [a, b, c, d].map(|answer| text(&answer.expect_success(), "id")).into();
    assert_eq!(ids.len(), 1, "{ids:?}");
    let id = ids.first().expect("has one").clone();
    assert_eq!(owner.get(&format!("/api/v1/customers/{id}")).await.expect(200)["external_id"], "shop 2");

    for number in 3..=7 {
        owner
            .post("/api/v1/customers", json!({"external_id": format!("shop-{number}"), "name": "Shop"}))
            .await
            .expect(201);
    }
    let (mut seen, mut next) = (Vec::new(), "/api/v1/customers?limit=2".to_owned());
    loop {
        let page = owner.get(&next).await.expect(200);
        let rows = page["data"].as_array().expect("a page has data");
        assert!(rows.len() <= 2, "{page}");
        seen.extend(rows.iter().map(|row| text(row, "id")));
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        next = format!("/api/v1/customers?limit=2&cursor={cursor}");
    }
    let distinct: BTreeSet<_> = seen.iter().cloned().collect();
    assert_eq!((seen.len(), distinct.len()), (7, 7), "{seen:?}");

    assert!(owner.delete(&path).await.is_success());
    owner.get(&path).await.expect(404);
    assert_eq!(owner.list("/api/v1/customers").await.len(), 6);
    portico.stop().await;
}

#[tokio::test]
async fn a_connection_is_shown_and_ended() {
    let portico = Portico::start().await;
    let tenant = Tenant::new(&portico, "Connections").await;
    let shop = tenant.connect("shop").await;
    let path = format!("/api/v1/customers/{}/connection", shop.customer);
    let connection = tenant.owner.get(&path).await.expect(200).to_string();
    for id in [&shop.plugin, &shop.waba, &shop.phone] {
        assert!(connection.contains(id.as_str()), "the connection does not tell {id}: {connection}");
    }
    let ended = tenant.owner.delete(&path).await;
    assert!(ended.is_success(), "{ended}");
    eventually("the customer is disconnected", || async {
        let customer = tenant.owner.get(&format!("/api/v1/customers/{}", shop.customer)).await.expect(200);
        (customer["status"] == "disconnected").then_some(())
    })
    .await;
    let mut findings = Findings::new();
    findings.note("a send after the end", tenant.owner.post(&shop.messages(), message()).await.not_an_envelope(&[404]));
    let plugin = tenant.owner.get(&format!("/api/v1/plugins/{}", shop.plugin)).await;
    findings.check(plugin.status != 200 || plugin.at("/status") == "disconnected", || format!("{plugin}"));
    findings.finish();
    portico.stop().await;
}
