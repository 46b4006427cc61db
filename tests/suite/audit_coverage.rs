//! Every route that changes something leaves an entry in the audit log, and every refusal does.
//!
//! The routes come from the OpenAPI document, so a new one fails here until there is an example of it in
//! [`change`], or a reason in [`UNWRITTEN`].

use serde_json::{Value, json};

use crate::harness::tenant::text;
use crate::harness::{Answer, Body, Caller, Connected, Findings, Portico, Tenant};
use crate::members::join;

/// Routes whose success leaves no entry, and why.
const UNWRITTEN: &[(&str, &str)] = &[];

/// Each route of the management API that the predicate keeps: method, template, permission.
async fn routes(portico: &Portico, keep: impl Fn(&str, &str) -> bool) -> Vec<(reqwest::Method, String, String)> {
    let document = portico.anonymous().get("/openapi.json").await.expect(200);
    let mut routes = Vec::new();
    for (path, item) in document["paths"].as_object().expect("has paths") {
        for (method, operation) in item.as_object().expect("is an object") {
            let Some(permission) = operation["x-portico-permission"].as_str() else { continue };
            let method = method.to_uppercase();
            if path.starts_with("/api/v1/") && keep(&method, permission) {
                routes.push((method.parse().expect("is a method"), path.clone(), permission.to_owned()));
            }
        }
    }
    assert!(routes.len() > 20, "{routes:?}");
    routes
}

/// One successful call of a route; none where there is no example.
async fn change(portico: &Portico, tenant: &Tenant, shop: &Connected, route: &str) -> Option<Answer> {
    let (owner, operator) = (&tenant.owner, portico.operator());
    let made = async |path: &str, body: Value| text(&owner.post(path, body).await.expect(201), "id");
    let role = || made("/api/v1/roles", json!({"name": random("role"), "permissions": ["customers:read"]}));
    let key = || made("/api/v1/api-keys", json!({"name": random("key"), "role": "viewer"}));
    let customer = || made("/api/v1/customers", json!({"external_id": random("shop"), "name": "Shop"}));
    let plugin = async || {
        let body = json!({"customer_id": customer().await, "name": random("plugin")});
        made("/api/v1/plugins", body).await
    };
    Some(match route {
        "POST /api/v1/tenants" => operator.post("/api/v1/tenants", json!({"name": "Another"})).await,
        "PATCH /api/v1/tenants/{id}" => {
            operator.patch(&format!("/api/v1/tenants/{}", tenant.id), json!({"name": random("name")})).await
        }
        "DELETE /api/v1/tenants/{id}" => {
            let other = Tenant::bare(portico, "To be deleted").await.0;
            operator.delete(&format!("/api/v1/tenants/{other}")).await
        }
        "PUT /api/v1/tenants/{id}/team-sharing/{other}" | "DELETE /api/v1/tenants/{id}/team-sharing/{other}" => {
            let other = Tenant::bare(portico, "Of a team").await.0;
            let leave = format!("/api/v1/tenants/{}/team-sharing/{other}", tenant.id);
            let given = operator.send(reqwest::Method::PUT, &leave, Body::None).await;
            if route.starts_with("PUT") { given } else { operator.delete(&leave).await }
        }
        "POST /api/v1/roles" => {
            owner.post("/api/v1/roles", json!({"name": random("role"), "permissions": ["customers:read"]})).await
        }
        "PATCH /api/v1/roles/{id}" => {
            owner.patch(&format!("/api/v1/roles/{}", role().await), json!({"permissions": ["media:read"]})).await
        }
        "DELETE /api/v1/roles/{id}" => owner.delete(&format!("/api/v1/roles/{}", role().await)).await,
        "POST /api/v1/api-keys" => {
            owner.post("/api/v1/api-keys", json!({"name": random("key"), "role": "viewer"})).await
        }
        "PATCH /api/v1/api-keys/{id}" => {
            owner.patch(&format!("/api/v1/api-keys/{}", key().await), json!({"name": random("key")})).await
        }
        "DELETE /api/v1/api-keys/{id}" => owner.delete(&format!("/api/v1/api-keys/{}", key().await)).await,
        "POST /api/v1/api-keys/{id}/rotate" => {
            owner.post(&format!("/api/v1/api-keys/{}/rotate", key().await), json!({"overlap_seconds": 60})).await
        }
        "PUT /api/v1/customers/by-external-id/{external_id}" => {
            let path = format!("/api/v1/customers/by-external-id/{}", random("shop"));
            owner.put(&path, json!({"name": "Shop"})).await
        }
        "POST /api/v1/customers" => {
            owner.post("/api/v1/customers", json!({"external_id": random("shop"), "name": "Shop"})).await
        }
        "PATCH /api/v1/customers/{id}" => {
            owner.patch(&format!("/api/v1/customers/{}", customer().await), json!({"name": random("Shop")})).await
        }
        "DELETE /api/v1/customers/{id}" => owner.delete(&format!("/api/v1/customers/{}", customer().await)).await,
        "DELETE /api/v1/customers/{id}/connection" => {
            let other = tenant.connect(&random("shop")).await;
            owner.delete(&format!("/api/v1/customers/{}/connection", other.customer)).await
        }
        "POST /api/v1/plugins" => {
            owner.post("/api/v1/plugins", json!({"customer_id": customer().await, "name": random("plugin")})).await
        }
        "DELETE /api/v1/plugins/{plugin_id}" => owner.delete(&format!("/api/v1/plugins/{}", plugin().await)).await,
        "POST /api/v1/plugins/{plugin_id}/sync" => {
            owner.post_empty(&format!("/api/v1/plugins/{}/sync", shop.plugin)).await
        }
        "PATCH /api/v1/plugins/{plugin_id}/configuration" => {
            let path = format!("/api/v1/plugins/{}/configuration", shop.plugin);
            let tag = owner.get(&path).await.header("etag").to_owned();
            let wanted = json!({"pass_through_webhook_url": format!("https://example.com/{}", random("hook"))});
            owner.with("If-Match", &tag).patch(&path, wanted).await
        }
        "PATCH /api/v1/phone-numbers/{id}" => {
            owner.patch(&format!("/api/v1/phone-numbers/{}", shop.phone), json!({"is_active": false})).await
        }
        _ if route.contains("/chakra-keys") || route == "PATCH /api/v1/tenant" => {
            return chakra_keys(portico, tenant, route).await;
        }
        _ => return people_and_tokens(portico, owner, route).await,
    })
}

/// The same for Chakra keys, and for which of them calls use.
async fn chakra_keys(portico: &Portico, tenant: &Tenant, route: &str) -> Option<Answer> {
    let owner = &tenant.owner;
    let chakra_key = async || {
        let body = json!({"name": random("chakra"), "access_token": portico.sandbox().team().await});
        text(&owner.post("/api/v1/chakra-keys", body).await.expect(201), "id")
    };
    Some(match route {
        "POST /api/v1/chakra-keys" => {
            let body = json!({"name": random("chakra"), "access_token": portico.sandbox().team().await});
            owner.post("/api/v1/chakra-keys", body).await
        }
        "PATCH /api/v1/chakra-keys/{id}" => {
            let path = format!("/api/v1/chakra-keys/{}", chakra_key().await);
            owner.patch(&path, json!({"name": random("chakra")})).await
        }
        "DELETE /api/v1/chakra-keys/{id}" => owner.delete(&format!("/api/v1/chakra-keys/{}", chakra_key().await)).await,
        "POST /api/v1/chakra-keys/{id}/verify" => {
            owner.post_empty(&format!("/api/v1/chakra-keys/{}/verify", chakra_key().await)).await
        }
        "POST /api/v1/chakra-keys/{id}/replace" => {
            let body = json!({"access_token": portico.sandbox().team().await});
            owner.post(&format!("/api/v1/chakra-keys/{}/replace", chakra_key().await), body).await
        }
        "POST /api/v1/chakra-keys/{id}/set-default" => {
            let answer = owner.post_empty(&format!("/api/v1/chakra-keys/{}/set-default", chakra_key().await)).await;
            let back = format!("/api/v1/chakra-keys/{}/set-default", tenant.chakra_key_id);
            owner.post_empty(&back).await.expect_success();
            answer
        }
        "PATCH /api/v1/tenant" => {
            let with = |key: &str| json!({"default_chakra_key": key});
            let answer = owner.patch("/api/v1/tenant", with(&chakra_key().await)).await;
            owner.patch("/api/v1/tenant", with(&tenant.chakra_key_id)).await.expect_success();
            answer
        }
        _ => return None,
    })
}

/// The same for what has to do with people and tokens.
async fn people_and_tokens(portico: &Portico, owner: &Caller, route: &str) -> Option<Answer> {
    let invitation = || json!({"email": format!("{}@example.com", random("guest")), "role": "viewer"});
    let member = async || join(owner, &format!("{}@example.com", random("member")), "viewer").await.0;
    Some(match route {
        "POST /api/v1/tokens" => {
            owner.post("/api/v1/tokens", json!({"expires_in": 60, "permissions": ["customers:read"]})).await
        }
        "POST /api/v1/signing-keys/rotate" => {
            portico.operator().post("/api/v1/signing-keys/rotate", json!({"active_in_seconds": 5})).await
        }
        "POST /api/v1/invitations" => owner.post("/api/v1/invitations", invitation()).await,
        "DELETE /api/v1/invitations/{id}" => {
            let made = owner.post("/api/v1/invitations", invitation()).await.expect(201);
            owner.delete(&format!("/api/v1/invitations/{}", text(&made, "id"))).await
        }
        "PATCH /api/v1/members/{id}" => {
            owner.patch(&format!("/api/v1/members/{}", member().await), json!({"role": "developer"})).await
        }
        "POST /api/v1/members/{id}/sign-in-link" => {
            owner.post(&format!("/api/v1/members/{}/sign-in-link", member().await), json!({})).await
        }
        "DELETE /api/v1/members/{id}" => owner.delete(&format!("/api/v1/members/{}", member().await)).await,
        _ => return None,
    })
}

fn random(word: &str) -> String {
    format!("{word}_{}", uuid::Uuid::new_v4().simple())
}

/// The entries of an answer's request in that log.
async fn entries(reader: &Caller, log: &str, answer: &Answer) -> Vec<Value> {
    let id = answer.header("x-request-id");
    let all = reader.get(&format!("{log}?limit=200")).await.expect(200)["data"].clone();
    let all = all.as_array().expect("is a list").iter().map(|record| record["entry"].clone());
    all.filter(|entry| entry["request_id"] == id).collect()
}

#[tokio::test]
async fn every_change_is_in_the_audit_log() {
    let portico = Portico::start().await;
    let tenant = Tenant::new(&portico, "Coverage").await;
    let shop = tenant.connect("shop").await;
    let mut findings = Findings::new();
    for (method, path, _) in routes(&portico, |method, _| method != "GET").await {
        let route = format!("{method} {path}");
        if UNWRITTEN.iter().any(|(unwritten, _)| *unwritten == route) {
            continue;
        }
        let Some(answer) = change(&portico, &tenant, &shop, &route).await else {
            findings.check(false, || format!("{route}: add an example of it to tests/suite/audit_coverage.rs"));
            continue;
        };
        findings.check(answer.is_success(), || format!("the example failed: {answer}"));
        let mut found = entries(&tenant.owner, "/api/v1/audit-log", &answer).await;
        found.extend(entries(&portico.operator(), "/api/v1/operator/audit-log", &answer).await);
        let done = found.iter().find(|entry| entry["outcome"] == "done");
        let Some(done) = done else {
            findings.check(false, || format!("{route} left no entry"));
            continue;
        };
        let operators = ["/api/v1/tenants", "/api/v1/signing-keys"].iter().any(|start| path.starts_with(start));
        let actor = if operators { "operator" } else { "api_key" };
        findings.check(done["actor"]["kind"] == actor, || format!("{route}: {done}"));
        findings.check(done["address"] == "127.0.0.1", || format!("{route}: {done}"));
        findings.check(done["target"]["id"].is_string(), || format!("{route}: {done}"));
        findings
            .check(done["action"].as_str().is_some_and(|action| action.contains('.')), || format!("{route}: {done}"));
    }
    let verdict = tenant.owner.get("/api/v1/audit-log/verify").await.expect(200);
    findings.check(verdict["valid"] == true, || format!("{verdict}"));
    findings.finish();
    portico.stop().await;
}

#[tokio::test]
async fn every_refused_attempt_is_in_the_audit_log() {
    let portico = Portico::start().await;
    let tenant = Tenant::new(&portico, "Refusals").await;
    let viewer = tenant.key("viewer").await;
    let id = text(&tenant.owner.list("/api/v1/api-keys").await.pop().expect("a key is there"), "id");
    let roles = tenant.owner.list("/api/v1/roles").await;
    let may =
        roles.iter().find(|role| role["name"] == "viewer").expect("viewer is built in")["permissions"].to_string();
    let mut findings = Findings::new();
    for (method, path, _) in routes(&portico, |_, permission| !may.contains(&format!("\"{permission}\""))).await {
        let filled = path
            .replace("{plugin_id}", &crate::harness::random_uuid())
            .replace("{id}", "cus_01h455vb4pex5vsknk084sn02q")
            .replace("{external_id}", "x");
        let answer = viewer.send(method.clone(), &filled, Body::None).await;
        findings.note(&path, answer.not_a_problem(&[403]));
        let found = entries(&tenant.owner, "/api/v1/audit-log", &answer).await;
        let [entry] = found.as_slice() else {
            findings.check(false, || format!("{method} {path} left {} entries", found.len()));
            continue;
        };
        let told = json!([entry["action"], entry["outcome"], entry["reason"], entry["actor"]["id"], entry["address"]]);
        let expected = json!([format!("{method} {path}"), "refused", answer.at("/code"), id, "127.0.0.1"]);
        findings.check(told == expected, || format!("{told} instead of {expected}"));
    }
    findings.finish();
    portico.stop().await;
}
