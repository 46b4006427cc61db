//! Two tenants hold keys of the same Chakra team: Chakra would not tell them apart, Portico does.

use std::collections::BTreeSet;

use portico_chakra::{Condition, Kind, LearnedKind, operations};
use serde_json::{Value, json};

use crate::harness::tenant::{message, text};
use crate::harness::things::{nobodys, templates};
use crate::harness::{Call, Connected, Findings, Portico, Tenant, random_digits};

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

async fn two_on_one_team(portico: &Portico) -> [(Tenant, Connected); 2] {
    let team = portico.sandbox().team().await;
    let ours = Tenant::on_team(portico, "Ours", &team).await;
    let theirs = Tenant::on_team(portico, "Theirs", &team).await;
    let (us, them) = (ours.connect("shop-us").await, theirs.connect("shop-them").await);
    [(ours, us), (theirs, them)]
}

#[tokio::test]
async fn what_one_tenant_made_answers_the_other_as_what_nobody_made() {
    let portico = Portico::start().await;
    let sandbox = portico.sandbox();
    let [(ours, us), (theirs, them)] = two_on_one_team(&portico).await;
    let mut findings = Findings::new();
    for kind in MADE {
        let foreign = theirs.thing(&them, kind).await;
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
                findings.note(&about, seen.not_an_envelope(&[404]));
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
    let [(ours, us), _] = two_on_one_team(&portico).await;
    let mut findings = Findings::new();
    for operation in operations() {
        let learned = operation.owned.iter().find_map(|owned| match owned.kind {
            Kind::Learned(kind) if MADE.contains(&kind) && owned.when == Condition::Always => Some(owned.at),
            _ => None,
        });
        // A value such as a phone number or primary key is not an id: nobody could tell whose it is.
        let by_value = operation.id.contains("primary_key") || operation.id.contains("by_phone_number");
        let things = ours.things(&us, operation).await;
        let call = Call::of(operation, operation.paths[0], &us.ids_with(things));
        if learned.is_none_or(|at| !call.names(at)) {
            continue;
        }
        let answer = call.send(&ours.owner).await;
        let about = format!("{} {}", operation.id, call.what());
        if by_value {
            findings.note(&about, answer.not_an_envelope(&[404]));
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
    let [(ours, us), _] = two_on_one_team(&portico).await;
    let process = ours.thing(&us, LearnedKind::Process).await;
    let path = "/v1/ext/procedure/lead/process";
    let change = json!({"status": "COMPLETED"});
    let own = json!({"processes": [{"id": process, "update": change}]});
    ours.owner.patch(path, own).await.expect_success();
    let sneaked = json!({"processes": [{"id": process, "update": change}, {"lead_id": "L-1", "update": change}]});
    let answer = ours.owner.patch(path, sneaked).await;
    assert_eq!(answer.status, 404, "{answer}");
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
        tenant.thing(shop, LearnedKind::Process).await;
    }
    let lists = [
        ("/v1/ext/chat", Some(json!({"limit": 100}))),
        ("/v1/ext/plugin/whatsapp/list-chat-messages-for-phone-number", Some(json!({"customerPhoneNumber": person}))),
        ("/v1/ext/procedure/lead/process/list", Some(json!({"limit": 100}))),
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
async fn a_long_list_is_filtered_while_it_passes() {
    let portico = Portico::start().await;
    let [(ours, us), (theirs, them)] = two_on_one_team(&portico).await;
    // Long enough that the answer is not held as a whole.
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
