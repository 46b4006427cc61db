//! The log of proxied calls, from a request id to the call and from a question to its calls.

use serde_json::{Value, json};

use crate::harness::tenant::{message, text};
use crate::harness::{Caller, Findings, Portico, Tenant, eventually};

async fn logged(owner: &Caller, request_id: &str) -> Value {
    eventually("the call stands in the log", || async {
        let answer = owner.get(&format!("/api/v1/requests/{request_id}")).await;
        (answer.status == 200).then_some(answer.json)
    })
    .await
}

#[tokio::test]
async fn a_request_id_leads_to_the_call_and_filters_find_it_among_others() {
    let portico = Portico::start().await;
    let (tenant, other) = (Tenant::new(&portico, "Logged").await, Tenant::new(&portico, "Other").await);
    let (shop, second) = (tenant.connect("shop").await, tenant.connect("second").await);
    let mut findings = Findings::new();

    let sent = tenant.owner.post(&shop.messages(), message()).await;
    let id = sent.header("x-request-id").to_owned();
    sent.expect_success();
    let row = logged(&tenant.owner, &id).await;
    findings.check((&row["status"], &row["customer_id"]) == (&json!(200), &json!(shop.customer)), || row.to_string());
    let elsewhere = tenant.owner.post(&second.messages(), message()).await.header("x-request-id").to_owned();
    let failed = tenant.owner.get("/v1/ext/plugin/whatsapp/11111111-2222-4333-8444-555555555555/config").await;
    let failed = failed.header("x-request-id").to_owned();
    for id in [&elsewhere, &failed] {
        logged(&tenant.owner, id).await;
    }

    let key = text(&tenant.owner.get("/api/v1/whoami").await.expect(200), "id");
    let (at, operation) = (text(&row, "at"), text(&row, "operation"));
    let ids = async |query: &str| {
        let rows = tenant.owner.list(&format!("/api/v1/requests?{query}")).await;
        rows.iter().map(|row| text(row, "request_id")).collect::<Vec<_>>()
    };
    for (query, in_it, not_in_it) in [
        (format!("request_id={id}"), &id, &elsewhere),
        (format!("customer_id={}", second.customer), &elsewhere, &id),
        ("status=404".to_owned(), &failed, &id),
        ("status=4xx".to_owned(), &failed, &id),
        ("status=2xx".to_owned(), &id, &failed),
        (format!("operation={operation}"), &id, &failed),
        (format!("from={at}"), &id, &"none".to_owned()),
        (format!("to={at}"), &"none".to_owned(), &id),
        (format!("api_key_id={key}&status=200&customer_id={}", shop.customer), &id, &elsewhere),
        ("api_key_id=key_01h455vb4pex5vsknk084sn02q".to_owned(), &"none".to_owned(), &id),
    ] {
        let seen = ids(&query).await;
        let right = (in_it == "none" || seen.contains(in_it)) && !seen.contains(not_in_it);
        findings.check(right, || format!("{query}: {seen:?}"));
    }
    for query in ["status=5x", "status=999", "from=yesterday", "api_key_id=x", "state=200"] {
        let answer = tenant.owner.get(&format!("/api/v1/requests?{query}")).await;
        findings.note(query, answer.not_a_problem(&[400]));
    }

    // It is as if it were not there for another tenant, and for a key that is limited to another customer.
    let path = format!("/api/v1/requests/{id}");
    let limited = tenant.limited_key("owner", &[&second.customer]).await;
    for caller in [&other.owner, &limited] {
        let (foreign, unknown) = (caller.get(&path).await, caller.get("/api/v1/requests/req_0").await);
        findings.note("another's call", foreign.not_a_problem(&[404]));
        findings.check(foreign.shape(&[&id]) == unknown.shape(&["req_0"]), || format!("{foreign} {unknown}"));
        findings.check(caller.list(&format!("/api/v1/requests?request_id={id}")).await.is_empty(), || id.clone());
    }
    let messaging = tenant.key("messaging").await;
    findings.note("without requests:read", messaging.get(&path).await.not_a_problem(&[403]));
    findings.finish();
    portico.stop().await;
}

#[tokio::test]
async fn refused_calls_of_a_known_key_stand_in_its_tenants_log_and_are_no_use_of_it() {
    let portico = Portico::start().await;
    let tenant = Tenant::new(&portico, "Refused").await;
    let shop = tenant.connect("shop").await;
    let fenced = json!({"name": "fenced", "role": "messaging", "allowed_ips": ["192.0.2.0/24"]});
    let fenced = tenant.owner.post("/api/v1/api-keys", fenced).await.expect(201);
    let (id, caller) = (text(&fenced, "id"), tenant.owner.bearing(&text(&fenced, "secret")));
    let refused = caller.post(&shop.messages(), message()).await;
    assert_eq!(refused.at("/_meta/code"), "address_not_allowed", "{refused}");
    let row = logged(&tenant.owner, refused.header("x-request-id")).await;
    assert_eq!((&row["status"], &row["code"]), (&json!(403), &json!("address_not_allowed")), "{row}");
    assert_eq!((&row["api_key_id"], &row["upstream_status"]), (&json!(id), &Value::Null), "{row}");
    let key = tenant.owner.get(&format!("/api/v1/api-keys/{id}")).await.expect(200);
    assert!(key["last_used_at"].is_null(), "a refused call is no use: {key}");

    // The warning that Chakra refuses the stored key names the call in which it did.
    portico.sandbox().revoke_key(&tenant.chakra_key).await;
    let answer = tenant.owner.post(&shop.messages(), message()).await;
    assert_eq!(answer.at("/_meta/code"), "chakra_key_refused", "{answer}");
    let request_id = answer.header("x-request-id").to_owned();
    eventually("the audit log tells which call it was", || async {
        let entries = tenant.owner.list("/api/v1/audit-log?action=chakra_key.refused").await;
        entries.iter().any(|entry| entry.to_string().contains(&request_id)).then_some(())
    })
    .await;
    portico.stop().await;
}
