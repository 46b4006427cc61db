//! Two tenants hold keys of the same Chakra team, by leave of the operator: Chakra would not tell them apart, Portico
//! does.

use std::collections::BTreeSet;

use portico_chakra::{Condition, Kind, LearnedKind, operations};
use serde_json::{Value, json};

use crate::harness::tenant::{message, text};
use crate::harness::things::{nobodys, templates};
use crate::harness::{Call, Caller, Connected, Findings, Portico, Tenant, random_digits, random_uuid};

/// The kinds that calls make, so that each tenant has some of its own.
const MADE: [LearnedKind; 8] = [
    LearnedKind::Message,
    LearnedKind::Template,
    LearnedKind::Group,
    LearnedKind::Call,
    LearnedKind::Chat,
    LearnedKind::Photo,
    LearnedKind::Process,
    LearnedKind::Job,
];

/// A tenant whose team is its own, with a connected customer.
async fn alone(portico: &Portico) -> (Tenant, Connected) {
    let ours = Tenant::new(portico, "Ours").await;
    let us = ours.connect("shop-us").await;
    (ours, us)
}

/// Another one on that tenant's team from now on.
async fn joined(portico: &Portico, ours: &Tenant) -> (Tenant, Connected) {
    let theirs = ours.joined_by(portico, "Theirs").await;
    let them = theirs.connect("shop-them").await;
    (theirs, them)
}

async fn two_on_one_team(portico: &Portico) -> [(Tenant, Connected); 2] {
    let ours = alone(portico).await;
    let theirs = joined(portico, &ours.0).await;
    [ours, theirs]
}

#[tokio::test]
async fn what_one_tenant_made_answers_the_other_as_what_nobody_made() {
    let portico = Portico::start().await;
    let sandbox = portico.sandbox();
    let (theirs, them) = alone(&portico).await;
    let mut foreign = Vec::new();
    for kind in MADE {
        foreign.push((kind, theirs.thing(&them, kind).await));
    }
    let (ours, us) = joined(&portico, &theirs).await;
    let mut findings = Findings::new();
    for (kind, foreign) in foreign {
        let unknown = nobodys(kind);
        sandbox.clear().await;
        let mut tried = 0;
        for operation in operations() {
            let owned = operation
                .owned
                .iter()
                .filter(|owned| owned.kind == Kind::Learned(kind) && owned.when == Condition::Always);
            for (owned, template) in
                owned.flat_map(|owned| operation.paths.iter().map(move |template| (owned, template)))
            {
                let call = Call::of(operation, template, &us.ids());
                let (Some(foreign_call), Some(unknown_call)) =
                    (call.with(owned.at, &foreign), call.with(owned.at, &unknown))
                else {
                    continue;
                };
                tried += 1;
                let about = format!("{} {} with a foreign {:?}", operation.id, call.what(), owned.at);
                let (seen, expected) = (foreign_call.send(&ours.owner).await, unknown_call.send(&ours.owner).await);
                let expected_status = if operation.team_wide { 403 } else { 404 };
                findings.note(&about, seen.not_an_envelope(&[expected_status]));
                findings.check(seen.shape(&[&foreign]) == expected.shape(&[&unknown]), || {
                    format!("{about}: {seen}\n      differs from {expected}")
                });
            }
        }
        findings.check(tried > 0, || format!("no operation names a {}", kind.as_str()));
        let arrived = sandbox.record().await;
        findings.check(arrived.is_empty(), || format!("{}: arrived at the sandbox: {arrived:?}", kind.as_str()));
    }
    findings.finish();
    portico.stop().await;
}

#[tokio::test]
async fn what_a_tenant_made_itself_it_may_use() {
    let portico = Portico::start().await;
    let (ours, us) = alone(&portico).await;
    let mut calls = Vec::new();
    for operation in operations() {
        let learned = operation.owned.iter().find_map(|owned| match owned.kind {
            Kind::Learned(kind) if MADE.contains(&kind) && owned.when == Condition::Always => Some(owned.at),
            _ => None,
        });
        let things = ours.things(&us, operation).await;
        let call = Call::of(operation, operation.paths[0], &us.ids_with(things));
        if learned.is_some_and(|at| call.names(at)) {
            calls.push((operation, call));
        }
    }
    // Made while the team was its own, and still its own when another tenant is there.
    joined(&portico, &ours).await;
    let mut findings = Findings::new();
    for (operation, call) in calls {
        let answer = call.send(&ours.owner).await;
        let about = format!("{} {}", operation.id, call.what());
        // A value such as a phone number or primary key is not an id: nobody could tell whose it is.
        if operation.team_wide {
            findings.note(&about, answer.not_an_envelope(&[403]));
        } else {
            findings.check(answer.is_success(), || format!("{about}: expected success: {answer}"));
        }
    }
    findings.finish();
    portico.stop().await;
}

#[tokio::test]
async fn a_record_that_is_named_by_a_value_is_nobodys() {
    let portico = Portico::start().await;
    let (ours, us) = alone(&portico).await;
    let process = ours.thing(&us, LearnedKind::Process).await;
    joined(&portico, &ours).await;
    let path = "/v1/ext/procedure/lead/process";
    let change = json!({"status": "COMPLETED"});
    let own = json!({"processes": [{"id": process, "update": change}]});
    ours.owner.patch(path, own).await.expect_success();
    let sneaked = json!({"processes": [{"id": process, "update": change}, {"lead_id": "L-1", "update": change}]});
    let answer = ours.owner.patch(path, sneaked).await;
    assert!(answer.status == 400 && answer.text.contains("/processes/1/lead_id"), "{answer}");
    portico.stop().await;
}

/// The ids in the rows of a list across the team.
async fn listed(tenant: &Tenant, list: &str, body: Option<Value>) -> BTreeSet<String> {
    let answer = match body {
        Some(body) => tenant.owner.post(list, body).await,
        None => tenant.owner.get(list).await,
    };
    let answer = answer.expect_success();
    let rows = answer["_data"].as_array().unwrap_or_else(|| panic!("{list} has no rows: {answer}"));
    rows.iter().map(|row| text(row, "id")).collect()
}

#[tokio::test]
async fn lists_across_the_team_show_each_tenant_its_own_rows() {
    let portico = Portico::start().await;
    let both = two_on_one_team(&portico).await;
    // The same person writes with both.
    let person = random_digits();
    for (tenant, shop) in &both {
        tenant.chat(shop, &person).await;
    }
    let lists = [
        ("/v1/ext/chat", Some(json!({"limit": 100}))),
        ("/v1/ext/plugin/whatsapp/list-chat-messages-for-phone-number", Some(json!({"customerPhoneNumber": person}))),
        ("/v1/ext/whatsapp-phone-number", None),
        ("/v1/ext/whatsapp-business-account", None),
    ];
    let mut findings = Findings::new();
    for (list, body) in lists {
        let [ours, theirs] = [&both[0].0, &both[1].0].map(|tenant| listed(tenant, list, body.clone()));
        let (ours, theirs) = (ours.await, theirs.await);
        findings.check(!ours.is_empty() && !theirs.is_empty(), || format!("{list}: {ours:?} and {theirs:?}: empty"));
        findings.check(ours.is_disjoint(&theirs), || format!("{list}: {ours:?} and {theirs:?} overlap"));
    }
    findings.finish();
    portico.stop().await;
}

#[tokio::test]
async fn a_count_over_the_whole_team_is_not_told() {
    let portico = Portico::start().await;
    let [(ours, us), (theirs, them)] = two_on_one_team(&portico).await;
    ours.chat(&us, &random_digits()).await;
    theirs.chat(&them, &random_digits()).await;
    let chats = ours.owner.post("/v1/ext/chat", json!({"limit": 100})).await.expect_success();
    assert!(chats["_meta"].get("total").is_none(), "{chats}");
    portico.stop().await;
}

#[tokio::test]
async fn a_long_list_holds_each_tenants_own_rows() {
    let portico = Portico::start().await;
    let [(ours, us), (theirs, them)] = two_on_one_team(&portico).await;
    let mut body = message();
    body["text"]["body"] = json!("x".repeat(3_000));
    for (tenant, shop) in [(&ours, &us), (&theirs, &them)] {
        for _ in 0..40 {
            tenant.owner.post(&shop.messages(), body.clone()).await.expect_success();
        }
    }
    let list = "/v1/ext/plugin/whatsapp/list-chat-messages-for-phone-number";
    let ask = json!({"customerPhoneNumber": "15550001111", "limit": 1000});
    let answer = ours.owner.post(list, ask).await;
    assert!(answer.text.len() > 64 * 1024, "the answer is short: {} bytes", answer.text.len());
    let plugins: BTreeSet<_> =
        answer.expect_success()["_data"].as_array().expect("has rows").iter().map(|row| text(row, "plugin")).collect();
    assert_eq!(plugins, BTreeSet::from([us.plugin.clone()]));
    portico.stop().await;
}

#[tokio::test]
async fn pages_of_templates_are_followed_inside_portico() {
    let portico = Portico::start().await;
    let [(ours, us), _] = two_on_one_team(&portico).await;
    for _ in 0..5 {
        ours.thing(&us, LearnedKind::Template).await;
    }
    let gateway = portico.told("gateway_url").to_owned();
    let (mut next, mut pages, mut seen) = (format!("{}?limit=2", templates(&us)), 0, BTreeSet::new());
    loop {
        let page = ours.owner.get(&next).await.expect_success();
        pages += 1;
        seen.extend(page["data"].as_array().expect("has rows").iter().map(|row| text(row, "id")));
        let Some(link) = page["paging"]["next"].as_str() else { break };
        assert!(!link.contains("access_token"), "{link}");
        link.strip_prefix(&gateway).unwrap_or_else(|| panic!("{link} leads away from {gateway}")).clone_into(&mut next);
        assert!(pages < 50, "the pages do not end");
    }
    assert!(pages >= 3 && seen.len() >= 5, "{pages} pages, {seen:?}");
    portico.stop().await;
}

#[tokio::test]
async fn a_customers_key_may_use_what_another_key_of_the_customer_made() {
    let portico = Portico::start().await;
    let ours = Tenant::new(&portico, "Ours").await;
    let (us, sibling) = (ours.connect("shop-us").await, ours.connect("shop-sibling").await);
    let wamid = ours.thing(&us, LearnedKind::Message).await;
    let body = json!({"messaging_product": "whatsapp", "to": "15550001111", "type": "reaction",
        "reaction": {"message_id": wamid, "emoji": "+1"}});
    let mine = ours.limited_key("messaging", &[&us.customer]).await;
    mine.post(&us.messages(), body.clone()).await.expect_success();
    let other = ours.limited_key("messaging", &[&sibling.customer]).await;
    let refused = other.post(&sibling.messages(), body).await;
    assert_eq!(refused.status, 404, "{refused}");
    portico.stop().await;
}

#[tokio::test]
async fn what_reaches_the_whole_team_is_refused_to_both() {
    let portico = Portico::start().await;
    let (ours, us) = alone(&portico).await;
    let mut calls = Vec::new();
    for operation in operations().into_iter().filter(|operation| operation.team_wide) {
        let things = ours.things(&us, operation).await;
        calls.push((operation.id, Call::of(operation, operation.paths[0], &us.ids_with(things))));
    }
    assert!(calls.len() > 10, "{calls:?}");
    let (theirs, them) = joined(&portico, &ours).await;
    portico.sandbox().clear().await;
    let limited = ours.limited_key("owner", &[&us.customer]).await;
    let mut findings = Findings::new();
    for (id, call) in calls {
        for (caller, code) in
            [(&ours.owner, "team_wide_refused"), (&theirs.owner, "team_wide_refused"), (&limited, "key_limited")]
        {
            let answer = call.send(caller).await;
            findings.note(id, answer.not_an_envelope(&[403]));
            findings.check(answer.at("/_meta/code") == code, || format!("{id}: another code than {code}: {answer}"));
        }
    }
    // A plugin that nobody recorded may be the other's, whether Chakra has it or not.
    for plugin in [them.plugin.clone(), random_uuid()] {
        let body = json!({"customer_id": us.customer, "plugin_id": plugin});
        let answer = ours.owner.post("/api/v1/plugins", body).await;
        findings.note("recording a plugin", answer.not_a_problem(&[403]));
        findings.check(answer.at("/code") == "team_wide_refused", || format!("another code: {answer}"));
    }
    let record = portico.sandbox().record().await;
    findings.check(record.is_empty(), || format!("refused calls arrived at Chakra: {record:?}"));
    findings.finish();
    portico.stop().await;
}

/// Everything that pages of these lists tell somebody.
/// Which rows stand on each of many pages of two lists, and what the pages say of themselves.
async fn all_pages(caller: &Caller, person: &str) -> Vec<Value> {
    let mut told = Vec::new();
    for limit in [1, 2, 100] {
        for page in 1..=3 {
            let chats = json!({"limit": limit, "page": page, "orderField": "createdAt", "orderDirection": "asc"});
            let messages = json!({"limit": limit, "page": page, "customerPhoneNumber": person});
            told.push(rows(&caller.post("/v1/ext/chat", chats).await.expect_success()));
            let list = "/v1/ext/plugin/whatsapp/list-chat-messages-for-phone-number";
            told.push(rows(&caller.post(list, messages).await.expect_success()));
        }
    }
    told
}

/// A page without what changes by itself: a message's way to its recipient.
fn rows(page: &Value) -> Value {
    let ids: Vec<_> = page["_data"].as_array().into_iter().flatten().map(|row| json!({"id": row["id"]})).collect();
    json!({"_data": ids, "_meta": page["_meta"]})
}

#[tokio::test]
async fn pages_of_a_list_tell_nothing_of_others_rows() {
    let portico = Portico::start().await;
    let [(ours, us), (theirs, them)] = two_on_one_team(&portico).await;
    let sibling = ours.connect("shop-sibling").await;
    let limited = ours.limited_key("owner", &[&us.customer]).await;
    let person = random_digits();
    for _ in 0..2 {
        ours.chat(&us, &random_digits()).await;
    }
    ours.chat(&us, &person).await;
    let before = (all_pages(&ours.owner, &person).await, all_pages(&limited, &person).await);
    let own: BTreeSet<_> = before.0[0]["_data"].as_array().into_iter().flatten().map(|row| text(row, "id")).collect();
    assert_eq!((own.len(), before.0[0]["_meta"]["hasMore"].clone()), (1, json!(true)), "{}", before.0[0]);
    // Another tenant, and another customer, write with the same person, before and behind every row of ours.
    for number in 0..120 {
        let mut body = message();
        body["to"] = json!(if number == 0 { person.clone() } else { random_digits() });
        theirs.owner.post(&them.messages(), body).await.expect_success();
    }
    assert_eq!(all_pages(&ours.owner, &person).await, before.0, "another tenant's rows move ours");
    ours.chat(&sibling, &person).await;
    assert_eq!(all_pages(&limited, &person).await, before.1, "another customer's rows move ours");
    portico.stop().await;
}

#[tokio::test]
async fn a_condition_on_rows_that_may_be_others_does_not_reach_chakra() {
    let portico = Portico::start().await;
    let (ours, us) = alone(&portico).await;
    let other = ours.connect("shop-other").await;
    let person = random_digits();
    ours.chat(&us, &random_digits()).await;
    ours.chat(&other, &person).await;
    let limited = ours.limited_key("owner", &[&us.customer]).await;
    portico.sandbox().clear().await;
    let mut findings = Findings::new();
    for (field, value) in [
        ("search", json!(person)),
        ("where", json!({"or": [{"name": {">=": "M"}}]})),
        ("skip", json!(1)),
        ("Search", json!(person)),
        ("filter", json!({})),
    ] {
        for list in ["/v1/ext/chat", "/v1/ext/plugin/whatsapp/list-chat-messages-for-phone-number"] {
            let mut body = json!({"limit": 1, "customerPhoneNumber": person});
            if list == "/v1/ext/chat" {
                body = json!({"limit": 1});
            }
            body[field] = value.clone();
            let answer = limited.post(list, body).await;
            findings.note(field, answer.not_an_envelope(&[400]));
            findings.check(answer.text.contains(&format!("/{field}")), || format!("does not name {field}: {answer}"));
        }
    }
    let record = portico.sandbox().record().await;
    findings.check(record.is_empty(), || format!("refused calls arrived at Chakra: {record:?}"));
    // Whose whole team it is may search.
    let found = ours.owner.post("/v1/ext/chat", json!({"search": person})).await.expect_success();
    findings.check(found["_data"].as_array().is_some_and(|rows| rows.len() == 1), || format!("{found}"));
    findings.finish();
    portico.stop().await;
}

#[tokio::test]
async fn nothing_is_learned_from_a_list_over_the_whole_team() {
    let portico = Portico::start().await;
    let (ours, us) = alone(&portico).await;
    // Made at Chakra, not through Portico.
    let at_chakra = Caller::anonymous(portico.sandbox().url()).bearing(&ours.chakra_key);
    let made = at_chakra.post("/v1/ext/procedure/lead/process", json!({"data": {"name": "Ada"}})).await;
    let lead = text(&made.expect_success()["_data"], "id");
    let path = format!("/v1/ext/procedure/lead/process/{lead}");
    let list = ours.owner.post("/v1/ext/procedure/lead/process/list", json!({"limit": 100})).await.expect_success();
    assert!(list.to_string().contains(&lead), "{list}");
    ours.owner.get(&path).await.expect_success();
    ours.chat(&us, &random_digits()).await;
    joined(&portico, &ours).await;
    let answer = ours.owner.get(&path).await;
    assert_eq!(answer.status, 404, "the list taught it: {answer}");
    portico.stop().await;
}
