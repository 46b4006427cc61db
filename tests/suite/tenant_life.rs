//! Suspension, export and the end of a tenant.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::harness::tenant::{message, text};
use crate::harness::{Findings, Owner, Portico, Serve, Tenant, eventually};

#[tokio::test]
async fn a_suspension_is_told_by_an_event_and_leaves_the_operator_free_to_act() {
    let portico = Portico::start().await;
    let tenant = Tenant::new(&portico, "Suspended").await;
    let path = format!("/api/v1/tenants/{}", tenant.id);
    let operator = portico.operator();
    operator.patch(&path, json!({"status": "suspended"})).await.expect(200);
    operator.patch(&path, json!({"status": "suspended"})).await.expect(200);
    let refused = tenant.owner.get("/api/v1/customers").await;
    assert_eq!((refused.status, refused.at("/code")), (403, &json!("tenant_suspended")));
    tenant.operator.get("/api/v1/customers").await.expect(200);
    tenant.operator.put("/api/v1/customers/by-external-id/x", json!({"name": "X"})).await.expect(201);
    operator.patch(&path, json!({"status": "active"})).await.expect(200);

    let mut database = Owner::of(&portico).await;
    let events =
        database.texts("select payload::text from outbox where event_type like 'tenant.%' order by created_at").await;
    let events: Vec<Value> = events.iter().map(|event| serde_json::from_str(event).expect("is JSON")).collect();
    let told: Vec<_> = events.iter().map(|event| (text(event, "type"), text(event, "tenant_id"))).collect();
    let expected = ["tenant.suspended", "tenant.resumed"].map(|kind| (kind.to_owned(), tenant.id.clone()));
    assert_eq!(told, expected, "{events:?}");
    assert!(events.iter().all(|event| text(event, "id").starts_with("evt_") && event["timestamp"].is_string()));

    // The tenant sees what the operator did, and the operator keeps it too.
    let actions = |records: Vec<Value>| -> Vec<String> {
        records
            .iter()
            .rev()
            .map(|record| text(&record["entry"], "action"))
            .filter(|action| action.starts_with("tenant."))
            .collect()
    };
    let seen = actions(tenant.owner.list("/api/v1/audit-log").await);
    assert_eq!(seen, ["tenant.create", "tenant.suspend", "tenant.change", "tenant.resume"]);
    let own = operator.list("/api/v1/operator/audit-log").await;
    let own = own.into_iter().filter(|record| record["entry"]["target"]["id"] == tenant.id.as_str()).collect();
    assert_eq!(actions(own), seen);
    let stolen = tenant.owner.get("/api/v1/operator/audit-log").await;
    assert_eq!(stolen.not_a_problem(&[403]), None);
    portico.stop().await;
}

/// The lines of a bundle by their type.
fn by_type(bundle: &str) -> BTreeMap<String, Vec<Value>> {
    let mut all: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for line in bundle.lines() {
        let line: Value = serde_json::from_str(line).expect("each line is JSON");
        all.entry(text(&line, "type")).or_default().push(line["data"].clone());
    }
    all
}

#[tokio::test]
async fn an_export_holds_everything_of_the_tenant_but_secrets() {
    let portico = Portico::start().await;
    let (tenant, other) = (Tenant::new(&portico, "Exported").await, Tenant::new(&portico, "Other").await);
    let shop = tenant.connect("shop").await;
    let sender = tenant.limited_key("messaging", &[shop.customer.as_str()]).await;
    sender.post(&shop.messages(), message()).await.expect_success();
    let mut database = Owner::of(&portico).await;
    let uuid = tenant.id.parse::<portico_domain::TenantId>().expect("is an id").uuid();
    // More than one part of a table.
    database.run(&format!("insert into learned_ids (tenant_id, kind, id) select '{uuid}', 'message', 'wamid.' || n from generate_series(1, 1234) n")).await;
    eventually("the call is in the request log", || async {
        (!tenant.owner.get("/api/v1/requests").await.json["data"].as_array()?.is_empty()).then_some(())
    })
    .await;

    let mut findings = Findings::new();
    findings.note("an admin", tenant.key("admin").await.get("/api/v1/tenant/export").await.not_a_problem(&[403]));
    // Logs and uses are written a moment after the call: what did not change around the export is what it must hold.
    let mut tries = 0;
    let (answer, counts) = loop {
        let before = database.rows_of(&tenant.id).await;
        let answer = tenant.owner.get("/api/v1/tenant/export").await;
        let after = database.rows_of(&tenant.id).await;
        // The export writes an audit entry about itself.
        let others = |counts: &[(String, i64)]| {
            counts.iter().filter(|(table, _)| table != "audit_log").cloned().collect::<Vec<_>>()
        };
        if others(&before) == others(&after) {
            break (answer, after);
        }
        tries += 1;
        assert!(tries < 100, "the tenant's rows never settle: {before:?}, then {after:?}");
    };
    assert_eq!((answer.status, answer.header("content-type")), (200, "application/x-ndjson"), "{answer}");
    let lines: Vec<_> = answer.text.lines().collect();
    findings
        .check(lines[0].contains("\"manifest\"") && lines.last().is_some_and(|end| end.contains("\"end\"")), || {
            lines[0].to_owned()
        });
    let bundle = by_type(&answer.text);
    let ends = &bundle["end"][0]["rows"];
    for (table, count) in counts {
        if ["data_keys", "audit_heads", "chakra_teams"].contains(&table.as_str()) {
            findings.check(!bundle.contains_key(&table), || format!("{table} is exported"));
            continue;
        }
        let rows = bundle.get(&table).map_or(0, Vec::len);
        findings.check(ends[&table] == rows, || format!("{table}: the end says {}", ends[&table]));
        findings.check(i64::try_from(rows) == Ok(count), || format!("{table}: {rows} of {count} rows"));
        let named = bundle["manifest"][0]["tables"].as_array().is_some_and(|all| all.contains(&json!(table)));
        findings.check(named, || format!("{table} is not in the manifest"));
    }
    findings.check(bundle["customers"][0]["customer_id"] == shop.customer.as_str(), || {
        format!("{:?}", bundle["customers"])
    });
    findings.check(bundle["plugins"][0]["plugin_id"] == shop.plugin.as_str(), || format!("{:?}", bundle["plugins"]));
    findings.check(bundle["chakra_keys"][0].get("last4").is_some(), || format!("{:?}", bundle["chakra_keys"]));
    let log = tenant.owner.list("/api/v1/audit-log").await;
    let exported = bundle["audit_log"].last().expect("has entries");
    findings.check(log.first() == Some(exported), || format!("{exported}"));
    findings.check(exported["entry"]["action"] == "tenant.export", || format!("{exported}"));
    for secret in [
        tenant.owner.token(),
        sender.token(),
        tenant.chakra_key.as_str(),
        other.id.as_str(),
        other.chakra_key_id.as_str(),
    ] {
        findings.check(!answer.text.contains(secret), || "a secret, or another tenant's id".to_owned());
    }
    for column in ["secret_hash", "access_token", "wrapped", "team_fingerprint", "\"mac\""] {
        findings.check(!answer.text.contains(column), || format!("{column} is exported"));
    }
    let by_operator = by_type(&tenant.operator.get("/api/v1/tenant/export").await.text);
    findings.check(by_operator["customers"] == bundle["customers"], || "the operator's export differs".to_owned());
    findings.finish();
    portico.stop().await;
}

#[tokio::test]
async fn an_erased_tenant_is_gone_at_once_and_its_rows_even_after_kill_9() {
    let portico = Portico::start().await;
    let (tenant, bystander) = (Tenant::new(&portico, "Leaving").await, Tenant::new(&portico, "Staying").await);
    let shop = tenant.connect("shop").await;
    tenant.owner.post(&shop.messages(), message()).await.expect_success();
    let serve = Serve::start(&portico, portico.told("sandbox_url")).await;
    tenant.owner.at(serve.url()).post(&shop.messages(), message()).await.expect_success();
    let mut database = Owner::of(&portico).await;
    let uuid = tenant.id.parse::<portico_domain::TenantId>().expect("is an id").uuid();
    database
        .run(&format!(
            "insert into requests (tenant_id, at, request_id, entry_id, operation, method, status, duration_us)
             select '{uuid}', now(), 'r', gen_random_uuid(), 'seeded', 'GET', 200, n from generate_series(1, 20000) n;
             insert into learned_ids (tenant_id, kind, id) select '{uuid}', 'message', 'wamid.' || n from generate_series(1, 20000) n"
        ))
        .await;
    let staying = database.rows_of(&bystander.id).await;
    let end = tenant.owner.get("/api/v1/audit-log/verify").await.expect(200);

    // Somebody holds a row in the middle, so that the purge stands still there.
    let mut holder = Owner::of(&portico).await;
    holder.run(&format!("begin; select 1 from requests where tenant_id = '{uuid}' and duration_us = 10000 and operation = 'seeded' for update")).await;
    let path = format!("/api/v1/tenants/{}", tenant.id);
    let operator = portico.operator();
    operator.delete(&path).await.expect(204);
    let mut findings = Findings::new();
    for caller in [tenant.owner.clone(), tenant.owner.at(serve.url())] {
        eventually("the erased tenant's key is unknown", || async {
            (caller.get("/api/v1/customers").await.status == 401).then_some(())
        })
        .await;
        findings.note("a send", caller.post(&shop.messages(), message()).await.not_an_envelope(&[401]));
    }
    findings.note("reading it", operator.get(&path).await.not_a_problem(&[404]));
    findings.note("deleting it again", operator.delete(&path).await.not_a_problem(&[404]));
    findings.note("changing it", operator.patch(&path, json!({"status": "active"})).await.not_a_problem(&[404]));
    findings.note("acting on it", tenant.operator.get("/api/v1/customers").await.not_a_problem(&[404]));
    let listed = operator.list("/api/v1/tenants").await;
    findings.check(listed.iter().all(|row| row["id"] != tenant.id.as_str()), || "it is listed".to_owned());
    for table in ["data_keys", "chakra_keys", "api_keys"] {
        let left = database.texts(&format!("select tenant_id::text from {table} where tenant_id = '{uuid}'")).await;
        findings.check(left.is_empty(), || format!("{table} is left"));
    }
    // Its plugin can be another's at once.
    let adopter = Tenant::on_team(&portico, "Adopter", &tenant.chakra_key).await;
    let customer = adopter.customer("taken-over").await;
    let body = json!({"customer_id": customer, "plugin_id": shop.plugin});
    adopter.owner.post("/api/v1/plugins", body).await.expect(201);

    // The purge reaches the row that is held; then every process of it dies.
    let left = format!("select count(*)::text from requests where tenant_id = '{uuid}'");
    let mut counts: Vec<i64> = vec![20_000];
    while counts.last().is_some_and(|count| *count > 11_000) {
        counts.push(database.texts(&left).await[0].parse().expect("is a number"));
        assert!(counts.len() < 20_000, "the purge does not move: {:?}", counts.last());
    }
    let half: i64 = database.texts(&left).await[0].parse().expect("is a number");
    findings.check(half > 0, || format!("{half} rows of requests are left"));
    drop(serve);
    let data = portico.kill_all().await;
    drop((database, holder));
    let portico = Portico::start_on(data).await;
    let mut database = Owner::of(&portico).await;
    let rows = database.rows_of(&tenant.id).await;
    // The purge goes on at once, and may be as good as done by now.
    let others = rows.iter().any(|(table, _)| !matches!(table.as_str(), "tenants" | "audit_log"));
    let has_log = rows.iter().any(|(table, _)| table == "audit_log");
    findings.check(has_log || !others, || format!("the log went first: {rows:?}"));
    let end_of_purge = std::time::Instant::now() + crate::harness::DEADLINE;
    while !database.rows_of(&tenant.id).await.is_empty() {
        assert!(std::time::Instant::now() < end_of_purge, "{:?}", database.rows_of(&tenant.id).await);
    }
    let bystanders: Vec<_> = database.rows_of(&bystander.id).await;
    findings.check(bystanders == staying, || format!("{staying:?} became {bystanders:?}"));

    // The operator's own log keeps who did it, and where the tenant's log ended.
    let own = portico.operator().list("/api/v1/operator/audit-log").await;
    let kept = own
        .iter()
        .map(|record| &record["entry"])
        .find(|entry| entry["action"] == "tenant.delete" && entry["target"]["id"] == tenant.id.as_str());
    let kept = kept.expect("the deletion is kept");
    let last = text(&kept["changes"]["audit_log_end"], "before");
    let before = end["head"]["seq"].as_u64().expect("is a number");
    findings.check(last.starts_with(&format!("{}:", before + 1)), || format!("{last} after {before}"));
    findings.check(kept["actor"]["kind"] == "operator" && kept["address"] == "127.0.0.1", || format!("{kept}"));
    findings.finish();
    portico.stop().await;
}
