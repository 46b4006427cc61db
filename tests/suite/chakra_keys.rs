//! The vault as its owner sees it: keys go in and never come out.

use serde_json::json;

use crate::harness::sandbox::{header, leaks};
use crate::harness::tenant::{message, text};
use crate::harness::{Findings, Portico, Tenant};

#[tokio::test]
async fn chakra_keys_are_replaced_and_chosen_and_never_shown() {
    let portico = Portico::start().await;
    let sandbox = portico.sandbox();
    let tenant = Tenant::new(&portico, "Vault").await;
    let shop = tenant.connect("shop").await;
    let owner = &tenant.owner;
    let first = format!("/api/v1/chakra-keys/{}", tenant.chakra_key_id);
    let mut findings = Findings::new();

    // Another team's key: it becomes the default and is used from the next call on.
    let other = sandbox.team().await;
    let second = json!({"name": "second", "access_token": other});
    let second = text(&owner.post("/api/v1/chakra-keys", second).await.expect(201), "id");
    let second = format!("/api/v1/chakra-keys/{second}");
    assert_eq!(owner.get(&second).await.expect(200)["is_default"], false);
    owner.post_empty(&format!("{second}/set-default")).await.expect_success();
    let defaults: Vec<_> =
        owner.list("/api/v1/chakra-keys").await.iter().map(|key| key["is_default"] == true).collect();
    findings.check(defaults.iter().filter(|is| **is).count() == 1, || "not exactly one default key".to_owned());
    sandbox.clear().await;
    owner.get("/v1/ext/whatsapp-phone-number").await;
    findings.note("with the new default", leaks(&sandbox.record().await, &other, owner.token()));
    owner.post_empty(&format!("{first}/set-default")).await.expect_success();

    // A token that Chakra does not know, or no longer knows.
    let junk = "j".repeat(250);
    let replaced = owner.post(&format!("{second}/replace"), json!({"access_token": junk})).await;
    findings.check(!replaced.text.contains(&junk), || format!("shows the key: {replaced}"));
    findings.note("a token that Chakra does not know", replaced.names_no_field(&[422], "/access_token"));
    assert_eq!(owner.get(&second).await.expect(200)["status"], "verified", "the token before it stands");
    let revoked = other;
    let other = sandbox.another_key(&revoked).await;
    sandbox.revoke_key(&revoked).await;
    let verified = owner.post_empty(&format!("{second}/verify")).await;
    findings.check(verified.status < 500, || format!("an answer about a refused key: {verified}"));
    assert_eq!(owner.get(&second).await.expect(200)["status"], "refused");
    let replaced = owner.post(&format!("{second}/replace"), json!({"access_token": other})).await.expect_success();
    findings.check(replaced["status"] == "verified", || format!("{replaced}"));

    let renamed = owner.patch(&second, json!({"name": "spare", "description": "for emergencies"})).await.expect(200);
    findings.check(renamed["name"] == "spare", || format!("{renamed}"));
    let twice = owner.post("/api/v1/chakra-keys", json!({"name": "again", "access_token": other})).await;
    findings.note("the same key twice", twice.not_a_problem(&[409]));
    let named = owner.patch(&second, json!({"name": "main"})).await;
    findings.note("a name twice", named.names_no_field(&[409], "/name"));

    for path in ["/api/v1/chakra-keys".to_owned(), first.clone(), second.clone(), "/api/v1/tenant".to_owned()] {
        let shown = owner.get(&path).await;
        let secret = shown.text.contains(&other) || shown.text.contains(&tenant.chakra_key);
        findings.check(!secret, || format!("shows a Chakra key: {shown}"));
    }
    let removed = owner.delete(&second).await;
    findings.check(removed.is_success(), || format!("{removed}"));
    owner.get(&second).await.expect(404);

    sandbox.clear().await;
    let sent = owner.post(&shop.messages(), message()).await;
    findings.check(sent.is_success(), || format!("{sent}"));
    let record = sandbox.record().await;
    findings.note("a send", leaks(&record, &tenant.chakra_key, owner.token()));
    let cookies = record.iter().any(|request| !header(request, "cookie").is_empty());
    findings.check(!cookies, || "a cookie reached Chakra".to_owned());
    let output = portico.output();
    for secret in [&other, &tenant.chakra_key, &junk] {
        findings.check(!output.contains(secret.as_str()), || "the log shows a Chakra key".to_owned());
    }
    findings.finish();
    portico.stop().await;
}

#[tokio::test]
async fn the_key_that_calls_use_is_deleted_only_by_force_and_what_is_missing_then_is_named() {
    let portico = Portico::start().await;
    let tenant = Tenant::new(&portico, "Deletes").await;
    let shop = tenant.connect("shop").await;
    let owner = &tenant.owner;
    let path = |id: &str| format!("/api/v1/chakra-keys/{id}");
    let first = path(&tenant.chakra_key_id);
    let mut findings = Findings::new();

    // The only one, which calls used a moment ago.
    owner.post(&shop.messages(), message()).await.expect_success();
    let answer = owner.delete(&first).await;
    findings.note("the only key", answer.not_a_problem(&[409]));
    findings
        .check(answer.at("/code") == "chakra_key_in_use" && answer.text.contains("24 hours"), || answer.to_string());

    let second = json!({"name": "second", "access_token": portico.sandbox().another_key(&tenant.chakra_key).await});
    let second = text(&owner.post("/api/v1/chakra-keys", second).await.expect(201), "id");
    let answer = owner.delete(&first).await;
    findings.note("the default with another beside it", answer.not_a_problem(&[409]));
    findings.check(answer.text.contains("set-default") && answer.text.contains("force"), || answer.to_string());
    owner.post(&shop.messages(), message()).await.expect_success();

    owner.delete(&format!("{first}?force=true")).await.expect(204);
    let stopped = owner.post(&shop.messages(), message()).await;
    findings.note("no default", stopped.not_an_envelope(&[409]));
    let named = stopped.at("/_meta/code") == "chakra_key_missing" && stopped.text.contains("set-default");
    findings.check(named, || format!("does not say that a default is missing: {stopped}"));
    owner.post_empty(&format!("{}/set-default", path(&second))).await.expect_success();
    owner.post(&shop.messages(), message()).await.expect_success();

    // One that is not the default goes at once, and so does a default that nothing used.
    let spare = json!({"name": "spare", "access_token": portico.sandbox().team().await});
    let spare = text(&owner.post("/api/v1/chakra-keys", spare).await.expect(201), "id");
    owner.delete(&path(&spare)).await.expect(204);
    let (_, _, idle) = Tenant::bare(&portico, "Idle").await;
    let unused = json!({"name": "unused", "access_token": portico.sandbox().team().await});
    let unused = text(&idle.post("/api/v1/chakra-keys", unused).await.expect(201), "id");
    idle.delete(&path(&unused)).await.expect(204);

    // A key of Portico's own is not asked about at Chakra.
    portico.sandbox().clear().await;
    let own = json!({"name": "own", "access_token": owner.token()});
    findings.note(
        "a key of Portico's",
        owner.post("/api/v1/chakra-keys", own).await.names_no_field(&[422], "/access_token"),
    );
    findings.check(portico.sandbox().record().await.is_empty(), || "a key of Portico's reached Chakra".to_owned());
    findings.finish();
    portico.stop().await;
}
