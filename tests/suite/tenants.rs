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
    assert_eq!(tenant.owner.get("/api/v1/tenant").await.expect(200)["id"], *tenant.id);
    let same = json!({"default_chakra_key": tenant.chakra_key_id});
    let settings = tenant.owner.patch("/api/v1/tenant", same).await.expect(200);
    findings.check(settings["default_chakra_key"] == *tenant.chakra_key_id, || format!("{settings}"));
    findings.check(settings["retention_days"].is_null(), || format!("nothing is deleted: {settings}"));
    findings.finish();
    portico.stop().await;
}

#[tokio::test]
async fn settings_without_an_effect_are_refused_by_name_and_change_nothing() {
    let portico = Portico::start().await;
    let (_, _, owner) = Tenant::bare(&portico, "Settings").await;
    let mut findings = Findings::new();
    let before = owner.get("/api/v1/tenant").await.expect(200);
    for (field, value) in [
        ("allowed_origins", json!(["https://app.example.com"])),
        ("branding", json!({})),
        ("graph_version", json!(null)),
        ("retention_days", json!(30)),
    ] {
        let answer = owner.patch("/api/v1/tenant", json!({field: value})).await;
        findings.note(field, answer.names_no_field(&[422], &format!("/{field}")));
        findings.check(answer.at("/code") == "not_offered", || answer.to_string());
    }
    let several = owner.patch("/api/v1/tenant", json!({"branding": {}, "retention_days": 1})).await;
    findings.check(several.at("/errors/1/pointer") == "/retention_days", || format!("not all are named: {several}"));
    findings.check(owner.get("/api/v1/tenant").await.expect(200) == before, || "something changed".to_owned());
    let tenant = format!("/api/v1/tenants/{}", before["id"].as_str().expect("has an id"));
    let limits = json!({"name": "Limited", "limits": {"tenant_per_second": 5}});
    let answer = portico.operator().patch(&tenant, limits).await;
    findings.note("limits", answer.names_no_field(&[422], "/limits"));
    findings.check(answer.at("/code") == "not_offered", || answer.to_string());
    findings.check(portico.operator().get(&tenant).await.at("/name") == "Settings", || "it was renamed".to_owned());
    findings.finish();
    portico.stop().await;
}

#[tokio::test]
async fn a_credential_with_the_name_of_another_tenant_does_nothing_on_either_surface() {
    let portico = Portico::start().await;
    let (tenant, other) = (Tenant::new(&portico, "Own").await, Tenant::new(&portico, "Other").await);
    let shop = tenant.connect("shop").await;
    let minted = json!({"permissions": ["customers:read", "messages:send"]});
    let minted = tenant.owner.post("/api/v1/tokens", minted).await.expect(201);
    let token = tenant.owner.bearing(&text(&minted, "token"));
    let mut findings = Findings::new();
    portico.sandbox().clear().await;
    for caller in [&tenant.owner, &token] {
        let foreign = caller.with("Portico-Tenant", &other.id);
        let unknown = caller.with("Portico-Tenant", "ten_01h455vb4pex5vsknk084sn02q");
        let (one, two) = (foreign.get("/api/v1/customers").await, unknown.get("/api/v1/customers").await);
        findings.check(one.at("/code") == "tenant_mismatch", || one.to_string());
        findings.note("management", one.not_a_problem(&[403]));
        findings.check(one.shape(&[]) == two.shape(&[]), || format!("tells that a tenant is there: {one} {two}"));
        let sent = foreign.post(&shop.messages(), message()).await;
        findings.note("a send", sent.not_an_envelope(&[403]));
        findings.check(sent.at("/_meta/code") == "tenant_mismatch", || sent.to_string());
        let malformed = caller.with("Portico-Tenant", "Own").get("/api/v1/customers").await;
        findings.note("no id", malformed.not_a_problem(&[400]));
        // The own one is no contradiction.
        caller.with("Portico-Tenant", &tenant.id).get("/api/v1/customers").await.expect(200);
    }
    let record = portico.sandbox().record().await;
    findings.check(record.is_empty(), || format!("arrived at Chakra: {record:?}"));
    let refused = tenant.owner.list("/api/v1/audit-log?outcome=refused").await;
    findings.check(!refused.is_empty(), || "the own audit log does not tell".to_owned());
    findings.check(other.owner.list("/api/v1/audit-log?outcome=refused").await.is_empty(), || "theirs does".to_owned());
    findings.finish();
    portico.stop().await;
}
