//! One tenant can neither read, change, use nor detect anything of another.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::tenant::{message, text};
use crate::harness::{Body, Connected, Findings, Portico, Tenant, random_digits, random_uuid};

/// A method on a path that names one thing, and its body.
type Attempt = (Method, &'static str, Body);

/// What can be tried on the things of a tenant, with the id of each and an id of that kind that nobody has.
fn attempts(shop: &Connected, chakra_key: &str, role: &str, api_key: &str) -> Vec<(Attempt, String, String)> {
    let renamed = || Body::Json(json!({"name": "Taken over"}));
    let inactive = || Body::Json(json!({"is_active": false}));
    let token = || Body::Json(json!({"access_token": "x".repeat(250)}));
    let other_role = || Body::Json(json!({"permissions": ["media:read"]}));
    let (get, post, patch, delete) = (Method::GET, Method::POST, Method::PATCH, Method::DELETE);
    let rotate = post.clone();
    let of = |id: &str, unknown: String, attempts: Vec<Attempt>| {
        let id = id.to_owned();
        attempts.into_iter().map(move |attempt| (attempt, id.clone(), unknown.clone())).collect::<Vec<_>>()
    };
    [
        of(
            &shop.customer,
            unknown_id("cus"),
            vec![
                (get.clone(), "/api/v1/customers/{}", Body::None),
                (patch.clone(), "/api/v1/customers/{}", renamed()),
                (delete.clone(), "/api/v1/customers/{}", Body::None),
                (get.clone(), "/api/v1/customers/{}/connection", Body::None),
                (delete.clone(), "/api/v1/customers/{}/connection", Body::None),
            ],
        ),
        of(
            &shop.plugin,
            random_uuid(),
            vec![
                (get.clone(), "/api/v1/plugins/{}", Body::None),
                (get.clone(), "/api/v1/plugins/{}/configuration", Body::None),
                (post.clone(), "/api/v1/plugins/{}/sync", Body::None),
            ],
        ),
        of(&shop.waba, random_digits(), vec![(get.clone(), "/api/v1/wabas/{}", Body::None)]),
        of(
            &shop.phone,
            random_digits(),
            vec![
                (get.clone(), "/api/v1/phone-numbers/{}", Body::None),
                (patch.clone(), "/api/v1/phone-numbers/{}", inactive()),
            ],
        ),
        of(
            chakra_key,
            unknown_id("chk"),
            vec![
                (get.clone(), "/api/v1/chakra-keys/{}", Body::None),
                (patch.clone(), "/api/v1/chakra-keys/{}", renamed()),
                (post.clone(), "/api/v1/chakra-keys/{}/verify", Body::None),
                (post.clone(), "/api/v1/chakra-keys/{}/set-default", Body::None),
                (post, "/api/v1/chakra-keys/{}/replace", token()),
                (delete.clone(), "/api/v1/chakra-keys/{}", Body::None),
            ],
        ),
        of(
            role,
            unknown_id("rol"),
            vec![
                (get.clone(), "/api/v1/roles/{}", Body::None),
                (patch.clone(), "/api/v1/roles/{}", other_role()),
                (delete.clone(), "/api/v1/roles/{}", Body::None),
            ],
        ),
        of(
            api_key,
            unknown_id("key"),
            vec![
                (get.clone(), "/api/v1/api-keys/{}", Body::None),
                (get, "/api/v1/api-keys/{}/old-secret-uses", Body::None),
                (rotate, "/api/v1/api-keys/{}/rotate", Body::Json(json!({"overlap_seconds": 0}))),
                (patch, "/api/v1/api-keys/{}", renamed()),
                (delete, "/api/v1/api-keys/{}", Body::None),
            ],
        ),
    ]
    .concat()
}

/// An id of that kind that nobody has.
fn unknown_id(prefix: &str) -> String {
    format!("{prefix}_01h455vb4pex5vsknk084sn02q")
}

#[tokio::test]
async fn a_foreign_id_answers_on_the_management_api_as_an_unknown_one_does() {
    let portico = Portico::start().await;
    let (ours, theirs) = (Tenant::new(&portico, "Ours").await, Tenant::new(&portico, "Theirs").await);
    let shop = theirs.connect("shop").await;
    let role = json!({"name": "desk", "permissions": ["messages:send"]});
    let role = text(&theirs.owner.post("/api/v1/roles", role).await.expect(201), "id");
    let key = json!({"name": "another", "role": "viewer"});
    let key = text(&theirs.owner.post("/api/v1/api-keys", key).await.expect(201), "id");
    let mut findings = Findings::new();
    let before = everything(&theirs).await;
    portico.sandbox().clear().await;
    for ((method, template, body), foreign, unknown) in attempts(&shop, &theirs.chakra_key_id, &role, &key) {
        let foreign_answer = ours.owner.send(method.clone(), &template.replace("{}", &foreign), body.clone()).await;
        let unknown_answer = ours.owner.send(method, &template.replace("{}", &unknown), body).await;
        findings.note("a foreign id", foreign_answer.not_a_problem(&[404]));
        let (seen, expected) = (foreign_answer.shape(&[&foreign]), unknown_answer.shape(&[&unknown]));
        findings.check(seen == expected, || {
            format!("{} differs from an unknown id:\n      {seen}\n      {expected}", foreign_answer.what)
        });
    }
    let record = portico.sandbox().forwarded().await;
    findings.check(record.is_empty(), || format!("refused calls arrived at Chakra: {record:?}"));
    let after = everything(&theirs).await;
    findings.check(before == after, || format!("the neighbour changed something: {before} became {after}"));

    // In bodies: a key or a plugin for somebody else's customer.
    let limited = json!({"name": "x", "role": "viewer", "customers": [shop.customer]});
    let answer = ours.owner.post("/api/v1/api-keys", limited).await;
    findings.note("a key limited to a foreign customer", answer.not_a_problem(&[400, 404, 422]));
    let answer = ours.owner.post("/api/v1/plugins", json!({"customer_id": shop.customer})).await;
    findings.note("a plugin for a foreign customer", answer.not_a_problem(&[400, 404, 422]));
    let create = json!({"type": "whatsapp", "name": "x"});
    let answer = ours.owner.with("Portico-Customer", &shop.customer).post("/plugin", create).await;
    findings.note("a plugin for a foreign customer", answer.not_an_envelope(&[400, 404, 422]));
    // The same external id belongs to each tenant by itself.
    let mine = ours.customer("shop").await;
    findings.check(mine != shop.customer, || "an external id led to another tenant's customer".to_owned());
    findings.finish();
    portico.stop().await;
}

/// Everything that a tenant's owner can list, but for what every use of a key changes.
async fn everything(tenant: &Tenant) -> Value {
    let mut all = json!({});
    for resource in ["customers", "plugins", "wabas", "phone-numbers", "chakra-keys", "roles", "api-keys"] {
        let mut rows = tenant.owner.list(&format!("/api/v1/{resource}")).await;
        for row in &mut rows {
            if let Some(row) = row.as_object_mut() {
                row.retain(|name, _| !name.starts_with("last_used"));
            }
        }
        all[resource] = json!(rows);
    }
    all
}

#[tokio::test]
async fn tenants_that_share_a_chakra_team_see_and_use_only_what_is_theirs() {
    let portico = Portico::start().await;
    let ours = Tenant::new(&portico, "Ours").await;
    let theirs = ours.joined_by(&portico, "Theirs").await;
    let (us, them) = (ours.connect("shop").await, theirs.connect("shop").await);
    let mut findings = Findings::new();
    for (path, mine) in [("/v1/ext/whatsapp-phone-number", &us.phone), ("/v1/ext/whatsapp-business-account", &us.waba)]
    {
        let listed = ours.owner.get(path).await.expect_success();
        let rows = listed["_data"].as_array().cloned().unwrap_or_default();
        let ids: BTreeSet<_> = rows.iter().filter_map(|row| row["id"].as_str()).collect();
        findings.check(ids == BTreeSet::from([mine.as_str()]), || format!("{path} lists {ids:?}, not just {mine}"));
    }
    portico.sandbox().clear().await;
    for path in [
        format!("/plugin/{}", them.plugin),
        them.below("config"),
        format!("/v1/ext/whatsapp-phone-number/{}", them.phone),
    ] {
        findings.note("a foreign id of the same team", ours.owner.get(&path).await.not_an_envelope(&[404]));
    }
    findings.note("a foreign number", ours.owner.post(&them.messages(), message()).await.not_an_envelope(&[404]));
    // Chakra would not tell an unlearned message of ours from one of theirs, so neither may be used.
    let read = json!({"messaging_product": "whatsapp", "status": "read", "message_id": "wamid.HBgLMTU1NTAwMDExMTEVAgARGBJGQUtFMDAwMDAwMDAwMDAwMDEA"});
    findings.note("an unlearned message", ours.owner.post(&us.messages(), read).await.not_an_envelope(&[404]));
    let record = portico.sandbox().forwarded().await;
    findings.check(record.is_empty(), || format!("refused calls arrived at Chakra: {record:?}"));
    findings.finish();
    portico.stop().await;
}
