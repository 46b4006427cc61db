//! Reports of leaked secrets, which anybody may make.

use reqwest::Method;
use serde_json::json;

use crate::api_key_life::{NOBODYS, key, of_role, until};
use crate::harness::database::Database;
use crate::harness::tenant::text;
use crate::harness::{Body, Findings, Portico, Tenant};

const LEAKED: &str = "/api/v1/api-keys/revoke-leaked";

#[tokio::test]
async fn a_leaked_secret_ends_its_key_and_the_answer_says_nothing() {
    let portico = Portico::start().await;
    let database = Database::of(&portico).await;
    let (id, operator, owner) = Tenant::bare(&portico, "Leaks").await;
    let anybody = portico.anonymous();
    let leak = async |secret: &str| anybody.post(LEAKED, json!({"secret": secret})).await;
    let mut findings = Findings::new();

    let (path, viewer) = key(&owner, of_role("viewer")).await;
    let (revoked_path, revoked) = key(&owner, of_role("viewer")).await;
    owner.delete(&revoked_path).await.expect(204);
    let (rotated_path, rotated) = key(&owner, of_role("viewer")).await;
    let new = owner.post(&format!("{rotated_path}/rotate"), json!({})).await.expect(201);
    let new = owner.bearing(&text(&new, "secret"));
    let (ended_path, ended) = key(&owner, of_role("viewer")).await;
    let kept = owner.post(&format!("{ended_path}/rotate"), json!({"overlap_seconds": 0})).await.expect(201);
    let kept = owner.bearing(&text(&kept, "secret"));

    let expected = leak(NOBODYS).await;
    findings.check(expected.status == 204 && expected.text.is_empty(), || format!("{expected}"));
    for (what, secret) in [
        ("a key", viewer.token()),
        ("the same once more", viewer.token()),
        ("a revoked key", revoked.token()),
        ("an old secret", rotated.token()),
        ("an old secret whose overlap is over", ended.token()),
        ("the operator's token", portico.operator().token()),
        ("no key", "nonsense"),
        ("nothing", ""),
        ("a NUL", "ptc_live_\u{0}"),
    ] {
        let answer = leak(secret).await;
        findings.check(answer.shape(&[]) == expected.shape(&[]), || format!("{what} is told apart: {answer}"));
    }
    for (caller, status) in [(&viewer, 401), (&rotated, 401), (&new, 401), (&kept, 200), (&owner, 200)] {
        until(caller, "/api/v1/customers", status).await;
    }
    let events = database.events(&id, "api_key.leaked").await;
    findings.check(events.len() == 2, || format!("not two keys leaked: {events:?}"));
    findings.check(events[0]["data"]["no_owner_left"] == false, || format!("{events:?}"));
    let audited = database.audited(&id, "api_key.revoke_leaked").await;
    findings.check(audited.len() == 2, || format!("{audited:?}"));
    let entry = &audited[0];
    findings.check(
        entry["actor"]["kind"] == "portico"
            && entry["address"] == "127.0.0.1"
            && path.ends_with(&text(&entry["target"], "id")),
        || format!("{entry}"),
    );
    findings.check(!json!(audited).to_string().contains(viewer.token()), || "the audit log holds a secret".to_owned());

    // Bad reports, with and without a credential.
    for (what, body, statuses) in [
        ("no secret", json!({}), &[422][..]),
        ("a number", json!({"secret": 5}), &[422]),
        ("null", json!({"secret": null}), &[422]),
        ("an unknown field", json!({"secret": "x", "colour": "red"}), &[422]),
        ("a long text", json!({"secret": "x".repeat(2_000)}), &[413]),
    ] {
        findings.note(what, anybody.post(LEAKED, body).await.not_a_problem(statuses));
    }
    findings.note(
        "no JSON",
        anybody.send(Method::POST, LEAKED, Body::Bytes("application/json", b"{".to_vec())).await.not_a_problem(&[400]),
    );
    findings.note("no body", anybody.post_empty(LEAKED).await.not_a_problem(&[400]));
    let other = anybody.get(LEAKED).await;
    findings.check(other.header("allow") == "POST", || format!("{other}"));
    findings.note("another method", other.not_a_problem(&[405]));

    // The last owner's key dies too, even while the tenant is suspended; the tenant is told.
    portico.operator().patch(&format!("/api/v1/tenants/{id}"), json!({"status": "suspended"})).await.expect(200);
    leak(owner.token()).await.expect(204);
    portico.operator().patch(&format!("/api/v1/tenants/{id}"), json!({"status": "active"})).await.expect(200);
    until(&owner, "/api/v1/customers", 401).await;
    let events = database.events(&id, "api_key.leaked").await;
    findings.check(events.len() == 3 && events[2]["data"]["no_owner_left"] == true, || format!("{events:?}"));
    operator.post("/api/v1/api-keys", of_role("owner")).await.expect(201);

    // Nobody floods it: an address may report sixty in a minute, however many come at once.
    let mut flood = tokio::task::JoinSet::new();
    for _ in 0..61 {
        let anybody = anybody.clone();
        flood.spawn(async move { anybody.post(LEAKED, json!({"secret": NOBODYS})).await });
    }
    let throttled = flood.join_all().await.into_iter().find(|answer| answer.status == 429);
    let Some(throttled) = throttled else { panic!("sixty-one reports at once were all taken") };
    let after = throttled.header("retry-after").parse::<u32>();
    findings.check(after.is_ok_and(|seconds| seconds >= 1), || format!("{throttled}"));
    findings.note("a flood", throttled.not_a_problem(&[429]));
    findings.finish();
    portico.stop().await;
}
