//! When Chakra fails: the caller learns it in a form it can act on, and nothing is sent twice.

use serde_json::{Value, json};

use crate::harness::database::Database;
use crate::harness::tenant::message;
use crate::harness::{Body, Connected, Findings, Portico, Sandbox, Serve, Tenant, eventually};

struct Failing {
    sandbox: Sandbox,
    tenant: Tenant,
    shop: Connected,
}

impl Failing {
    /// Puts a fault on sends in force, from a clean record.
    async fn send_with(&self, mut fault: Value) {
        fault["path_prefix"] = json!("/v1/ext/plugin");
        self.sandbox.clear_faults().await;
        self.sandbox.clear().await;
        self.sandbox.fault(fault).await;
    }

    async fn sends(&self) -> usize {
        let record = self.sandbox.record().await;
        record.iter().filter(|request| request["path"] == *self.shop.messages()).count()
    }

    async fn key_status(&self) -> Value {
        let path = format!("/api/v1/chakra-keys/{}", self.tenant.chakra_key_id);
        self.tenant.owner.get(&path).await.expect(200)["status"].clone()
    }
}

#[tokio::test]
async fn a_refusal_of_the_stored_key_is_not_the_callers() {
    let portico = Portico::start().await;
    let tenant = Tenant::new(&portico, "Refused").await;
    let failing = Failing { sandbox: portico.sandbox(), shop: tenant.connect("shop").await, tenant };
    let verify = format!("/api/v1/chakra-keys/{}/verify", failing.tenant.chakra_key_id);
    let mut findings = Findings::new();
    for cleared_by in ["a verification", "an accepted send", "an accepted call of Portico's own"] {
        failing.send_with(json!({"kind": "status", "status": 401})).await;
        let answer = failing.tenant.owner.post(&failing.shop.messages(), message()).await;
        findings.note("Chakra's 401", answer.not_an_envelope(&[502]));
        findings.check(answer.at("/_meta/code") == "chakra_key_refused", || format!("another code: {answer}"));
        let sends = failing.sends().await;
        findings.check(sends == 1, || format!("after 401 it was sent {sends} times"));
        eventually("after 401 the key is marked as refused", || async {
            (failing.key_status().await == "refused").then_some(())
        })
        .await;
        failing.sandbox.clear_faults().await;
        eventually(&format!("{cleared_by} takes the mark away"), || async {
            match cleared_by {
                "a verification" => failing.tenant.owner.post_empty(&verify).await,
                "an accepted send" => failing.tenant.owner.post(&failing.shop.messages(), message()).await,
                _ => {
                    let sync = format!("/api/v1/plugins/{}/sync", failing.shop.plugin);
                    failing.tenant.owner.post_empty(&sync).await
                }
            }
            .expect_success();
            (failing.key_status().await == "verified").then_some(())
        })
        .await;
    }
    let told = Database::of(&portico).await.audited(&failing.tenant.id, "chakra_key.refused").await;
    let by_portico = told.iter().all(|entry| entry["actor"]["kind"] == "portico");
    findings.check(told.len() == 3 && by_portico, || format!("the audit log tells of it otherwise: {told:?}"));
    let told = Database::of(&portico).await.events(&failing.tenant.id, "chakra_key.accepted").await;
    findings.check(told.len() == 2, || format!("calls took the mark away twice: {told:?}"));
    findings.finish();
    portico.stop().await;
}

#[tokio::test]
async fn a_permission_that_the_stored_key_lacks_is_told_in_chakras_words_and_marks_nothing() {
    let portico = Portico::start().await;
    let tenant = Tenant::new(&portico, "Lacks").await;
    let failing = Failing { sandbox: portico.sandbox(), shop: tenant.connect("shop").await, tenant };
    let (owner, words) = (&failing.tenant.owner, "Forbidden: the access role lacks messages:send");
    let mut findings = Findings::new();
    let forbidden = json!({"_data": [], "_errors": [words]});
    failing.send_with(json!({"kind": "status", "status": 403, "body": forbidden})).await;
    let answer = owner.post(&failing.shop.messages(), message()).await;
    findings.note("Chakra's 403", answer.not_an_envelope(&[502]));
    let told = answer.at("/_meta/code") == "chakra_key_lacks_permission" && answer.text.contains(words);
    findings.check(told, || format!("told otherwise: {answer}"));
    for path in ["/plugin", "/v1/ext/config"] {
        failing.sandbox.fault(json!({"path_prefix": path, "kind": "status", "status": 403, "body": forbidden})).await;
    }
    let synced = owner.post_empty(&format!("/api/v1/plugins/{}/sync", failing.shop.plugin)).await;
    findings.note("a call of Portico's own", synced.not_a_problem(&[502]));
    let told = synced.at("/code") == "chakra_key_lacks_permission" && synced.text.contains(words);
    findings.check(told, || format!("told otherwise: {synced}"));
    let verified = owner.post_empty(&format!("/api/v1/chakra-keys/{}/verify", failing.tenant.chakra_key_id)).await;
    findings.check(verified.expect(200)["status"] == "verified", || "a key with a small role is valid".to_owned());
    // A new key with so small a role is not stored: nobody could tell whose things are its team's.
    let key = failing.sandbox.another_key(&failing.tenant.chakra_key).await;
    let made = owner.post("/api/v1/chakra-keys", json!({"name": "small", "access_token": key})).await;
    findings.note("a new key with a small role", made.names_no_field(&[422], "/access_token"));
    failing.sandbox.clear_faults().await;
    let audited = Database::of(&portico).await.audited(&failing.tenant.id, "chakra_key.refused").await;
    findings.check(audited.is_empty(), || format!("the key was marked: {audited:?}"));
    findings.finish();
    portico.stop().await;
}

#[tokio::test]
async fn what_chakra_says_of_a_token_is_not_said_of_the_one_that_replaces_it_meanwhile() {
    let portico = Portico::start().await;
    let sandbox = portico.sandbox();
    let tenant = Tenant::new(&portico, "Replaced").await;
    let path = format!("/api/v1/chakra-keys/{}", tenant.chakra_key_id);
    let replacement = sandbox.another_key(&tenant.chakra_key).await;
    // The first answer comes late and says no, and so it is of the token that was asked with.
    sandbox.clear().await;
    sandbox.fault(json!({"kind": "status", "status": 401, "ms": 2000, "times": 1, "path_prefix": "/v1/ext"})).await;
    let asking = {
        let (owner, verify) = (tenant.owner.clone(), format!("{path}/verify"));
        tokio::spawn(async move { owner.post_empty(&verify).await })
    };
    eventually("Chakra is asked", || async { (!sandbox.record().await.is_empty()).then_some(()) }).await;
    tenant.owner.post(&format!("{path}/replace"), json!({"access_token": replacement})).await.expect_success();
    let verified = asking.await.expect("the call ends").expect(200);
    assert_eq!(verified["status"], "verified", "{verified}");
    assert_eq!(verified["last4"], replacement[replacement.len() - 4..], "{verified}");
    portico.stop().await;
}

#[tokio::test]
async fn a_broken_upstream_is_told_in_chakras_envelope_and_nothing_is_sent_twice() {
    let portico = Portico::start().await;
    let tenant = Tenant::new(&portico, "Broken").await;
    let failing = Failing { sandbox: portico.sandbox(), shop: tenant.connect("shop").await, tenant };
    let (owner, path) = (&failing.tenant.owner, failing.shop.messages());
    let mut findings = Findings::new();

    failing.send_with(json!({"kind": "reset", "times": 1})).await;
    findings.note("a reset", owner.post(&path, message()).await.not_an_envelope(&[502]));
    findings.check(failing.sends().await == 1, || "a send with unknown outcome was repeated".to_owned());

    failing.send_with(json!({"kind": "truncate", "times": 1})).await;
    // The status had gone out when the body broke off: either no whole answer, or a clear 502.
    match owner.try_send(reqwest::Method::POST, &path, Body::Json(message())).await {
        Ok(answer) => findings.note("a truncated answer", answer.not_an_envelope(&[502])),
        Err(error) => {
            findings.check(error.is_body() || error.is_decode() || error.is_request(), || format!("{error:?}"));
        }
    }
    findings.check(failing.sends().await == 1, || "a truncated send was repeated".to_owned());

    let html = json!({"kind": "status", "status": 502, "body": "<html>Bad gateway</html>",
        "headers": {"content-type": "text/html"}, "times": 1});
    failing.send_with(html).await;
    let answer = owner.post(&path, message()).await;
    findings.check(answer.status == 502, || format!("Chakra's own 502: {answer}"));
    findings.check(failing.sends().await == 1, || "a send answered 502 was repeated".to_owned());

    let busy = json!({"kind": "status", "status": 429, "headers": {"retry-after": "7"}, "times": 1});
    failing.send_with(busy).await;
    let answer = owner.post(&path, message()).await;
    findings
        .check(answer.status == 429 && answer.header("retry-after") == "7", || format!("Chakra's own 429: {answer}"));

    let rejected = json!({"_data": [], "_errors": ["(#131009) Parameter value is not valid"]});
    failing.send_with(json!({"kind": "status", "status": 400, "body": rejected, "times": 1})).await;
    let answer = owner.post(&path, message()).await;
    findings.check(answer.status == 400 && answer.json == rejected, || format!("Chakra's own 400 changed: {answer}"));

    let failed = json!({"_data": {}, "_meta": {}, "_errors": ["it did not work"]});
    failing.send_with(json!({"kind": "status", "status": 200, "body": failed, "times": 1})).await;
    let answer = owner.post(&path, message()).await;
    findings.check(answer.status == 200 && answer.json == failed, || format!("a 200 with _errors changed: {answer}"));

    let redirect = json!({"kind": "status", "status": 302, "headers": {"location": format!("{}/stolen", failing.sandbox.url())}, "times": 1});
    failing.send_with(redirect).await;
    owner.post(&path, message()).await;
    let followed = failing.sandbox.record().await.iter().any(|request| request["path"] == "/stolen");
    findings.check(!followed, || "a redirect was followed with the Chakra key".to_owned());

    failing.send_with(json!({"kind": "latency", "ms": 300, "times": 1})).await;
    let answer = owner.post(&path, message()).await;
    findings.check(answer.is_success(), || format!("a slow answer: {answer}"));
    findings.finish();
    portico.stop().await;
}

#[tokio::test]
async fn an_unreachable_chakra_is_502_or_503_and_management_goes_on() {
    let portico = Portico::start().await;
    let tenant = Tenant::new(&portico, "Unreachable").await;
    let shop = tenant.connect("shop").await;
    // Port 1 refuses connections.
    let serve = Serve::start(&portico, "http://127.0.0.1:1").await;
    let owner = tenant.owner.at(serve.url());
    let mut findings = Findings::new();
    for _ in 0..20 {
        let answer = owner.post(&shop.messages(), message()).await;
        let says_when = answer.status != 503 || !answer.header("retry-after").is_empty();
        findings.check(says_when, || format!("503 without Retry-After: {answer}"));
        findings.note("a send", answer.not_an_envelope(&[502, 503]));
    }
    owner.get("/api/v1/customers").await.expect(200);
    let verify = owner.post_empty(&format!("/api/v1/chakra-keys/{}/verify", tenant.chakra_key_id)).await;
    findings.note("a verification", verify.not_a_problem(&[502, 503]));
    findings.finish();
    drop(serve);
    portico.stop().await;
}
