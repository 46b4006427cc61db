//! The audit log: read, exported, verified, and tampered with.

use std::io::Write as _;
use std::process::{Command, Stdio};

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::tenant::text;
use crate::harness::{Body, Caller, Findings, Owner, Portico, Tenant, run_beside};

/// The lines of an export.
async fn export(caller: &Caller, path: &str) -> (String, Vec<Value>) {
    let answer = caller.get(path).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "application/x-ndjson"), "{answer}");
    let lines = answer.text.lines().map(|line| serde_json::from_str(line).expect("each line is JSON")).collect();
    (answer.text, lines)
}

/// The program that the documentation gives for verifying an export.
async fn documented_program(portico: &Portico) -> String {
    let page = portico.anonymous().get("/docs/audit-log").await;
    assert_eq!(page.status, 200, "{page}");
    let (_, after) = page.text.split_once("<pre><code>import hashlib").expect("the page has the program");
    let (program, _) = after.split_once("</code></pre>").expect("the program ends");
    let program = program.replace("&quot;", "\"").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    format!("import hashlib{program}")
}

/// Runs it on an export: whether it is content, and what it says.
fn python(program: &str, export: &str) -> (bool, String) {
    let mut child = Command::new("python3")
        .args(["-c", program])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("python3 is there");
    child.stdin.take().expect("is piped").write_all(export.as_bytes()).expect("reads");
    let output = child.wait_with_output().expect("ends");
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

#[tokio::test]
async fn a_tenant_reads_its_log_and_verifies_an_export_without_portico() {
    let portico = Portico::start().await;
    let tenant = Tenant::new(&portico, "Audited").await;
    let bystander = Tenant::new(&portico, "Bystander").await;
    let owner = &tenant.owner;
    let mut findings = Findings::new();
    let customer = tenant.customer("Grüße").await;
    let path = format!("/api/v1/customers/{customer}");
    let named = json!({"name": "Bäckerei \"Sôleil\" \u{1f950} \\", "metadata": {"ß": "ü\u{1}\u{7f}\n", "a": "1"}});
    owner.patch(&path, named).await.expect(200);
    let viewer = tenant.key("viewer").await;
    viewer.patch(&path, json!({"name": "x"})).await.expect(403);

    // In pages, newest first; each filter narrows.
    let all = owner.list("/api/v1/audit-log").await;
    let places: Vec<_> = all.iter().map(|record| record["seq"].as_u64().expect("is a number")).collect();
    let count = places.len() as u64;
    assert_eq!(places, (1..=count).rev().collect::<Vec<_>>());
    let part = owner.get("/api/v1/audit-log?limit=2").await.expect(200);
    let cursor = text(&part, "next_cursor");
    let next = owner.get(&format!("/api/v1/audit-log?limit=2&cursor={cursor}")).await.expect(200);
    assert_eq!(next["data"], json!(all[2..4]));
    let found = async |query: &str| -> Vec<Value> {
        let page = owner.get(&format!("/api/v1/audit-log?{query}")).await.expect(200);
        page["data"].as_array().expect("is a list").iter().map(|record| record["entry"].clone()).collect()
    };
    let changed = found("action=customer.change").await;
    findings.check(changed.len() == 1, || format!("{changed:?}"));
    let name = &changed[0]["changes"]["name"];
    findings.check(name["before"] == "Shop Grüße" && name["after"] != Value::Null, || format!("{changed:?}"));
    findings.check(changed[0]["changes"].get("updated_at").is_none(), || format!("{changed:?}"));
    let of_target = found(&format!("target_id={customer}")).await;
    findings.check(of_target.len() == 2, || format!("{of_target:?}"));
    let refused = found("outcome=refused").await;
    findings
        .check(refused.len() == 1 && refused[0]["action"] == "PATCH /api/v1/customers/{id}", || format!("{refused:?}"));
    let key = text(&refused[0]["actor"], "id");
    findings.check(found(&format!("actor_id={key}")).await.len() == 1, || "by actor".to_owned());
    let at = text(&changed[0], "at");
    findings.check(found(&format!("from={at}&limit=200")).await.len() < all.len(), || "from".to_owned());
    findings.check(found(&format!("to={at}&action=customer.change")).await.is_empty(), || "to".to_owned());
    for query in ["from=yesterday", "outcome=maybe", "cursor=x", "action=%00", "order=asc", "actor_id="] {
        findings.note(query, owner.get(&format!("/api/v1/audit-log?{query}")).await.not_a_problem(&[400]));
    }

    // Nobody else reads it, nor a part of the tenant.
    findings.note("a viewer", viewer.get("/api/v1/audit-log").await.not_a_problem(&[403]));
    let limited = tenant.limited_key("owner", &[customer.as_str()]).await;
    for path in ["/api/v1/audit-log", "/api/v1/audit-log/verify", "/api/v1/audit-log/export", "/api/v1/tenant/export"] {
        findings.note(path, limited.get(path).await.not_a_problem(&[403]));
    }
    let theirs = bystander.owner.get("/api/v1/audit-log?limit=200").await;
    findings.check(!theirs.text.contains(&customer), || format!("another tenant's log: {theirs}"));

    // The export is what the log holds, verifies by the documented program, and holds no secret.
    let (exported, lines) = export(owner, "/api/v1/audit-log/export").await;
    let mut listed = owner.list("/api/v1/audit-log").await;
    listed.reverse();
    assert_eq!(lines, listed);
    for secret in [owner.token(), viewer.token(), tenant.chakra_key.as_str(), portico.told("operator_token")] {
        findings.check(!exported.contains(secret), || "a secret is in the audit log".to_owned());
    }
    let program = documented_program(&portico).await;
    let (content, said) = python(&program, &exported);
    let head = &lines.last().expect("has lines")["hash"];
    findings.check(content && said.contains(head.as_str().expect("is a text")), || said.clone());
    let (content, said) = python(&program, &exported.replace("Shop Grüße", "Shop Grübe"));
    findings.check(!content && said.contains("changed"), || said.clone());
    let missing: Vec<_> = exported.lines().enumerate().filter(|(at, _)| *at != 2).map(|(_, line)| line).collect();
    let (content, said) = python(&program, &(missing.join("\n") + "\n"));
    findings.check(!content, || said.clone());
    let (_, part) = export(owner, &format!("/api/v1/audit-log/export?from={at}")).await;
    findings
        .check(part.first() == lines.iter().find(|line| line["entry"]["at"] == at.as_str()), || format!("{part:?}"));

    let verdict = owner.get("/api/v1/audit-log/verify").await.expect(200);
    findings.check(verdict["valid"] == true && verdict["fault"].is_null(), || format!("{verdict}"));
    let noted = format!("{}:{}", verdict["head"]["seq"], text(&verdict["head"], "hash"));
    let verdict = owner.get(&format!("/api/v1/audit-log/verify?expect={noted}")).await.expect(200);
    findings.check(verdict["valid"] == true, || format!("{verdict}"));
    let other = format!("3:{}", "ab".repeat(32));
    let verdict = owner.get(&format!("/api/v1/audit-log/verify?expect={other}")).await.expect(200);
    findings.check(verdict["fault"]["kind"] == "head" && verdict["fault"]["seq"] == 3, || format!("{verdict}"));
    findings.note("expect", owner.get("/api/v1/audit-log/verify?expect=x").await.not_a_problem(&[400]));
    findings.finish();
    portico.stop().await;
}

#[tokio::test]
async fn the_command_finds_what_was_tampered_with() {
    let portico = Portico::start().await;
    let (id, operator, owner) = Tenant::bare(&portico, "Tampered").await;
    let (other, ..) = Tenant::bare(&portico, "Untouched").await;
    for number in 0..5 {
        owner
            .put(&format!("/api/v1/customers/by-external-id/{number}"), json!({"name": "Shop"}))
            .await
            .expect_success();
    }
    let (code, said) = run_beside(&portico, &["audit", "verify"]).await;
    assert_eq!(code, Some(0), "{said}");
    for name in ["operator", id.as_str(), other.as_str(), portico.told("tenant_id")] {
        assert!(said.lines().any(|line| line.starts_with("ok") && line.contains(name)), "{name}: {said}");
    }
    let (_, noted) = said.lines().find_map(|line| line.split_once(&format!("{id}  "))).expect("tells the end");
    let noted = noted.to_owned();
    let (code, said) = run_beside(&portico, &["audit", "verify", "--tenant", &id, "--expect", &noted]).await;
    assert_eq!(code, Some(0), "{said}");
    assert!(!said.contains(&other), "{said}");

    let mut database = Owner::of(&portico).await;
    let uuid = id.parse::<portico_domain::TenantId>().expect("is an id").uuid();
    database.run(&format!("update audit_log set entry = replace(entry::text, 'Shop', 'Shot')::json where tenant_id = '{uuid}' and seq = 4")).await;
    let (code, said) = run_beside(&portico, &["audit", "verify"]).await;
    assert_eq!(code, Some(1), "{said}");
    let fault = format!("FAIL  {id}  changed at 4:");
    assert!(said.contains(&fault) && said.contains(&format!("ok    {other}")), "{said}");
    let verdict = operator.get("/api/v1/audit-log/verify").await.expect(200);
    assert_eq!((&verdict["fault"]["kind"], &verdict["fault"]["seq"]), (&json!("changed"), &json!(4)));

    // A chain of which nothing is left, and the operator's own.
    let gone = other.parse::<portico_domain::TenantId>().expect("is an id").uuid();
    database
        .run(&format!(
            "delete from audit_log where tenant_id = '{gone}'; delete from audit_heads where tenant_id = '{gone}';
             delete from audit_log where tenant_id = '00000000-0000-0000-0000-000000000000' and seq = 2"
        ))
        .await;
    let (code, said) = run_beside(&portico, &["audit", "verify"]).await;
    assert_eq!(code, Some(1), "{said}");
    for fault in [format!("FAIL  {other}  missing at 1:"), "FAIL  operator  missing at 2:".to_owned()] {
        assert!(said.contains(&fault), "{fault}: {said}");
    }
    let (code, said) = run_beside(&portico, &["audit", "verify", "--expect", "x"]).await;
    assert_eq!(code, Some(2), "{said}");
    portico.stop().await;
}

#[tokio::test]
async fn a_burst_of_changes_and_a_flood_of_refusals_leave_a_whole_chain() {
    let portico = Portico::start().await;
    let tenant = Tenant::new(&portico, "Busy").await;
    let viewer = tenant.key("viewer").await;
    let body = json!({"external_id": "x", "name": "x"});
    let calls = (0..50).map(|number| {
        let owner = tenant.owner.clone();
        tokio::spawn(async move {
            let path = format!("/api/v1/customers/by-external-id/burst-{number}");
            owner.put(&path, json!({"name": "Burst"})).await.expect(201);
        })
    });
    let refused = (0..300).map(|_| {
        let (viewer, body) = (viewer.clone(), Body::Json(body.clone()));
        tokio::spawn(async move {
            viewer.send(Method::POST, "/api/v1/customers", body).await.expect(403);
        })
    });
    for call in calls.chain(refused).collect::<Vec<_>>() {
        call.await.expect("every call is answered");
    }
    // Every refusal counts: a hundred in entries of their own, the rest in one when the minute is over or
    // the gateway stops.
    let data = portico.stop().await;
    let portico = Portico::start_on(data).await;
    let owner = tenant.owner.at(portico.told("gateway_url"));
    let entries: Vec<_> = owner.list("/api/v1/audit-log").await.iter().map(|record| record["entry"].clone()).collect();
    let made = entries.iter().filter(|entry| entry["action"] == "customer.create").count();
    assert_eq!(made, 50);
    let refused: Vec<_> = entries.iter().filter(|entry| entry["outcome"] == "refused").collect();
    let attempts: u64 = refused.iter().map(|entry| entry["attempts"].as_u64().unwrap_or(1)).sum();
    assert_eq!(attempts, 300);
    assert!(refused.len() < 200, "{}", refused.len());
    let verdict = owner.get("/api/v1/audit-log/verify").await.expect(200);
    assert_eq!(verdict["valid"], true, "{verdict}");
    portico.stop().await;
}

#[tokio::test]
async fn changes_of_one_thing_at_once_are_told_one_after_the_other() {
    let portico = Portico::start().await;
    let database = crate::harness::database::Database::of(&portico).await;
    let tenant = Tenant::new(&portico, "At once").await;
    let shop = tenant.connect("shop").await;
    let mut findings = Findings::new();
    let bodies = |body: fn(u32) -> Value| (0..24).map(body).collect::<Vec<_>>();
    for (action, path, field, bodies) in [
        (
            "chakra_key.change",
            format!("/api/v1/chakra-keys/{}", tenant.chakra_key_id),
            "name",
            bodies(|number| json!({"name": format!("key {number}")})),
        ),
        (
            "phone_number.change",
            format!("/api/v1/phone-numbers/{}", shop.phone),
            "is_active",
            bodies(|number| json!({"is_active": number % 2 == 0})),
        ),
    ] {
        let calls = bodies.into_iter().map(|body| {
            let (owner, path) = (tenant.owner.clone(), path.clone());
            tokio::spawn(async move { owner.patch(&path, body).await.expect(200) })
        });
        for call in calls.collect::<Vec<_>>() {
            call.await.expect("does not panic");
        }
        // A change that left the field as it was names it not.
        let entries = database.audited(&tenant.id, action).await;
        findings.check(entries.len() == 24, || format!("{action}: {} entries", entries.len()));
        let changes: Vec<_> =
            entries.iter().map(|entry| &entry["changes"][field]).filter(|one| one.is_object()).collect();
        let broken = changes.windows(2).find(|two| two[0]["after"] != two[1]["before"]);
        findings.check(broken.is_none(), || format!("{action}: {broken:?}"));
    }
    findings.finish();
    portico.stop().await;
}
