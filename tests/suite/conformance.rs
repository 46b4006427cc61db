//! Whether the served document tells the truth: what Schemathesis makes of it.
//!
//! `make soak` runs the same for longer, on new data.

use std::collections::BTreeMap;

use portico_chakra::LearnedKind;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::harness::schemathesis::{Statuses, fuzz};
use crate::harness::tenant::{message, text};
use crate::harness::{Body, Connected, Findings, Portico, Tenant};
use crate::members::join;

/// In how many ways a connection ends; `hooks.py` names them.
const ENDINGS: usize = 7;
/// What only the operator may.
const OPERATORS: &[&str] = &[
    "GET /api/v1/tenants",
    "POST /api/v1/tenants",
    "GET /api/v1/tenants/{id}",
    "PATCH /api/v1/tenants/{id}",
    "DELETE /api/v1/tenants/{id}",
    "GET /api/v1/tenants/{id}/team-sharing",
    "PUT /api/v1/tenants/{id}/team-sharing/{other}",
    "DELETE /api/v1/tenants/{id}/team-sharing/{other}",
    "GET /api/v1/signing-keys",
    "POST /api/v1/signing-keys/rotate",
    "GET /api/v1/operator/audit-log",
    "GET /api/v1/operator/audit-log/verify",
    "GET /api/v1/operator/audit-log/export",
];

/// What only somebody who signed in may: a key has nothing to leave.
const PEOPLE: &[&str] = &["DELETE /api/v1/members/me", "DELETE /api/v1/session"];
/// What anybody may, whatever the role: a token can do no more than its minter, a session says who it is, and
/// a leaked secret is all that ending it takes.
const ANYBODY: &[&str] =
    &["POST /api/v1/tokens", "GET /api/v1/session", "GET /api/v1/whoami", "POST /api/v1/api-keys/revoke-leaked"];

/// What takes an id that a call or an event of a moment ago made, or Chakra's signature: `request_log` and `hooks_in` try
/// those.
const ELSEWHERE: &[&str] = &[
    "GET /api/v1/requests/{request_id}",
    "GET /api/v1/events/{id}",
    "POST /api/v1/quarantined-events/{id}/route",
    "POST /hooks/chakra/{hook}",
    "GET /hooks/chakra/{hook}",
];

/// A tenant with things of which the fuzzer may spoil all but the first of each kind.
struct Ground {
    tenant: Tenant,
    known: Value,
    messages: String,
}

impl Ground {
    async fn new(portico: &Portico) -> Self {
        let tenant = Tenant::new(portico, "Conformance").await;
        let mut connecting: JoinSet<_> = (0..=ENDINGS)
            .map(|number| {
                let tenant = tenant.clone();
                async move { tenant.connect(&format!("fuzzed-{number}")).await }
            })
            .collect();
        let mut shops = Vec::new();
        while let Some(shop) = connecting.join_next().await {
            shops.push(shop.expect("a sign-up ends well"));
        }
        let keys = tenant.owner.list("/api/v1/api-keys").await;
        let own = keys.iter().find(|key| key["name"] == "the owner").expect("the tenant has its owner's key");
        let mut api_keys = vec![text(own, "id")];
        for name in ["to revoke", "to change", "to rotate"] {
            let spare = json!({"name": name, "role": "viewer"});
            api_keys.push(text(&tenant.owner.post("/api/v1/api-keys", spare).await.expect(201), "id"));
        }
        let token = portico.sandbox().team().await;
        let second = json!({"name": "second", "access_token": token});
        let second = text(&tenant.owner.post("/api/v1/chakra-keys", second).await.expect(201), "id");
        let mut roles = Vec::new();
        for name in ["packer", "spare"] {
            let role = json!({"name": name, "permissions": ["messages:send"]});
            roles.push(text(&tenant.owner.post("/api/v1/roles", role).await.expect(201), "id"));
        }
        let mut members = Vec::new();
        for name in ["kept", "spare"] {
            members.push(join(&tenant.owner, &format!("{name}@example.com"), "viewer").await.0);
        }
        let mut things: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for (name, kind, count) in [
            ("groups", LearnedKind::Group, 3),
            ("media", LearnedKind::Media, 1),
            ("templates", LearnedKind::Template, 1),
            ("chats", LearnedKind::Chat, 2),
            ("processes", LearnedKind::Process, 2),
            ("photos", LearnedKind::Photo, 1),
            ("jobs", LearnedKind::Job, 1),
            ("campaigns", LearnedKind::Campaign, 1),
        ] {
            for _ in 0..count {
                things.entry(name).or_default().push(tenant.thing(&shops[0], kind).await);
            }
        }
        for lead in ["L-1", "L-2"] {
            let lead = json!({"data": {"lead_id": lead, "phone_number": "15550001111"}});
            tenant.owner.post("/v1/ext/procedure/lead/process", lead).await.expect_success();
        }
        let users = tenant.owner.get("/v1/ext/users").await.expect_success();
        let ids = |of: fn(&Connected) -> &String| shops.iter().map(of).cloned().collect::<Vec<_>>();
        let mut customers = ids(|shop| &shop.customer);
        // Some that can be deleted.
        for number in 0..ENDINGS {
            customers.push(tenant.customer(&format!("idle-{number}")).await);
        }
        let mut known = json!({
            "customers": customers,
            "plugins": ids(|shop| &shop.plugin),
            "wabas": ids(|shop| &shop.waba),
            "phone-numbers": ids(|shop| &shop.phone),
            "api-keys": api_keys,
            "chakra-keys": [tenant.chakra_key_id, second],
            "roles": roles,
            "members": members,
            "procedures": ["lead"],
            "people": ["15550001111"],
            "leads": ["L-1", "L-2"],
            "primary-keys": ["lead_id"],
            "template-names": ["summer_sale"],
            "users": [users["_data"][0]["id"]],
        });
        // Each is accepted once: then it is stored already.
        let mut tokens = Vec::new();
        for _ in 0..12 {
            tokens.push(portico.sandbox().another_key(&tenant.chakra_key).await);
        }
        known["chakra-tokens"] = json!(tokens);
        for (name, ids) in things {
            known[name] = json!(ids);
        }
        Self { tenant, known, messages: shops[0].messages() }
    }

    /// Fails unless the run ended on the same ground: else most of it met nothing but refusals.
    async fn still_holds(&self) {
        self.tenant.owner.post(&self.messages, message()).await.expect(200);
        let key = format!("/api/v1/chakra-keys/{}", self.tenant.chakra_key_id);
        let key = self.tenant.owner.get(&key).await.expect(200);
        assert_eq!((&key["status"], &key["is_default"]), (&json!("verified"), &json!(true)), "{key}");
    }
}

/// Notes the operations that never answered with a success.
fn note_untouched(findings: &mut Findings, statuses: &Statuses, except: &[&str]) {
    for (operation, seen) in statuses {
        let succeeded = seen.keys().any(|status| status.starts_with('2'));
        findings.check(succeeded || except.contains(&operation.as_str()), || {
            format!("{operation} was never answered with a success: {seen:?}")
        });
    }
}

#[tokio::test]
async fn answers_to_an_owner_are_as_the_document_says() {
    let portico = Portico::start().await;
    let ground = Ground::new(&portico).await;
    let statuses = fuzz(&portico, &ground.tenant.owner, "^/", ground.known.clone()).await;
    let mut findings = Findings::new();
    note_untouched(&mut findings, &statuses, &[OPERATORS, PEOPLE, ELSEWHERE].concat());
    findings.finish();
    ground.still_holds().await;
    portico.stop().await;
}

#[tokio::test]
async fn answers_to_a_messaging_key_are_as_the_document_says() {
    let portico = Portico::start().await;
    let ground = Ground::new(&portico).await;
    let sender = ground.tenant.key("messaging").await;
    let statuses = fuzz(&portico, &sender, "^/", ground.known.clone()).await;
    let mut findings = Findings::new();
    let sends = statuses.iter().filter(|(operation, seen)| operation.ends_with("messages") && seen.contains_key("200"));
    findings.check(sends.count() > 0, || format!("nothing was sent: {statuses:?}"));
    let manages = |operation: &str| operation.contains("/api/v1/") && !ANYBODY.contains(&operation);
    let manages = statuses.iter().filter(|(operation, _)| manages(operation));
    for (operation, seen) in manages {
        let succeeded = seen.keys().any(|status| status.starts_with('2'));
        findings.check(!succeeded, || format!("a messaging key may {operation}: {seen:?}"));
    }
    findings.finish();
    ground.still_holds().await;
    portico.stop().await;
}

#[tokio::test]
async fn answers_to_the_operator_are_as_the_document_says() {
    let portico = Portico::start().await;
    let mut ground = Ground::new(&portico).await;
    let (spare, _, _) = Tenant::bare(&portico, "Spare").await;
    let (holder, _, _) = Tenant::bare(&portico, "Holds a team").await;
    let leave = format!("/api/v1/tenants/{}/team-sharing/{holder}", ground.tenant.id);
    portico.operator().send(reqwest::Method::PUT, &leave, Body::None).await.expect(204);
    ground.known["holders"] = json!([holder]);
    ground.known["tenants"] = json!([ground.tenant.id, spare]);
    let paths = "^/api/v1/(tenants?|customers|operator|signing-keys)";
    let statuses = fuzz(&portico, &portico.operator(), paths, ground.known.clone()).await;
    let mut findings = Findings::new();
    note_untouched(&mut findings, &statuses, &[]);
    findings.finish();
    ground.still_holds().await;
    portico.stop().await;
}
