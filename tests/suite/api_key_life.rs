//! What API keys live through: rotation, rate limits, expiry, and that an owner always stays.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use crate::harness::database::Database;
use crate::harness::tenant::text;
use crate::harness::{Answer, Body, Caller, Findings, Portico, Serve, Tenant, eventually};

const NOBODYS_ID: &str = "key_01h455vb4pex5vsknk084sn02q";
/// A well-formed secret that nobody has.
pub(crate) const NOBODYS: &str = "ptc_live_0aB1cD2eF3gH4iJ5kL6mN7oP8qR9sT0v_0HGDh0";

/// A new key: its path and a caller with its secret.
pub(crate) async fn key(owner: &Caller, body: Value) -> (String, Caller) {
    let made = owner.post("/api/v1/api-keys", body).await.expect(201);
    (format!("/api/v1/api-keys/{}", text(&made, "id")), owner.bearing(&text(&made, "secret")))
}

pub(crate) fn of_role(role: &str) -> Value {
    json!({"name": format!("a {role} key"), "role": role})
}

fn within(span: Duration) -> String {
    (OffsetDateTime::now_utc() + span).format(&Rfc3339).expect("a moment can be written")
}

pub(crate) async fn until(caller: &Caller, path: &str, status: u16) -> Answer {
    eventually(&format!("{path} answers {status}"), || async {
        let answer = caller.get(path).await;
        (answer.status == status).then_some(answer)
    })
    .await
}

#[tokio::test]
async fn a_rotated_key_opens_with_both_secrets_and_says_who_uses_the_old_one() {
    let portico = Portico::start().await;
    let database = Database::of(&portico).await;
    let (id, _, owner) = Tenant::bare(&portico, "Rotation").await;
    let (path, old) = key(&owner, of_role("viewer")).await;
    let rotate = format!("{path}/rotate");
    old.get("/api/v1/customers").await.expect(200);

    let rotated = owner.post(&rotate, json!({"overlap_seconds": 3600})).await.expect(201);
    let new = owner.bearing(&text(&rotated, "secret"));
    assert_ne!(new.token(), old.token());
    assert!(new.token().starts_with(&text(&rotated, "prefix")), "{rotated}");
    for caller in [&old, &new] {
        caller.get("/api/v1/customers").await.expect(200);
    }
    old.get("/v1/health").await;
    old.get("/api/v1/customers/cus_01h455vb4pex5vsknk084sn02q").await.expect(404);
    let uses = eventually("the uses of the old secret are noted", || async {
        let uses = owner.list(&format!("{path}/old-secret-uses")).await;
        (uses.len() >= 3).then_some(uses)
    })
    .await;
    let seen: BTreeSet<_> = uses.iter().map(|used| text(used, "operation")).collect();
    assert_eq!(
        seen,
        BTreeSet::from(["GET /api/v1/customers", "GET /api/v1/customers/{id}", "health"].map(str::to_owned)),
        "{uses:?}"
    );
    assert!(uses.iter().all(|used| used["address"] == "127.0.0.1" && used["uses"] == 1), "{uses:?}");
    let shown = owner.get(&path).await;
    assert!(!shown.text.contains(old.token()) && !shown.text.contains(new.token()), "{shown}");
    let shown = shown.expect(200);
    let secret = &shown["old_secrets"][0];
    assert_eq!((&secret["uses"], &secret["id"]), (&json!(3), &uses[0]["old_secret_id"]), "{shown}");
    assert!(old.token().starts_with(&text(secret, "prefix")) && secret["last_used_at"].is_string(), "{shown}");
    assert_eq!(shown["last_used_operation"], "GET /api/v1/customers/{id}", "{shown}");

    // Half of the overlap is over; any change of a key makes Portico look.
    database.run(&id, "update api_key_old_secrets set notice_at = now()").await;
    key(&owner, of_role("viewer")).await;
    let events = eventually("the tenant is told that the old secret is used", || async {
        let events = database.events(&id, "api_key.old_secret_used").await;
        (!events.is_empty()).then_some(events)
    })
    .await;
    assert_eq!((events.len(), &events[0]["data"]["uses"]), (1, &json!(3)), "{events:?}");
    assert_eq!(events[0]["data"]["old_secret_id"], secret["id"], "{events:?}");

    // Its end makes it a key that nobody knows.
    let unknown = owner.bearing(NOBODYS).get("/api/v1/customers").await;
    database.run(&id, "update api_key_old_secrets set expires_at = now()").await;
    let ended = until(&old, "/api/v1/customers", 401).await;
    assert_eq!(ended.shape(&[]), unknown.shape(&[]));
    new.get("/api/v1/customers").await.expect(200);

    // Without an overlap the secret before is refused at once, with one the last five open.
    let third = owner.post(&rotate, json!({"overlap_seconds": 0})).await.expect(201);
    new.get("/api/v1/customers").await.expect(401);
    let mut secrets = vec![text(&third, "secret")];
    for _ in 0..5 {
        secrets.push(text(&owner.post(&rotate, json!({})).await.expect(201), "secret"));
    }
    let refused = owner.post(&rotate, json!({})).await;
    assert_eq!((refused.not_a_problem(&[409]), refused.at("/code")), (None, &json!("too_many_old_secrets")));
    for secret in &secrets {
        owner.bearing(secret).get("/api/v1/customers").await.expect(200);
    }
    // Without an overlap all of them end at once, and the key says so.
    let last = owner.post(&rotate, json!({"overlap_seconds": 0})).await.expect(201);
    for secret in &secrets {
        assert_eq!(owner.bearing(secret).get("/api/v1/customers").await.status, 401, "an earlier secret opens");
    }
    owner.bearing(&text(&last, "secret")).get("/api/v1/customers").await.expect(200);
    let shown = owner.get(&path).await.expect(200);
    let now = OffsetDateTime::now_utc();
    let ended = |old: &Value| OffsetDateTime::parse(&text(old, "expires_at"), &Rfc3339).is_ok_and(|end| end <= now);
    assert!(shown["old_secrets"].as_array().is_some_and(|all| all.iter().all(ended)), "{shown}");
    assert_eq!(database.audited(&id, "api_key.rotate").await.len(), 8);

    // A key that may change keys rotates itself.
    let (path, developer) = key(&owner, of_role("admin")).await;
    let itself = developer.post(&format!("{path}/rotate"), json!({"overlap_seconds": 0})).await.expect(201);
    developer.get("/api/v1/customers").await.expect(401);
    owner.bearing(&text(&itself, "secret")).get("/api/v1/customers").await.expect(200);
    portico.stop().await;
}

#[tokio::test]
async fn rotation_is_refused_to_who_may_not_and_for_what_is_not_there() {
    let portico = Portico::start().await;
    let (_, _, owner) = Tenant::bare(&portico, "Refused").await;
    let (_, _, stranger) = Tenant::bare(&portico, "Stranger").await;
    let (path, viewer) = key(&owner, of_role("viewer")).await;
    let (_, admin) = key(&owner, of_role("admin")).await;
    let (owners, _) = key(&owner, of_role("owner")).await;
    let mut findings = Findings::new();
    for overlap in [json!(-1), json!(604_801), json!(1.5), json!("3600"), json!(null), json!([])] {
        let answer = owner.post(&format!("{path}/rotate"), json!({"overlap_seconds": overlap})).await;
        findings.note("an odd overlap", answer.names_no_field(&[400, 422], "/overlap_seconds"));
    }
    let answer = owner.post(&format!("{path}/rotate"), json!({"overlap": 5})).await;
    findings.note("an unknown field", answer.names_no_field(&[400, 422], "/overlap"));
    let body = || Body::Json(json!({"overlap_seconds": 60}));
    for (method, call, body) in [(Method::POST, "rotate", body()), (Method::GET, "old-secret-uses", Body::None)] {
        let theirs = stranger.send(method.clone(), &format!("{path}/{call}"), body.clone()).await;
        let nobodys =
            stranger.send(method.clone(), &format!("/api/v1/api-keys/{NOBODYS_ID}/{call}"), body.clone()).await;
        findings.note("another tenant's key", theirs.not_a_problem(&[404]));
        findings.check(theirs.shape(&[&path]) == nobodys.shape(&[NOBODYS_ID]), || format!("{theirs}\n{nobodys}"));
        let answer = owner.send(method.clone(), &format!("/api/v1/api-keys/nonsense/{call}"), body).await;
        findings.note("no id", answer.not_a_problem(&[400]));
    }
    findings.note("a viewer rotates", viewer.post(&format!("{path}/rotate"), json!({})).await.not_a_problem(&[403]));
    findings.note(
        "an admin rotates an owner's",
        admin.post(&format!("{owners}/rotate"), json!({})).await.not_a_problem(&[403]),
    );
    for query in ["limit=0", "cursor=x", "colour=red"] {
        let answer = owner.get(&format!("{path}/old-secret-uses?{query}")).await;
        findings.note(query, answer.not_a_problem(&[400]));
    }
    viewer.get("/api/v1/customers").await.expect(200);
    owner.delete(&path).await.expect(204);
    let answer = owner.post(&format!("{path}/rotate"), json!({})).await;
    findings.note("a revoked key", answer.not_a_problem(&[409]));
    findings.finish();
    portico.stop().await;
}

#[tokio::test]
async fn a_rate_limit_holds_for_its_key_alone_and_on_both_surfaces() {
    let portico = Portico::start().await;
    let tenant = Tenant::new(&portico, "Rates").await;
    let shop = tenant.connect("shop").await;
    let (path, limited) = key(&tenant.owner, json!({"name": "slow", "role": "owner", "rate_limit": 1})).await;
    let other = tenant.key("viewer").await;
    let mut findings = Findings::new();
    let compatible = format!("/plugin/{}", shop.plugin);
    for (surface, problem) in [("/api/v1/customers", true), (compatible.as_str(), false)] {
        let first = until(&limited, surface, 200).await;
        findings.check(first.header("ratelimit-policy") == "\"api_key\";q=1;w=1", || format!("{first}"));
        findings.check(first.header("ratelimit") == "\"api_key\";r=0;t=1", || format!("{first}"));
        let refused = until(&limited, surface, 429).await;
        findings.check(refused.header("retry-after") == "1", || format!("{refused}"));
        findings.check(refused.header("ratelimit") == "\"api_key\";r=0;t=1", || format!("{refused}"));
        findings.check(refused.text.contains("API key's own limit"), || format!("{refused}"));
        findings.check(refused.text.contains("rate_limited"), || format!("{refused}"));
        let wrong = if problem { refused.not_a_problem(&[429]) } else { refused.not_an_envelope(&[429]) };
        findings.note(surface, wrong);
        for free in [&other, &tenant.owner] {
            let answer = free.get(surface).await;
            findings.check(answer.status == 200 && answer.header("ratelimit").is_empty(), || format!("{answer}"));
        }
    }
    let log = eventually("the refused call is in the log", || async {
        let rows = tenant.owner.list("/api/v1/requests").await;
        rows.into_iter().find(|row| row["code"] == "rate_limited")
    })
    .await;
    findings.check(log["status"] == 429, || format!("{log}"));

    // Who has a limit gives no more than it, and does not lift its own.
    tenant.owner.patch(&path, json!({"rate_limit": 100})).await.expect(200);
    eventually("the new limit holds", || async {
        (limited.get("/api/v1/customers").await.header("ratelimit-policy") == "\"api_key\";q=100;w=1").then_some(())
    })
    .await;
    for limit in [json!(101), json!(null)] {
        let made = json!({"name": "fast", "role": "viewer", "rate_limit": limit});
        findings
            .note("a faster key", limited.post("/api/v1/api-keys", made).await.names_no_field(&[403], "/rate_limit"));
        let wider = limited.patch(&path, json!({"rate_limit": limit})).await;
        findings.note("its own limit", wider.names_no_field(&[403], "/rate_limit"));
    }
    let (slower, _) = key(&limited, json!({"name": "slower", "role": "viewer", "rate_limit": 100})).await;
    limited.patch(&slower, json!({"rate_limit": 5})).await.expect(200);
    for limit in [json!(0), json!(10_001), json!(-1), json!(1.5), json!("5"), json!([])] {
        let answer = tenant.owner.patch(&path, json!({"rate_limit": limit})).await;
        findings.note("an odd limit", answer.names_no_field(&[400, 422], "/rate_limit"));
        let made = json!({"name": "odd", "role": "viewer", "rate_limit": limit});
        let answer = tenant.owner.post("/api/v1/api-keys", made).await;
        findings.note("an odd limit", answer.names_no_field(&[400, 422], "/rate_limit"));
    }
    tenant.owner.patch(&path, json!({"rate_limit": null})).await.expect(200);
    eventually("the limit is lifted", || async {
        limited.get("/api/v1/customers").await.header("ratelimit-policy").is_empty().then_some(())
    })
    .await;
    findings.finish();
    portico.stop().await;
}

#[tokio::test]
async fn limits_of_a_key_are_changed_and_widened_only_by_who_has_more() {
    let portico = Portico::start().await;
    let tenant = Tenant::new(&portico, "Limits").await;
    let (shop, other) = (tenant.connect("shop").await, tenant.connect("other").await);
    let owner = &tenant.owner;
    let (path, caller) = key(owner, of_role("admin")).await;
    let mut findings = Findings::new();

    let changed = owner.patch(&path, json!({"customers": [shop.customer]})).await.expect(200);
    findings.check(changed["customers"] == json!([shop.customer]), || format!("{changed}"));
    until(&caller, &format!("/api/v1/customers/{}", other.customer), 404).await;
    findings.note(
        "a limited key makes keys",
        caller.post("/api/v1/api-keys", of_role("viewer")).await.not_a_problem(&[403]),
    );
    findings.note("and lifts its limit", caller.patch(&path, json!({"customers": null})).await.not_a_problem(&[403]));
    let changed = owner.patch(&path, json!({"phone_numbers": [other.phone]})).await.expect(200);
    findings.check(changed["customers"] == json!([other.customer]), || format!("numbers bring customers: {changed}"));
    let tied = owner.patch(&path, json!({"customers": null})).await;
    findings.check(tied.text.contains("/phone_numbers"), || format!("does not say what is left: {tied}"));
    findings.note("numbers keep customers", tied.names_no_field(&[422], "/customers"));
    let changed = owner.patch(&path, json!({"customers": null, "phone_numbers": null})).await.expect(200);
    findings.check(changed["customers"].is_null() && changed["phone_numbers"].is_null(), || format!("{changed}"));
    until(&caller, &format!("/api/v1/customers/{}", shop.customer), 200).await;

    // From here the key may be used at home only; it passes on no other address.
    let home = json!({"allowed_ips": ["127.0.0.0/8"], "expires_at": within(Duration::days(60))});
    owner.patch(&path, home).await.expect(200);
    let (free, _) = key(owner, of_role("viewer")).await;
    findings.note(
        "narrowing a wider key",
        caller.patch(&free, json!({"allowed_ips": ["127.0.0.1"]})).await.not_a_problem(&[403]),
    );
    let narrow = json!({"allowed_ips": ["127.0.0.0/16"], "expires_at": within(Duration::days(30))});
    owner.patch(&free, narrow).await.expect(200);
    findings.check(caller.patch(&free, json!({"allowed_ips": ["127.0.0.1"]})).await.is_success(), || {
        "it has all that the key can do".to_owned()
    });
    let wide = json!({"allowed_ips": ["126.0.0.0/7"]});
    findings.note("an address beyond", caller.patch(&free, wide).await.names_no_field(&[403], "/allowed_ips"));
    findings.note(
        "lifting",
        caller.patch(&free, json!({"allowed_ips": null})).await.names_no_field(&[403], "/allowed_ips"),
    );
    findings.note(
        "lifting its own",
        caller.patch(&path, json!({"allowed_ips": null})).await.names_no_field(&[403], "/allowed_ips"),
    );
    findings.check(caller.patch(&free, json!({"expires_at": within(Duration::days(50))})).await.is_success(), || {
        "a later end before its own".to_owned()
    });
    for end in [json!(null), json!(within(Duration::days(90)))] {
        let answer = caller.patch(&free, json!({"expires_at": end})).await;
        findings.note("a later end", answer.names_no_field(&[403], "/expires_at"));
    }
    owner.patch(&free, json!({"allowed_ips": null, "expires_at": null})).await.expect(200);

    for (body, pointer) in [
        (json!({"customers": []}), "/customers"),
        (json!({"customers": ["cus_01h455vb4pex5vsknk084sn02q"]}), "/customers"),
        (json!({"customers": "all"}), "/customers"),
        (json!({"phone_numbers": ["123"]}), "/phone_numbers"),
        (json!({"phone_numbers": []}), "/phone_numbers"),
        (json!({"allowed_ips": ["300.0.0.0/8"]}), "/allowed_ips"),
        (json!({"allowed_ips": []}), "/allowed_ips"),
        (json!({"expires_at": "2020-01-01T00:00:00Z"}), "/expires_at"),
    ] {
        let before = owner.get(&free).await.expect(200);
        let answer = owner.patch(&free, body).await;
        findings.check(answer.text.contains(pointer), || format!("does not name {pointer}: {answer}"));
        findings.note("a wrong limit", answer.not_a_problem(&[422]));
        findings.check(before == owner.get(&free).await.expect(200), || format!("{pointer} was half-written"));
    }
    findings.finish();
    portico.stop().await;
}

#[tokio::test]
async fn a_limited_key_takes_over_and_changes_no_wider_one() {
    let portico = Portico::start().await;
    let (_, _, owner) = Tenant::bare(&portico, "Takeover").await;
    let mut findings = Findings::new();
    for (pointer, limit) in [
        ("/expires_at", json!({"expires_at": within(Duration::hours(1))})),
        ("/allowed_ips", json!({"allowed_ips": ["127.0.0.0/8"]})),
        ("/rate_limit", json!({"rate_limit": 1000})),
    ] {
        let mut body = json!({"name": "limited", "role": "admin"});
        for (name, value) in limit.as_object().into_iter().flatten() {
            body[name] = value.clone();
        }
        let (own, limited) = key(&owner, body).await;
        let (path, free) = key(&owner, of_role("viewer")).await;
        let before = owner.get(&path).await.expect(200);
        let rotated = limited.post(&format!("{path}/rotate"), json!({"overlap_seconds": 0})).await;
        findings.note("a limited key rotates a wider one", rotated.names_no_field(&[403], pointer));
        for patch in [json!({"role": "admin"}), json!({"name": "mine"}), limit.clone()] {
            let answer = limited.patch(&path, patch).await;
            findings.note("a limited key changes a wider one", answer.names_no_field(&[403], pointer));
        }
        let after = owner.get(&path).await.expect(200);
        findings.check(before == after, || format!("half-written: {before} became {after}"));
        findings.check(free.get("/api/v1/customers").await.status == 200, || "its secret is gone".to_owned());

        // What is as narrow it may take over, itself too; and revoke whatever has a role it may give.
        let mut narrow = limit.clone();
        narrow["name"] = json!("narrow");
        narrow["role"] = json!("viewer");
        let (narrow, _) = key(&owner, narrow).await;
        limited.post(&format!("{narrow}/rotate"), json!({})).await.expect(201);
        limited.patch(&narrow, json!({"role": "admin"})).await.expect(200);
        limited.delete(&path).await.expect(204);
        limited.patch(&own, json!({"name": "still me"})).await.expect(200);
        limited.post(&format!("{own}/rotate"), json!({})).await.expect(201);
    }
    findings.finish();
    portico.stop().await;
}

#[tokio::test]
async fn keys_are_found_by_their_end_and_told_of_before_it() {
    let portico = Portico::start().await;
    let database = Database::of(&portico).await;
    let (id, _, owner) = Tenant::bare(&portico, "Ends").await;
    let second = Serve::start(&portico, portico.told("sandbox_url")).await;
    let mut paths = Vec::new();
    for (name, days) in
        [("late", Some(400)), ("never", None), ("soon", Some(15)), ("far", Some(500)), ("tomorrow", Some(1))]
    {
        let end = days.map(|days| within(Duration::days(days)));
        let made = owner
            .post("/api/v1/api-keys", json!({"name": name, "role": "viewer", "expires_at": end}))
            .await
            .expect(201);
        paths.push((name, format!("/api/v1/api-keys/{}", text(&made, "id"))));
    }
    let path = |wanted: &str| paths.iter().find(|(name, _)| *name == wanted).expect("is one").1.clone();
    let names = async |query: &str| {
        let (mut names, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = owner.get(&format!("/api/v1/api-keys?limit=2&{query}{cursor}")).await.expect(200);
            names.extend(page["data"].as_array().into_iter().flatten().map(|key| text(key, "name")));
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return names,
            }
        }
    };
    let mut findings = Findings::new();
    for (query, expected) in [
        ("order=expires_at", &["tomorrow", "soon", "late", "far", "the owner", "never"][..]),
        ("order=created_at", &["the owner", "late", "never", "soon", "far", "tomorrow"]),
        ("status=active", &["the owner", "late", "never", "soon", "far", "tomorrow"]),
        ("status=expired", &[]),
        ("status=revoked", &[]),
    ] {
        let seen = names(query).await;
        findings.check(seen == expected, || format!("{query}: {seen:?}"));
    }
    let before = within(Duration::days(30)).replace('+', "%2B");
    let seen = names(&format!("order=expires_at&expires_before={before}")).await;
    findings.check(seen == ["tomorrow", "soon"], || format!("expires_before: {seen:?}"));
    owner.delete(&path("late")).await.expect(204);
    let seen = names("status=revoked").await;
    findings.check(seen == ["late"], || format!("revoked: {seen:?}"));
    let by_age = text(&owner.get("/api/v1/api-keys?limit=1").await.expect(200), "next_cursor");
    let by_end = text(&owner.get("/api/v1/api-keys?limit=1&order=expires_at").await.expect(200), "next_cursor");
    for query in [
        "order=name".to_owned(),
        "order=".to_owned(),
        "status=asleep".to_owned(),
        "expires_before=tomorrow".to_owned(),
        "cursor=nonsense".to_owned(),
        format!("cursor={by_end}"),
        format!("order=expires_at&cursor={by_age}"),
        "order=expires_at&cursor=9223372036854775807.00000000000000000000000000000000".to_owned(),
        "order=expires_at&cursor=-99999999999999999.00000000000000000000000000000000".to_owned(),
        "order=expires_at&cursor=never.".to_owned(),
    ] {
        let answer = owner.get(&format!("/api/v1/api-keys?{query}")).await;
        let name = query.rsplit('&').next().and_then(|last| last.split('=').next()).unwrap_or_default().to_owned();
        findings.check(answer.text.contains(&name), || format!("{query}: does not name {name}: {answer}"));
        findings.note(&query, answer.not_a_problem(&[400]));
    }

    // Each was told of once, with the nearest notice only, whoever of the two looked.
    let beside = owner.at(second.url());
    let told = eventually("the keys that end soon are told of", || async {
        beside.patch(&path("far"), json!({"description": "looked at"})).await.expect(200);
        owner.patch(&path("far"), json!({"description": "looked at again"})).await.expect(200);
        let events = database.events(&id, "api_key.expiring").await;
        (events.len() >= 2).then_some(events)
    })
    .await;
    let seen: BTreeSet<_> =
        told.iter().map(|event| (text(&event["data"], "name"), event["data"]["days"].as_i64())).collect();
    let expected = BTreeSet::from([("soon".to_owned(), Some(20)), ("tomorrow".to_owned(), Some(1))]);
    findings.check(seen == expected && told.len() == 2, || format!("{told:?}"));
    findings.check(told.iter().all(|event| event["data"]["expires_at"].is_string()), || format!("{told:?}"));

    // Another end arms the notices again; the end itself is told of once, and the key says so.
    owner.patch(&path("soon"), json!({"expires_at": within(Duration::days(9))})).await.expect(200);
    database.run(&id, "update api_keys set expires_at = now(), notice_at = now() where name = 'tomorrow'").await;
    owner.patch(&path("far"), json!({"description": "looked at a third time"})).await.expect(200);
    eventually("the end is told of", || async {
        let expired = database.events(&id, "api_key.expired").await;
        let again = database.events(&id, "api_key.expiring").await;
        (expired.len() == 1 && again.len() == 3 && again[2]["data"]["days"] == 10).then_some(())
    })
    .await;
    let seen = names("status=expired").await;
    findings.check(seen == ["tomorrow"], || format!("expired: {seen:?}"));
    findings.finish();
    portico.stop().await;
}

#[tokio::test]
async fn the_last_owner_stays() {
    let portico = Portico::start().await;
    let (_, operator, owner) = Tenant::bare(&portico, "Owners").await;
    let own = text(&owner.list("/api/v1/api-keys").await[0], "id");
    let path = format!("/api/v1/api-keys/{own}");
    let mut findings = Findings::new();
    let customer =
        text(&owner.post("/api/v1/customers", json!({"external_id": "c", "name": "C"})).await.expect(201), "id");
    let removals = || {
        vec![
            ("demoted", Some(json!({"role": "admin"}))),
            ("limited", Some(json!({"customers": [customer]}))),
            ("fenced", Some(json!({"allowed_ips": ["127.0.0.1"]}))),
            ("ended", Some(json!({"expires_at": within(Duration::days(1))}))),
            ("revoked", None),
        ]
    };
    let remove = async |caller: &Caller, path: &str, body: Option<Value>| match body {
        Some(body) => caller.patch(path, body).await,
        None => caller.delete(path).await,
    };
    let before = owner.get(&path).await.expect(200);
    // Neither an owner that is limited nor one that ends takes its place.
    key(&owner, json!({"name": "limited", "role": "owner", "customers": [customer]})).await;
    key(&owner, json!({"name": "ending", "role": "owner", "expires_at": within(Duration::days(1))})).await;
    for (what, body) in removals() {
        for caller in [&owner, &operator] {
            let answer = remove(caller, &path, body.clone()).await;
            findings.check(answer.at("/code") == "last_owner", || format!("{what}: {answer}"));
            findings.note(what, answer.not_a_problem(&[409]));
        }
    }
    let mut after = owner.get(&path).await.expect(200);
    let mut before = before;
    for value in [&mut before, &mut after] {
        if let Some(value) = value.as_object_mut() {
            value.retain(|name, _| !name.starts_with("last_used"));
        }
    }
    findings.check(before == after, || format!("a refused change was half-written: {before} became {after}"));
    owner.patch(&path, json!({"name": "still the owner"})).await.expect(200);

    // Any other owner may be removed in each way.
    for (what, body) in removals() {
        let (other, _) = key(&owner, of_role("owner")).await;
        let answer = remove(&owner, &other, body).await;
        findings.check(answer.is_success(), || format!("{what}: {answer}"));
    }

    // Two who remove each other at once: one stays.
    for round in 0..5 {
        let (_, operator, first) = Tenant::bare(&portico, &format!("Duel {round}")).await;
        let one = format!("/api/v1/api-keys/{}", text(&first.list("/api/v1/api-keys").await[0], "id"));
        let (two, second) = key(&operator, of_role("owner")).await;
        let second = first.bearing(second.token());
        let (killed_two, killed_one) = tokio::join!(first.delete(&two), second.delete(&one));
        let done = [&killed_two, &killed_one].into_iter().filter(|answer| answer.status == 204).count();
        findings.check(done == 1, || format!("{done} removals:\n{killed_two}\n{killed_one}"));
        let owners = operator.list("/api/v1/api-keys").await;
        let left = owners.iter().filter(|key| key["role"] == "owner" && key["status"] == "active").count();
        findings.check(left == 1, || format!("{left} owners are left: {owners:?}"));
        // And the same without the callers being concerned.
        let (three, _) = key(&operator, of_role("owner")).await;
        let left = owners.iter().find(|key| key["status"] == "active").map(|key| text(key, "id")).unwrap_or_default();
        let left = format!("/api/v1/api-keys/{left}");
        let (a, b) = tokio::join!(operator.delete(&three), operator.patch(&left, json!({"role": "viewer"})));
        let done = [&a, &b].into_iter().filter(|answer| answer.is_success()).count();
        findings.check(done == 1, || format!("{done} removals:\n{a}\n{b}"));
    }
    findings.finish();
    portico.stop().await;
}
