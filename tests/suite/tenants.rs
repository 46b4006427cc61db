//! The operator's tenants, and a tenant's own settings.

use serde_json::json;

use crate::harness::tenant::{message, text};
use crate::harness::{Findings, Portico, Tenant, eventually};

#[tokio::test]
async fn a_suspended_tenant_is_refused_until_it_is_resumed_and_a_deleted_one_is_gone() {
    let portico = Portico::start().await;
    let (tenant, bystander) = (Tenant::new(&portico, "Late payer").await, Tenant::new(&portico, "Bystander").await);
    let shop = tenant.connect("shop").await;
    let operator = portico.operator();
    let path = format!("/api/v1/tenants/{}", tenant.id);
    assert_eq!(operator.get(&path).await.expect(200)["name"], "Late payer");
    let ids: Vec<_> = operator.list("/api/v1/tenants").await.iter().map(|row| text(row, "id")).collect();
    assert!(ids.contains(&tenant.id) && ids.contains(&bystander.id), "{ids:?}");
    assert_eq!(operator.patch(&path, json!({"name": "Renamed"})).await.expect(200)["name"], "Renamed");

    let suspended = operator.patch(&path, json!({"status": "suspended"})).await.expect(200);
    assert_eq!((&suspended["status"], &suspended["name"]), (&json!("suspended"), &json!("Renamed")));
    eventually("the suspended tenant is refused", || async {
        (tenant.owner.get("/api/v1/customers").await.status == 403).then_some(())
    })
    .await;
    let mut findings = Findings::new();
    portico.sandbox().clear().await;
    findings.note("management", tenant.owner.get("/api/v1/customers").await.not_a_problem(&[403]));
    findings.note("a send", tenant.owner.post(&shop.messages(), message()).await.not_an_envelope(&[403]));
    let record = portico.sandbox().record().await;
    findings.check(record.is_empty(), || format!("a suspended tenant's call arrived at Chakra: {record:?}"));
    bystander.owner.get("/api/v1/customers").await.expect(200);

    operator.patch(&path, json!({"status": "active"})).await.expect(200);
    eventually("the resumed tenant sends again", || async {
        tenant.owner.post(&shop.messages(), message()).await.is_success().then_some(())
    })
    .await;

    let deleted = operator.delete(&path).await;
    assert!(deleted.is_success(), "{deleted}");
    eventually("the deleted tenant's keys are unknown", || async {
        (tenant.owner.get("/api/v1/customers").await.status == 401).then_some(())
    })
    .await;
    findings.note("the deleted tenant", operator.get(&path).await.not_a_problem(&[404]));
    findings.note("acting on it", tenant.operator.get("/api/v1/customers").await.not_a_problem(&[400, 404]));
    bystander.owner.get("/api/v1/customers").await.expect(200);
    findings.finish();
    portico.stop().await;
}

#[tokio::test]
async fn the_operator_names_the_tenant_and_a_tenant_keeps_its_settings() {
    let portico = Portico::start().await;
    let tenant = Tenant::new(&portico, "Settings").await;
    let mut findings = Findings::new();
    let nameless = portico.operator().get("/api/v1/customers").await;
    findings.check(nameless.text.contains("Portico-Tenant"), || format!("does not name the header: {nameless}"));
    findings.note("no tenant named", nameless.not_a_problem(&[400, 403]));
    let wrong =
        portico.operator().with("Portico-Tenant", "cus_01h455vb4pex5vsknk084sn02q").get("/api/v1/customers").await;
    findings.note("a tenant id of another kind", wrong.not_a_problem(&[400]));
    let stolen = tenant.owner.with("Portico-Tenant", portico.told("tenant_id")).get("/api/v1/tenant").await;
    findings
        .check(!stolen.text.contains(portico.told("tenant_id")), || format!("a key acted on another tenant: {stolen}"));

    assert_eq!(tenant.owner.get("/api/v1/tenant").await.expect(200)["id"], *tenant.id);
    let patch = json!({"allowed_origins": ["https://app.example.com"], "branding": {"primary_color": "#0a7cff"}});
    tenant.owner.patch("/api/v1/tenant", patch).await.expect(200);
    let settings = tenant.operator.get("/api/v1/tenant").await.expect(200);
    findings.check(settings["allowed_origins"] == json!(["https://app.example.com"]), || format!("{settings}"));
    findings.check(settings["branding"]["primary_color"] == "#0a7cff", || format!("{settings}"));
    findings.check(settings["default_chakra_key"] == *tenant.chakra_key_id, || format!("{settings}"));
    let bad = tenant.owner.patch("/api/v1/tenant", json!({"allowed_origins": ["https://app.example.com/path"]})).await;
    findings.note("an origin with a path", bad.names_no_field(&[400, 422], "/allowed_origins"));
    findings.finish();
    portico.stop().await;
}
