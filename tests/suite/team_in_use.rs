//! A Chakra key is stored once Chakra has told its team, and a team has one tenant unless the operator says otherwise.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::tenant::{message, text};
use crate::harness::{Answer, Body, Caller, Findings, Owner, Portico, Tenant, eventually};

const KEYS: &str = "/api/v1/chakra-keys";

fn key(name: &str, token: &str) -> Value {
    json!({"name": name, "access_token": token, "is_default": true})
}

async fn leave(portico: &Portico, method: Method, joins: &str, holds: &str) -> Answer {
    let path = format!("/api/v1/tenants/{joins}/team-sharing/{holds}");
    portico.operator().send(method, &path, Body::None).await
}

#[tokio::test]
async fn a_token_that_chakra_does_not_accept_is_not_stored() {
    let portico = Portico::start().await;
    let sandbox = portico.sandbox();
    let tenant = Tenant::new(&portico, "Judged").await;
    let shop = tenant.connect("shop").await;
    let replace = format!("{KEYS}/{}/replace", tenant.chakra_key_id);
    let before = tenant.owner.list(KEYS).await;
    let mut findings = Findings::new();
    let try_both = async |token: &str| {
        let stored = tenant.owner.post(KEYS, key("another", token)).await;
        [stored, tenant.owner.post(&replace, json!({"access_token": token})).await]
    };
    // A mask that a client sent in place of the token, and one of another service.
    for token in ["**********", "EAAGexample0000000000000000000000"] {
        for answer in try_both(token).await {
            findings.note(token, answer.names_no_field(&[422], "/access_token"));
            findings.check(!answer.text.contains(token), || format!("quotes the token: {answer}"));
        }
    }
    let other = sandbox.team().await;
    for (fault, statuses) in [
        (json!({"kind": "status", "status": 403}), &[422][..]),
        (json!({"kind": "status", "status": 500}), &[502][..]),
        (json!({"kind": "reset"}), &[502][..]),
    ] {
        let mut fault = fault;
        fault["path_prefix"] = json!("/v1/ext/config");
        sandbox.fault(fault.clone()).await;
        for answer in try_both(&other).await {
            findings.note(&fault.to_string(), answer.not_a_problem(statuses));
        }
        sandbox.clear_faults().await;
    }
    let after = tenant.owner.list(KEYS).await;
    let plain = |keys: &[Value]| keys.iter().map(|key| (key["id"].clone(), key["last4"].clone())).collect::<Vec<_>>();
    findings.check(plain(&before) == plain(&after), || format!("{before:?} became {after:?}"));
    tenant.owner.post(&shop.messages(), message()).await.expect_success();
    findings.finish();
    portico.stop().await;
}

#[tokio::test]
async fn a_second_tenants_key_of_a_team_needs_the_operators_leave_for_that_pair() {
    let portico = Portico::start().await;
    let sandbox = portico.sandbox();
    let first = Tenant::new(&portico, "Holds the team").await;
    let (second, _, owner) = Tenant::bare(&portico, "Joins").await;
    let (stranger, ..) = Tenant::bare(&portico, "Has no team").await;
    let mut findings = Findings::new();
    let mut refused = async |about: &str, owner: &Caller, path: &str, body: Value| {
        let answer = owner.post(path, body).await;
        findings.note(about, answer.not_a_problem(&[409]));
        findings.check(answer.at("/code") == "team_in_use", || format!("{about}: another code: {answer}"));
        let tells = [first.id.as_str(), "Holds"].iter().any(|word| answer.text.contains(word));
        findings.check(!tells, || format!("{about}: tells whose the team is: {answer}"));
    };
    let token = sandbox.another_key(&first.chakra_key).await;
    refused("no leave", &owner, KEYS, key("main", &token)).await;
    refused("the very same token", &owner, KEYS, key("main", &first.chakra_key)).await;
    leave(&portico, Method::PUT, &second, &stranger).await.expect(204);
    refused("leave for another pair", &owner, KEYS, key("main", &token)).await;
    leave(&portico, Method::PUT, &first.id, &second).await.expect(204);
    refused("leave for the other way round", &owner, KEYS, key("main", &token)).await;
    // A key of its own team does not become one of a team in use.
    let own = owner.post(KEYS, key("own", &sandbox.team().await)).await.expect(201);
    let replace = format!("{KEYS}/{}/replace", text(&own, "id"));
    refused("a replacement", &owner, &replace, json!({"access_token": token})).await;

    leave(&portico, Method::PUT, &second, &first.id).await.expect(204);
    leave(&portico, Method::PUT, &second, &first.id).await.expect(204);
    let stored = owner.post(KEYS, key("main", &token)).await.expect(201);
    let listed = portico.operator().list(&format!("/api/v1/tenants/{second}/team-sharing")).await;
    let with: Vec<&str> = listed.iter().filter_map(|row| row["with"].as_str()).collect();
    assert!(with.len() == 2 && with.contains(&first.id.as_str()) && with.contains(&stranger.as_str()), "{listed:?}");

    // Without leave the second stores no more, and the first goes on.
    leave(&portico, Method::DELETE, &second, &first.id).await.expect(204);
    leave(&portico, Method::DELETE, &first.id, &second).await.expect(204);
    leave(&portico, Method::DELETE, &second, &first.id).await.expect(404);
    let replace = format!("{KEYS}/{}/replace", text(&stored, "id"));
    let another = sandbox.another_key(&token).await;
    refused("after the leave was taken back", &owner, &replace, json!({"access_token": another})).await;
    let replace = format!("{KEYS}/{}/replace", first.chakra_key_id);
    first.owner.post(&replace, json!({"access_token": another})).await.expect(200);

    let own = owner.list("/api/v1/audit-log").await;
    let seen = own.iter().any(|entry| entry["entry"]["action"] == "team_sharing.allow");
    findings.check(seen, || format!("the tenant's own log does not tell: {own:?}"));
    findings.check(!own.iter().any(|entry| entry.to_string().contains(&first.id)), || format!("names whose: {own:?}"));

    // Only the operator gives leave, to tenants that there are, and it is written down.
    let path = format!("/api/v1/tenants/{second}/team-sharing/{}", first.id);
    findings.note("an owner", owner.send(Method::PUT, &path, Body::None).await.not_a_problem(&[403]));
    let nobody = "ten_01h455vb4pex5vsknk084sn02q";
    findings.note("nobody", leave(&portico, Method::PUT, &second, nobody).await.not_a_problem(&[404]));
    findings.note("nobody", leave(&portico, Method::PUT, nobody, &second).await.not_a_problem(&[404]));
    findings.note("itself", leave(&portico, Method::PUT, &second, &second).await.not_a_problem(&[404]));
    let log = portico.operator().list("/api/v1/operator/audit-log").await;
    let noted = |action: &str| {
        let about = |entry: &&Value| entry["entry"]["action"] == action && entry["entry"]["target"]["id"] == *second;
        log.iter().filter(about).filter(|entry| entry.to_string().contains(&first.id)).count()
    };
    assert_eq!((noted("team_sharing.allow"), noted("team_sharing.end")), (1, 1), "{log:?}");
    findings.finish();
    portico.stop().await;
}

/// What a tenant of the team can see of this lead: the statuses of trying it in every way.
async fn tries(tenant: &Tenant, lead: &str, list: &Value) -> Vec<u16> {
    let path = format!("/v1/ext/procedure/lead/process/{lead}");
    let change = json!({"data": {"name": "taken"}});
    let owner = &tenant.owner;
    vec![
        owner.get(&path).await.status,
        owner.put(&path, change).await.status,
        owner.post("/v1/ext/procedure/lead/process/list", list.clone()).await.status,
        owner.get("/v1/whatsapp/v24.0/media/300400500600700").await.status,
    ]
}

#[tokio::test]
async fn a_tenant_keeps_its_fence_whatever_becomes_of_the_others_key() {
    let portico = Portico::start().await;
    let sandbox = portico.sandbox();
    let victim = Tenant::new(&portico, "Was first").await;
    let shop = victim.connect("shop").await;
    let lead = victim.thing(&shop, portico_chakra::LearnedKind::Process).await;
    let nosy = victim.joined_by(&portico, "Came later").await;
    let list = json!({"limit": 100});
    let fenced = vec![404, 404, 403, 404];
    assert_eq!(tries(&nosy, &lead, &list).await, fenced, "with both keys");

    // An ordinary rotation, also one that fails half-way.
    let replace = format!("{KEYS}/{}/replace", victim.chakra_key_id);
    let body = json!({"access_token": sandbox.another_key(&victim.chakra_key).await});
    sandbox.fault(json!({"kind": "status", "status": 403, "path_prefix": "/v1/ext/config"})).await;
    victim.owner.post(&replace, body.clone()).await.expect(422);
    assert_eq!(tries(&nosy, &lead, &list).await, fenced, "after a rotation that failed");
    sandbox.clear_faults().await;
    victim.owner.post(&replace, body).await.expect(200);
    assert_eq!(tries(&nosy, &lead, &list).await, fenced, "after a rotation");

    // Chakra refuses the configuration call to the stored token.
    sandbox.fault(json!({"kind": "status", "status": 403, "path_prefix": "/v1/ext/config"})).await;
    let verify = format!("{KEYS}/{}/verify", victim.chakra_key_id);
    victim.owner.post_empty(&verify).await.expect(200);
    assert_eq!(tries(&nosy, &lead, &list).await, fenced, "while the key's role is too small");
    sandbox.clear_faults().await;

    victim.owner.delete(&format!("{KEYS}/{}?force=true", victim.chakra_key_id)).await.expect_success();
    assert_eq!(tries(&nosy, &lead, &list).await, fenced, "after the key was deleted");
    portico.stop().await;
}

#[tokio::test]
async fn a_key_of_unknown_team_fences_everybody_until_chakra_tells_it() {
    let portico = Portico::start().await;
    let ours = Tenant::new(&portico, "Alone").await;
    let other = Tenant::new(&portico, "Of an earlier version").await;
    let list = async || {
        let answer = ours.owner.post("/v1/ext/procedure/lead/process/list", json!({})).await;
        (answer.status, answer.at("/_meta/code").clone())
    };
    assert_eq!(list().await.0, 200);
    // As it was stored by a version that did not ask Chakra first.
    let uuid = other.id.parse::<portico_domain::TenantId>().expect("is an id").uuid();
    let forgotten = "status = 'unverified', team_fingerprint = null, team_name = null";
    Owner::of(&portico)
        .await
        .run(&format!(
            "delete from chakra_teams where tenant_id = '{uuid}';
             update chakra_keys set {forgotten} where tenant_id = '{uuid}'"
        ))
        .await;
    eventually("the other's team may be ours", || async {
        (list().await == (403, json!("team_wide_refused"))).then_some(())
    })
    .await;
    // Its first call learns the team.
    other.owner.post("/v1/ext/procedure/lead/process/list", json!({})).await;
    eventually("the team is known to be ours", || async { (list().await.0 == 200).then_some(()) }).await;
    portico.stop().await;
}
