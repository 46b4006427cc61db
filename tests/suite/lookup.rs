//! The look-up: found by whatever is known, as old as it says, fresh when asked, and fenced.

use serde_json::{Value, json};

use crate::harness::tenant::text;
use crate::harness::{Answer, Caller, Connected, Findings, Portico, Tenant, eventually};
use crate::harness::{random_digits, random_uuid};

const UNKNOWN_CUSTOMER: &str = "cus_01h455vb4pex5vsknk084sn02q";

/// Looks up with that query.
async fn look(caller: &Caller, query: &str) -> Answer {
    caller.get(&format!("/api/v1/lookup?{query}")).await
}

/// The rows of a look-up that works.
async fn rows(caller: &Caller, query: &str) -> Vec<Value> {
    let answer = look(caller, query).await.expect(200);
    answer["data"].as_array().unwrap_or_else(|| panic!("{query} has no data: {answer}")).clone()
}

/// The ids of the numbers that are found.
async fn numbers(caller: &Caller, query: &str) -> Vec<String> {
    rows(caller, query).await.iter().map(|row| text(row, "phone_number_id")).collect()
}

/// A customer whose sign-up is finished with this number, as people write it.
async fn connected(portico: &Portico, tenant: &Tenant, external_id: &str, display: &str) -> Connected {
    let customer = tenant.customer(external_id).await;
    let plugin = tenant.plugin(&customer, external_id).await;
    let body = json!({"plugin_id": plugin, "outcome": "finish", "display_phone_number": display});
    Caller::anonymous(portico.sandbox().url()).post("/_sandbox/signups", body).await.expect_success();
    tenant.settled(customer, plugin).await
}

/// When a row was observed.
fn observed(row: &Value) -> time::OffsetDateTime {
    let at = text(row, "observed_at");
    time::OffsetDateTime::parse(&at, &time::format_description::well_known::Rfc3339)
        .unwrap_or_else(|error| panic!("observed_at {at}: {error}"))
}

/// What is recorded, without the ages, which move by themselves.
async fn stored(owner: &Caller, query: &str) -> Value {
    let mut found = rows(owner, query).await;
    for row in found.iter_mut().filter_map(Value::as_object_mut) {
        row.remove("age_seconds");
    }
    let mut all = json!({"found": found});
    for resource in ["plugins", "wabas", "phone-numbers"] {
        all[resource] = json!(owner.list(&format!("/api/v1/{resource}")).await);
    }
    all
}

#[tokio::test]
async fn a_number_is_found_by_everything_that_is_known_of_it() {
    let portico = Portico::start().await;
    let tenant = Tenant::new(&portico, "Found").await;
    let shop = connected(&portico, &tenant, "shop one", "+1 555-000-2222").await;
    connected(&portico, &tenant, "other", "+49 30 1234567").await;
    let owner = &tenant.owner;
    let mut findings = Findings::new();
    portico.sandbox().clear().await;

    for query in [
        format!("customer_id={}", shop.customer),
        "external_id=shop%20one".to_owned(),
        format!("waba_id={}", shop.waba),
        format!("phone_number_id={}", shop.phone),
        format!("plugin_id={}", shop.plugin),
        format!("plugin_id={}", shop.plugin.to_uppercase()),
        "display_phone_number=15550002222".to_owned(),
        "display_phone_number=+15550002222".to_owned(),
        "display_phone_number=%2B15550002222".to_owned(),
        "display_phone_number=+1+555-000-2222".to_owned(),
        "display_phone_number=%2B1%20555-000-2222".to_owned(),
        "display_phone_number=%2B1%20(555)%20000.2222".to_owned(),
        "display_phone_number=0015550002222".to_owned(),
        "display_phone_number=%E2%80%AA%2B1%C2%A0555%E2%80%91000%E2%80%912222".to_owned(),
        format!("external_id=shop+one&display_phone_number=15550002222&waba_id={}", shop.waba),
    ] {
        let found = numbers(owner, &query).await;
        findings.check(found == [shop.phone.clone()], || format!("{query} found {found:?}"));
    }
    for query in [
        "display_phone_number=5550002222".to_owned(),
        "display_phone_number=15550002223".to_owned(),
        format!("customer_id={}&display_phone_number=49301234567", shop.customer),
        format!("waba_id={}", shop.phone),
        "external_id=SHOP%20ONE".to_owned(),
    ] {
        let found = rows(owner, &query).await;
        findings.check(found.is_empty(), || format!("{query} found {found:?}"));
    }

    let row = rows(owner, "external_id=shop+one").await.remove(0);
    for (name, value) in [
        ("customer_id", json!(shop.customer)),
        ("external_id", json!("shop one")),
        ("customer_name", json!("Shop shop one")),
        ("plugin_id", json!(shop.plugin)),
        ("plugin_status", json!("connected")),
        ("waba_id", json!(shop.waba)),
        ("display_phone_number", json!("+1 555-000-2222")),
        ("verified_name", json!("Example Shop")),
        ("status", json!("CONNECTED")),
        ("quality_rating", json!("GREEN")),
        ("messaging_limit_tier", json!("TIER_1K")),
        ("name_status", json!("APPROVED")),
        ("is_active", json!(true)),
    ] {
        findings.check(row[name] == value, || format!("{name} is {}, not {value}", row[name]));
    }
    let age = (time::OffsetDateTime::now_utc() - observed(&row)).whole_seconds();
    let told = row["age_seconds"].as_i64().unwrap_or(-1);
    findings.check(told >= 0 && (told - age).abs() <= 2, || format!("{told} s old, but {age}"));
    let record = portico.sandbox().record().await;
    findings.check(record.is_empty(), || format!("a look-up without refresh asked Chakra: {record:?}"));
    findings.finish();
    portico.stop().await;
}

#[tokio::test]
async fn what_is_not_connected_gives_a_row_of_nulls_and_parts_follow_one_another() {
    let portico = Portico::start().await;
    let tenant = Tenant::new(&portico, "Nulls").await;
    let owner = &tenant.owner;
    let mut findings = Findings::new();

    let customer = tenant.customer("new").await;
    let row = rows(owner, "external_id=new").await;
    findings.check(row.len() == 1 && row[0]["customer_id"] == *customer, || format!("{row:?}"));
    for name in ["plugin_id", "plugin_status", "waba_id", "phone_number_id", "is_active", "observed_at", "age_seconds"]
    {
        findings.check(row[0].get(name) == Some(&Value::Null), || format!("{name}: {row:?}"));
    }
    let plugin = tenant.plugin(&customer, "new").await;
    let row = rows(owner, "external_id=new").await;
    let known = row.len() == 1 && row[0]["plugin_id"] == *plugin && row[0]["plugin_status"] == "created";
    findings.check(known && row[0]["phone_number_id"].is_null(), || format!("{row:?}"));
    let row = rows(owner, &format!("plugin_id={plugin}&refresh=true")).await;
    findings.check(row[0]["age_seconds"].as_i64().is_some_and(|age| age < 20), || format!("{row:?}"));

    // What Chakra learns meanwhile, a refresh finds.
    portico.sandbox().sign_up(&plugin, "waba_only").await;
    let row = eventually("the WABA is found", || async {
        let row = rows(owner, &format!("customer_id={customer}&refresh=true")).await.remove(0);
        (!row["waba_id"].is_null()).then_some(row)
    })
    .await;
    findings.check(row["phone_number_id"].is_null() && row["plugin_status"] == "connected", || format!("{row}"));
    let by_waba = rows(owner, &format!("waba_id={}", text(&row, "waba_id"))).await;
    findings.check(by_waba.len() == 1 && by_waba[0]["customer_id"] == *customer, || format!("{by_waba:?}"));

    for count in 2..=4 {
        portico.sandbox().sign_up(&plugin, "finish").await;
        eventually("the number is found", || async {
            (rows(owner, &format!("plugin_id={plugin}&refresh=true")).await.len() == count).then_some(())
        })
        .await;
    }
    let all = rows(owner, "external_id=new").await;
    let (mut parts, mut next) = (Vec::new(), String::new());
    loop {
        let part = look(owner, &format!("external_id=new&limit=1{next}")).await.expect(200);
        parts.extend(part["data"].as_array().cloned().unwrap_or_default());
        let Some(cursor) = part["next_cursor"].as_str() else { break };
        next = format!("&cursor={cursor}");
    }
    let ids = |rows: &[Value]| rows.iter().map(|row| row["phone_number_id"].clone()).collect::<Vec<_>>();
    findings.check(parts.len() == 4 && ids(&parts) == ids(&all), || format!("{:?} / {:?}", ids(&parts), ids(&all)));
    findings.finish();
    portico.stop().await;
}

#[tokio::test]
async fn a_refresh_moves_the_age_or_leaves_everything_as_it_was() {
    let portico = Portico::start().await;
    let tenant = Tenant::new(&portico, "Refreshed").await;
    let shop = connected(&portico, &tenant, "shop", "+1 555-000-2222").await;
    let (owner, sandbox) = (&tenant.owner, portico.sandbox());
    // A second plugin of the customer, so that a failure at either must undo both.
    let second = tenant.plugin(&shop.customer, "second").await;
    sandbox.sign_up(&second, "finish").await;
    tenant.settled(shop.customer.clone(), second.clone()).await;
    let query = format!("customer_id={}", shop.customer);
    let refreshing = format!("{query}&refresh=true");
    let mut findings = Findings::new();

    let before = rows(owner, &query).await;
    let after = rows(owner, &refreshing).await;
    findings.check(before.len() == 2 && after.len() == 2, || format!("{before:?} became {after:?}"));
    for (old, new) in before.iter().zip(&after) {
        findings.check(observed(new) > observed(old), || format!("the refresh did not move {old} to {new}"));
        findings.check(new["age_seconds"].as_i64().is_some_and(|age| age <= 5), || format!("{new}"));
    }
    let again = rows(owner, &query).await;
    findings.check(observed(&again[0]) == observed(&after[0]), || "a look-up without refresh moved the age".to_owned());

    let before = stored(owner, &query).await;
    let numbers_path = "/v1/ext/whatsapp-phone-number";
    for (what, fault, status, code) in [
        ("500", json!({"path_prefix": "/plugin", "kind": "status", "status": 500}), 502, "upstream_garbled"),
        ("a reset", json!({"path_prefix": "/plugin", "kind": "reset"}), 502, "upstream_unreachable"),
        (
            "500 of the numbers",
            json!({"path_prefix": numbers_path, "kind": "status", "status": 500}),
            502,
            "upstream_garbled",
        ),
        (
            "404 of the numbers",
            json!({"path_prefix": numbers_path, "kind": "status", "status": 404}),
            502,
            "upstream_garbled",
        ),
        ("a truncated answer", json!({"path_prefix": numbers_path, "kind": "truncate"}), 502, "upstream_unreachable"),
        (
            "no JSON",
            json!({"path_prefix": "/plugin", "kind": "status", "status": 200, "body": "<html>"}),
            502,
            "upstream_garbled",
        ),
        (
            "the second of two",
            json!({"path_prefix": format!("/plugin/{second}"), "kind": "reset"}),
            502,
            "upstream_unreachable",
        ),
        (
            "the first of two",
            json!({"path_prefix": format!("/plugin/{}", shop.plugin), "kind": "reset"}),
            502,
            "upstream_unreachable",
        ),
        (
            "a refused key",
            json!({"path_prefix": "/plugin", "kind": "status", "status": 401}),
            502,
            "chakra_key_refused",
        ),
    ] {
        sandbox.fault(fault).await;
        let answer = look(owner, &refreshing).await;
        sandbox.clear_faults().await;
        findings.note(what, answer.not_a_problem(&[status]));
        findings.check(answer.at("/code") == code, || format!("{what}: another code: {answer}"));
        let now = stored(owner, &query).await;
        findings.check(now == before, || format!("{what} changed the records: {before} became {now}"));
    }

    // What Chakra no longer has is no failure: the row says so.
    owner.post_empty(&format!("/api/v1/chakra-keys/{}/verify", tenant.chakra_key_id)).await.expect_success();
    let at_chakra = Caller::anonymous(sandbox.url()).bearing(&tenant.chakra_key);
    at_chakra.delete(&format!("/plugin/{second}")).await.expect_success();
    let after = rows(owner, &refreshing).await;
    let status =
        |plugin: &str| after.iter().find(|row| row["plugin_id"] == *plugin).map(|row| row["plugin_status"].clone());
    findings.check(status(&second) == Some(json!("missing")), || format!("{after:?}"));
    findings.check(status(&shop.plugin) == Some(json!("connected")), || format!("{after:?}"));
    findings.finish();
    portico.stop().await;
}

#[tokio::test]
async fn a_look_up_shows_nothing_beyond_the_callers_reach_and_needs_every_permission() {
    let portico = Portico::start().await;
    let (ours, theirs) = (Tenant::new(&portico, "Ours").await, Tenant::new(&portico, "Theirs").await);
    let mine = connected(&portico, &ours, "mine", "+1 555-000-2222").await;
    let other = connected(&portico, &ours, "other", "+1 555-000-2222").await;
    let foreign = connected(&portico, &theirs, "foreign", "+1 555-000-3333").await;
    let limited = ours.limited_key("owner", &[&mine.customer]).await;
    let one_number = ours.key_with(json!({"name": "n", "role": "owner", "phone_numbers": [mine.phone]})).await;
    let mut findings = Findings::new();
    portico.sandbox().clear().await;

    for (caller, shop, external_id, display) in
        [(&ours.owner, &foreign, "foreign", "15550003333"), (&limited, &other, "other", "15550009999")]
    {
        for (name, id, unknown) in [
            ("customer_id", shop.customer.as_str(), UNKNOWN_CUSTOMER.to_owned()),
            ("plugin_id", &shop.plugin, random_uuid()),
            ("waba_id", &shop.waba, random_digits()),
            ("phone_number_id", &shop.phone, random_digits()),
            ("external_id", external_id, "nobody".to_owned()),
            ("display_phone_number", display, "15550004444".to_owned()),
        ] {
            for more in ["", "&refresh=true"] {
                let seen = look(caller, &format!("{name}={id}{more}")).await;
                let expected = look(caller, &format!("{name}={unknown}{more}")).await;
                findings.check(seen.status == 200, || format!("{seen}"));
                let (seen, expected) = (seen.shape(&[id]), expected.shape(&[&unknown]));
                findings.check(seen == expected, || format!("{name}={id}{more} differs: {seen} / {expected}"));
            }
        }
    }
    let record = portico.sandbox().record().await;
    findings.check(record.is_empty(), || format!("what is not there was asked about at Chakra: {record:?}"));

    let display = "display_phone_number=15550002222";
    let all = numbers(&ours.owner, display).await;
    findings.check(all.len() == 2, || format!("the owner sees {all:?}"));
    for caller in [&limited, &one_number] {
        let seen = numbers(caller, display).await;
        findings.check(seen == [mine.phone.clone()], || format!("a limited key sees {seen:?}"));
    }
    rows(&limited, &format!("{display}&refresh=true")).await;
    let asked = portico.sandbox().record().await;
    let other_asked = asked.iter().any(|request| request.to_string().contains(&other.plugin));
    findings.check(!asked.is_empty() && !other_asked, || format!("a limited key's refresh asked {asked:?}"));
    let answer = look(&one_number, &format!("{display}&refresh=true")).await;
    findings.note("a refresh with a key of one number", answer.not_a_problem(&[403]));

    let reads = ["plugins:read", "customers:read", "wabas:read", "phone_numbers:read"];
    for (at, lacking) in reads.iter().enumerate() {
        let permissions: Vec<_> = reads.iter().filter(|one| *one != lacking).collect();
        let role = format!("lacks-{at}");
        let body = json!({"name": role, "permissions": permissions});
        ours.owner.post("/api/v1/roles", body).await.expect(201);
        let answer = look(&ours.key(&role).await, display).await;
        findings.note(&format!("without {lacking}"), answer.not_a_problem(&[403]));
        findings.check(answer.text.contains(lacking), || format!("does not name {lacking}: {answer}"));
    }
    let viewer = ours.key("viewer").await;
    let seen = rows(&viewer, display).await;
    findings.check(seen.len() == 2, || format!("a viewer sees {seen:?}"));
    let answer = look(&viewer, &format!("{display}&refresh=true")).await;
    findings.note("a viewer's refresh", answer.not_a_problem(&[403]));
    findings.check(answer.text.contains("plugins:write"), || format!("does not name the permission: {answer}"));
    findings.note("no credential", look(&portico.anonymous(), display).await.not_a_problem(&[401]));
    findings.finish();
    portico.stop().await;
}

#[tokio::test]
async fn malformed_values_and_too_wide_refreshes_are_refused_by_name() {
    let portico = Portico::start().await;
    let tenant = Tenant::new(&portico, "Malformed").await;
    let owner = &tenant.owner;
    let mut findings = Findings::new();
    for (query, name) in [
        ("", "display_phone_number"),
        ("refresh=true", "display_phone_number"),
        ("limit=5", "display_phone_number"),
        ("customer_id=shop", "customer_id"),
        ("customer_id=ten_01h455vb4pex5vsknk084sn02q", "customer_id"),
        ("external_id=", "external_id"),
        ("external_id=a%00b", "external_id"),
        ("display_phone_number=", "display_phone_number"),
        ("display_phone_number=shop", "display_phone_number"),
        ("display_phone_number=1555000222%25", "display_phone_number"),
        ("display_phone_number=123", "display_phone_number"),
        ("display_phone_number=1234567890123456", "display_phone_number"),
        ("waba_id=twelve", "waba_id"),
        ("phone_number_id=%2B15550002222", "phone_number_id"),
        ("plugin_id=nonsense", "plugin_id"),
        ("external_id=a&refresh=yes", "refresh"),
        ("external_id=a&limit=0", "limit"),
        ("external_id=a&cursor=nonsense", "cursor"),
        ("external_id=a&external_id=b", "external_id"),
        ("colour=red", "colour"),
    ] {
        let answer = look(owner, query).await;
        findings.check(answer.text.contains(name), || format!("does not name {name}: {answer}"));
        findings.note(query, answer.not_a_problem(&[400]));
    }

    let customer = tenant.customer("wide").await;
    for count in 0..20 {
        tenant.plugin(&customer, &format!("plugin-{count}")).await;
    }
    let query = format!("customer_id={customer}&refresh=true&limit=1");
    portico.sandbox().clear().await;
    rows(owner, &query).await;
    let asked = portico.sandbox().record().await.len();
    findings.check(asked == 20, || format!("20 plugins without numbers took {asked} calls"));
    tenant.plugin(&customer, "one-too-many").await;
    portico.sandbox().clear().await;
    let answer = look(owner, &query).await;
    findings.note("a refresh of 21 plugins", answer.names_no_field(&[422], "query:refresh"));
    let record = portico.sandbox().record().await;
    findings.check(record.is_empty(), || format!("a refused refresh asked Chakra: {record:?}"));

    let (_, _, bare) = Tenant::bare(&portico, "No key").await;
    let body = json!({"external_id": "a", "name": "A"});
    bare.post("/api/v1/customers", body).await.expect(201);
    findings.check(rows(&bare, "external_id=a&refresh=true").await.len() == 1, || "nothing to ask needs no key".into());
    findings.finish();
    portico.stop().await;
}
