//! Short-lived tokens: what they can do, and what nobody can do with them.

use aws_lc_rs::hmac;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::harness::raw::{raw, request};
use crate::harness::tenant::{message, text};
use crate::harness::{Caller, Findings, Portico, Serve, Tenant, eventually};

/// A caller with a new token, and what was said of it. It reads customers unless the body says otherwise.
async fn mint(caller: &Caller, mut body: Value) -> (Caller, Value) {
    if body.get("permissions").is_none() {
        body["permissions"] = json!(["customers:read"]);
    }
    let made = caller.post("/api/v1/tokens", body).await.expect(201);
    (caller.bearing(&text(&made, "token")), made)
}

/// A part of a token, decoded.
fn part(token: &str, at: usize) -> Value {
    let part = token.split('.').nth(at).expect("a token has three parts");
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).expect("is base64url")).expect("is JSON")
}

#[tokio::test]
async fn a_token_does_what_it_was_minted_for_and_nothing_else() {
    let portico = Portico::start().await;
    let tenant = Tenant::new(&portico, "Tokens").await;
    let (shop, other) = (tenant.connect("shop").await, tenant.connect("other").await);
    let mut findings = Findings::new();
    let asked = json!({
        "expires_in": 600, "permissions": ["messages:send", "customers:read", "phone_numbers:read"], "customers": [shop.customer],
    });
    let (token, made) = mint(&tenant.owner, asked).await;
    let (header, claims) = (part(token.token(), 0), part(token.token(), 1));
    assert!(text(&made, "id").starts_with("tok_") && made["token_type"] == "Bearer", "{made}");
    assert_eq!((&made["customers"], &made["phone_numbers"]), (&json!([shop.customer]), &Value::Null));
    assert_eq!(made["permissions"], json!(["messages:send", "phone_numbers:read", "customers:read"]));
    assert_eq!((&header["alg"], &header["typ"]), (&json!("EdDSA"), &json!("at+jwt")));
    assert_eq!((&claims["jti"], &claims["tenant"]), (&made["id"], &json!(tenant.id)));
    assert_eq!(claims["exp"].as_i64().zip(claims["iat"].as_i64()).map(|(exp, iat)| exp - iat), Some(600));

    // On both surfaces it does what it was minted for.
    token.post(&shop.messages(), message()).await.expect_success();
    let listed: Vec<_> = token.list("/api/v1/customers").await.iter().map(|row| text(row, "id")).collect();
    assert_eq!(listed, [shop.customer.as_str()]);
    let listed: Vec<_> = token.list("/api/v1/phone-numbers").await.iter().map(|row| text(row, "id")).collect();
    assert_eq!(listed, [shop.phone.as_str()]);

    // The other customer does not exist for it.
    portico.sandbox().clear().await;
    let unknown = "cus_01h455vb4pex5vsknk084sn02q";
    let foreign = token.get(&format!("/api/v1/customers/{}", other.customer)).await;
    let missing = token.get(&format!("/api/v1/customers/{unknown}")).await;
    findings.note("another customer", foreign.not_a_problem(&[404]));
    findings.check(foreign.shape(&[&other.customer]) == missing.shape(&[unknown]), || format!("{foreign} {missing}"));
    let foreign = token.post(&other.messages(), message()).await;
    findings.note("another customer's number", foreign.not_an_envelope(&[404]));

    // What it was not given, it lacks; what no token has, neither.
    let denied = token.get("/api/v1/roles").await;
    findings.note("a permission that it lacks", denied.not_a_problem(&[403]));
    findings.check(denied.text.contains("roles:read"), || format!("names no permission: {denied}"));
    findings.note("the same at Chakra's paths", token.get(&shop.below("config")).await.not_an_envelope(&[403]));
    let nested = token.post("/api/v1/tokens", json!({"permissions": ["messages:send"]})).await;
    findings.note("a token mints a token", nested.not_a_problem(&[403]));
    findings.check(nested.text.contains("never"), || format!("does not say that no token may: {nested}"));
    for (path, body) in [
        ("/api/v1/api-keys", json!({"name": "x", "role": "viewer"})),
        ("/api/v1/roles", json!({"name": "x", "permissions": ["messages:send"]})),
        ("/api/v1/chakra-keys", json!({"name": "x", "access_token": "x".repeat(250)})),
        ("/api/v1/signing-keys/rotate", json!({})),
    ] {
        let (widest, _) = mint(&tenant.owner, json!({})).await;
        findings.note("something that outlives it", widest.post(path, body).await.not_a_problem(&[403]));
    }
    let record = portico.sandbox().record().await;
    findings.check(record.is_empty(), || format!("refused calls arrived at Chakra: {record:?}"));

    // The log knows the key behind it.
    let owner = text(&claims, "sub");
    let logged = eventually("the send stands in the log", || async {
        let rows = tenant.owner.list("/api/v1/requests").await;
        rows.into_iter().find(|row| row["status"] == 200 && row["api_key_id"] == *owner)
    })
    .await;
    findings.check(!logged.to_string().contains(token.token()), || "the log holds the token".to_owned());
    findings.check(!portico.output().contains(token.token()), || "the output holds the token".to_owned());
    findings.finish();
    portico.stop().await;
}

#[tokio::test]
async fn nobody_mints_more_than_they_have() {
    let portico = Portico::start().await;
    let (tenant, theirs) = (Tenant::new(&portico, "Minting").await, Tenant::new(&portico, "Theirs").await);
    let (shop, other) = (tenant.connect("shop").await, tenant.customer("other").await);
    let foreign = theirs.connect("shop").await;
    let unknown = "cus_01h455vb4pex5vsknk084sn02q";
    let mut findings = Findings::new();
    let path = "/api/v1/tokens";

    for (field, body) in [
        ("/expires_in", json!({"permissions": ["customers:read"], "expires_in": 0})),
        ("/expires_in", json!({"permissions": ["customers:read"], "expires_in": 3601})),
        ("/expires_in", json!({"expires_in": -1})),
        ("/expires_in", json!({"expires_in": "900"})),
        ("/expires_in", json!({"expires_in": 1.5})),
        ("/permissions", json!({})),
        ("/permissions", json!({"permissions": []})),
        ("/permissions", json!({"permissions": ["everything"]})),
        ("/permissions", json!({"permissions": ["tenant:export"]})),
        ("/permissions", json!({"permissions": ["audit_log:read"]})),
        ("/permissions", json!({"permissions": ["api_keys:read"]})),
        ("/permissions", json!({"permissions": ["chakra_keys:read"]})),
        ("/permissions", json!({"permissions": ["members:read"]})),
        ("/permissions", json!({"permissions": ["tokens:mint"]})),
        ("/permissions", json!({"permissions": ["api_keys:write"]})),
        ("/permissions", json!({"permissions": ["tenants:write"]})),
        ("/customers", json!({"permissions": ["customers:read"], "customers": []})),
        ("/customers", json!({"customers": ["*"]})),
        ("/customers", json!({"permissions": ["customers:read"], "customers": vec![&shop.customer; 51]})),
        ("/phone_numbers", json!({"permissions": ["customers:read"], "phone_numbers": []})),
        ("/phone_numbers", json!({"permissions": ["customers:read"], "phone_numbers": [foreign.phone]})),
        (
            "/phone_numbers",
            json!({"permissions": ["customers:read"], "phone_numbers": [shop.phone], "customers": [other]}),
        ),
        ("/admin", json!({"admin": true})),
    ] {
        let answer = tenant.owner.post(path, body.clone()).await;
        findings.note(&body.to_string(), answer.names_no_field(&[422], field));
    }
    let barred = tenant.owner.post(path, json!({"permissions": ["messages:send", "roles:write"]})).await;
    findings.check(barred.text.contains("roles:write"), || format!("does not name it: {barred}"));

    // Another tenant's customer, and one outside of a key's limits, are as one that does not exist.
    let limited = tenant.limited_key("admin", &[&shop.customer]).await;
    let ask = async |caller: &Caller, id: &str| {
        caller.post(path, json!({"permissions": ["customers:read"], "customers": [id]})).await.shape(&[id])
    };
    let expected = ask(&tenant.owner, unknown).await;
    findings.check(expected.starts_with("422"), || format!("an unknown customer: {expected}"));
    for (caller, id) in [(&tenant.owner, &foreign.customer), (&limited, &other), (&limited, &foreign.customer)] {
        let seen = ask(caller, id).await;
        findings.check(seen == expected, || format!("tells a foreign customer from an unknown one: {seen} {expected}"));
    }

    // More than the caller's own.
    let viewer = tenant.key("viewer").await;
    let wider = viewer.post(path, json!({"permissions": ["messages:send", "customers:read"]})).await;
    let named = wider.text.contains("messages:send") && !wider.text.contains("customers:read");
    findings.check(named, || format!("does not name what is missing, and that alone: {wider}"));
    findings.note("a viewer mints a sending token", wider.names_no_field(&[403], "/permissions"));
    let (_, narrow) = mint(&limited, json!({})).await;
    findings.check(narrow["customers"] == json!([shop.customer]), || format!("a limited key's token: {narrow}"));
    let (_, number) = mint(&tenant.owner, json!({"phone_numbers": [shop.phone]})).await;
    findings.check(number["customers"] == json!([shop.customer]), || format!("a number's token: {number}"));

    // A key without the permission, the operator, nobody.
    let role = json!({"name": "no-tokens", "permissions": ["messages:send"]});
    tenant.owner.post("/api/v1/roles", role).await.expect(201);
    let asked = json!({"permissions": ["messages:send"]});
    let without = tenant.key("no-tokens").await.post(path, asked.clone()).await;
    findings.note("without tokens:mint", without.not_a_problem(&[403]));
    let operator = tenant.operator.post(path, asked).await;
    findings.note("the operator", operator.not_a_problem(&[403]));
    findings.check(operator.at("/code") == "not_for_operator", || format!("{operator}"));
    findings.note("nobody", portico.anonymous().post(path, json!({})).await.not_a_problem(&[401]));

    // Never longer than the key.
    let soon = time::OffsetDateTime::now_utc() + std::time::Duration::from_mins(5);
    let soon = soon.format(&time::format_description::well_known::Rfc3339).expect("this century fits RFC 3339");
    let short = tenant.key_with(json!({"name": "short", "role": "viewer", "expires_at": soon})).await;
    let (_, made) = mint(&short, json!({"expires_in": 3600})).await;
    findings.check(text(&made, "expires_at")[..19] == soon[..19], || format!("outlives its key of {soon}: {made}"));
    // And an expired one is told apart from a forged one.
    let (brief, _) = mint(&tenant.owner, json!({"expires_in": 1})).await;
    let expired = eventually("the token expires", || async {
        let answer = brief.get("/api/v1/customers").await;
        (answer.status == 401).then_some(answer)
    })
    .await;
    findings.note("an expired token", expired.not_a_problem(&[401]));
    findings.check(expired.at("/code") == "token_expired", || format!("{expired}"));
    findings.finish();
    portico.stop().await;
}

#[tokio::test]
async fn what_is_taken_from_the_minter_is_taken_from_its_tokens_on_every_replica() {
    let portico = Portico::start().await;
    let tenant = Tenant::new(&portico, "Taken").await;
    let shop = tenant.connect("shop").await;
    let serve = Serve::start(&portico, portico.told("sandbox_url")).await;
    let role = json!({"name": "sender", "permissions": ["messages:send", "customers:read", "tokens:mint"]});
    let role = text(&tenant.owner.post("/api/v1/roles", role).await.expect(201), "id");
    let made = tenant.owner.post("/api/v1/api-keys", json!({"name": "sender", "role": "sender"})).await.expect(201);
    let (key, sender) = (text(&made, "id"), tenant.owner.bearing(&text(&made, "secret")));
    let (here, _) = mint(&sender, json!({"permissions": ["messages:send", "customers:read"]})).await;
    let there = here.at(serve.url());
    let answers = |status: u16| {
        let (here, there, path) = (&here, &there, shop.messages());
        eventually("both replicas follow", move || {
            let path = path.clone();
            async move {
                let (one, two) = (here.post(&path, message()).await, there.post(&path, message()).await);
                let managing = there.get("/api/v1/customers").await;
                ([one.status, two.status] == [status; 2] && (status == 403 || managing.status == status)).then_some(())
            }
        })
    };
    answers(200).await;
    // A narrower role narrows the token, a wider one does not widen it.
    let role = format!("/api/v1/roles/{role}");
    tenant
        .owner
        .patch(&role, json!({"permissions": ["customers:read", "wabas:read", "tokens:mint"]}))
        .await
        .expect(200);
    answers(403).await;
    for token in [&here, &there] {
        assert_eq!(token.get("/api/v1/wabas").await.not_a_problem(&[403]), None);
        token.get("/api/v1/customers").await.expect(200);
    }
    tenant.owner.patch(&role, json!({"permissions": ["messages:send", "customers:read"]})).await.expect(200);
    answers(200).await;
    // Suspension.
    let path = format!("/api/v1/tenants/{}", tenant.id);
    portico.operator().patch(&path, json!({"status": "suspended"})).await.expect(200);
    answers(403).await;
    let suspended = there.get("/api/v1/customers").await;
    assert_eq!(suspended.at("/code"), "tenant_suspended", "{suspended}");
    portico.operator().patch(&path, json!({"status": "active"})).await.expect(200);
    answers(200).await;
    // Revocation.
    assert!(tenant.owner.delete(&format!("/api/v1/api-keys/{key}")).await.is_success());
    answers(401).await;
    let dead = here.get("/api/v1/customers").await;
    assert_eq!(dead.at("/code"), "token_invalid", "{dead}");
    // An address outside of the key's ranges, through a token as with the key.
    let fenced = json!({"name": "fenced", "role": "viewer", "allowed_ips": ["192.0.2.0/24"]});
    assert_eq!(tenant.key_with(fenced).await.post("/api/v1/tokens", json!({})).await.not_a_problem(&[403]), None);
    drop(serve);
    portico.stop().await;
}

#[tokio::test]
async fn a_token_does_not_outlive_the_secret_that_minted_it() {
    let portico = Portico::start().await;
    let tenant = Tenant::new(&portico, "Outlived").await;
    let serve = Serve::start(&portico, portico.told("sandbox_url")).await;
    let made = tenant.owner.post("/api/v1/api-keys", json!({"name": "minter", "role": "admin"})).await.expect(201);
    let rotate = format!("/api/v1/api-keys/{}/rotate", text(&made, "id"));
    let first = tenant.owner.bearing(&text(&made, "secret"));
    let (token, _) = mint(&first, json!({})).await;
    let read = "/api/v1/customers";
    for url in [portico.told("gateway_url"), serve.url()] {
        token.at(url).get(read).await.expect(200);
    }

    // While the old secret overlaps, what it minted goes on, but it mints nothing more.
    let rotated = tenant.owner.post(&rotate, json!({"overlap_seconds": 3600})).await.expect(201);
    let second = tenant.owner.bearing(&text(&rotated, "secret"));
    token.get(read).await.expect(200);
    let refused = first.post("/api/v1/tokens", json!({"permissions": ["customers:read"]})).await;
    assert_eq!((refused.not_a_problem(&[403]), refused.at("/code")), (None, &json!("old_secret")), "{refused}");
    let (fresh, _) = mint(&second, json!({})).await;

    // Without an overlap all is taken back, also what was minted in this second; the new secret mints anew.
    let rotated = tenant.owner.post(&rotate, json!({"overlap_seconds": 0})).await.expect(201);
    let third = tenant.owner.bearing(&text(&rotated, "secret"));
    let (new, _) = mint(&third, json!({})).await;
    for url in [portico.told("gateway_url"), serve.url()] {
        new.at(url).get(read).await.expect(200);
        for dead in [&token, &fresh] {
            let answer = eventually("the token is taken back", || async {
                let answer = dead.at(url).get(read).await;
                (answer.status == 401).then_some(answer)
            })
            .await;
            assert_eq!(answer.at("/code"), "token_invalid", "{answer}");
        }
        new.at(url).get(read).await.expect(200);
    }
    drop(serve);
    portico.stop().await;
}

#[tokio::test]
async fn the_operator_revokes_a_signing_key_that_leaked() {
    let portico = Portico::start().await;
    let tenant = Tenant::new(&portico, "Leaked").await;
    let serve = Serve::start(&portico, portico.told("sandbox_url")).await;
    let operator = portico.operator();
    let (old, _) = mint(&tenant.owner, json!({})).await;
    let path = "/api/v1/signing-keys/rotate";
    // One waits, and may have leaked too.
    let waiting = operator.post(path, json!({})).await.expect(200);
    let both = operator.post(path, json!({"revoke_others": true, "active_in_seconds": 60})).await;
    assert_eq!(both.names_no_field(&[422], "/active_in_seconds"), None);
    old.get("/api/v1/customers").await.expect(200);

    let key = operator.post(path, json!({"revoke_others": true})).await.expect(200);
    assert_eq!(key["state"], "signing", "{key}");
    let (new, _) = mint(&tenant.owner, json!({})).await;
    assert_eq!(part(new.token(), 0)["kid"], key["id"]);
    for url in [portico.told("gateway_url"), serve.url()] {
        let dead = eventually("what the others signed is refused", || async {
            let answer = old.at(url).get("/api/v1/customers").await;
            (answer.status == 401).then_some(answer)
        })
        .await;
        assert_eq!(dead.at("/code"), "token_invalid", "{dead}");
        new.at(url).get("/api/v1/customers").await.expect(200);
        let set = eventually("only the new key is published", || async {
            let set = kids(&operator.at(url)).await;
            (set.len() == 1).then_some(set)
        })
        .await;
        assert_eq!(set, [text(&key, "id")]);
    }
    assert_ne!(waiting["id"], key["id"]);
    drop(serve);
    portico.stop().await;
}

/// The key ids in the key set.
async fn kids(caller: &Caller) -> Vec<String> {
    let set = caller.get("/.well-known/jwks.json").await.expect(200);
    set["keys"].as_array().expect("a key set has keys").iter().map(|key| text(key, "kid")).collect()
}

#[tokio::test]
async fn a_token_survives_the_rotation_of_its_key_and_another_replica_verifies_with_the_new_one() {
    let portico = Portico::start().await;
    let tenant = Tenant::new(&portico, "Rotation").await;
    let serve = Serve::start(&portico, portico.told("sandbox_url")).await;
    let (operator, public) = (portico.operator(), portico.anonymous());
    let set = public.get("/.well-known/jwks.json").await;
    assert_eq!(set.header("access-control-allow-origin"), "*", "{set}");
    assert_eq!(set.header("cache-control"), "public, max-age=60", "{set}");
    let set = set.expect(200);
    let key = &set["keys"][0];
    let fixed = ["kty", "crv", "use", "alg"].map(|name| key[name].as_str().unwrap_or_default());
    assert_eq!(fixed, ["OKP", "Ed25519", "sig", "EdDSA"], "{set}");
    assert_eq!(key.as_object().map(serde_json::Map::len), Some(6), "only what is public: {set}");
    // Replicas agree from the start on.
    let first = kids(&public).await;
    assert_eq!((first.len(), kids(&serve.anonymous()).await), (1, first.clone()));
    let (old, _) = mint(&tenant.owner, json!({})).await;
    assert_eq!(part(old.token(), 0)["kid"], first[0]);

    let refused = operator.post("/api/v1/signing-keys/rotate", json!({"active_in_seconds": 4})).await;
    assert_eq!(refused.names_no_field(&[422], "/active_in_seconds"), None);
    for caller in [&tenant.owner, &old] {
        assert_eq!(caller.post("/api/v1/signing-keys/rotate", json!({})).await.not_a_problem(&[403]), None);
        assert_eq!(caller.get("/api/v1/signing-keys").await.not_a_problem(&[403]), None);
    }
    let body = json!({"active_in_seconds": 5});
    let next = operator.post("/api/v1/signing-keys/rotate", body.clone()).await.expect(200);
    assert_eq!((&next["state"], next["retires_at"].is_null()), (&json!("published"), true), "{next}");
    let again = operator.post("/api/v1/signing-keys/rotate", body).await.expect(200);
    assert_eq!(again["id"], next["id"], "one that waits is given back: {again}");
    let next = text(&next, "id");
    let both = [first[0].clone(), next.clone()];
    eventually("both replicas publish the new key", || async {
        let seen = [kids(&public).await, kids(&serve.anonymous()).await];
        seen.iter().all(|seen| *seen == both).then_some(())
    })
    .await;
    // From the moment at which the new key signs here, the other replica knows it.
    let new = eventually("the new key signs", || async {
        let (token, _) = mint(&tenant.owner, json!({})).await;
        (part(token.token(), 0)["kid"] == *next).then_some(token)
    })
    .await;
    for token in [&old, &new] {
        token.get("/api/v1/customers").await.expect(200);
        token.at(serve.url()).get("/api/v1/customers").await.expect(200);
    }
    let (elsewhere, _) = mint(&tenant.owner.at(serve.url()), json!({})).await;
    elsewhere.at(portico.told("gateway_url")).get("/api/v1/customers").await.expect(200);
    let listed = operator.get("/api/v1/signing-keys").await.expect(200);
    let states: Vec<_> = listed["data"].as_array().expect("a list").iter().map(|key| text(key, "state")).collect();
    assert_eq!(states, ["retiring", "signing"], "{listed}");
    assert!(listed["data"][0]["retires_at"].is_string() && !listed.to_string().contains("private"), "{listed}");
    // A start of the whole keeps the keys, so tokens outlive it.
    drop(serve);
    let data = portico.stop().await;
    let portico = Portico::start_on(data).await;
    assert_eq!(kids(&portico.anonymous()).await, both);
    for token in [&old, &new] {
        token.at(portico.told("gateway_url")).get("/api/v1/customers").await.expect(200);
    }
    portico.stop().await;
}

fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A token of these parts, signed with a key that is not Portico's.
fn forged(header: &Value, claims: &Value) -> String {
    let pair = Ed25519KeyPair::generate().expect("a key is made");
    let signed = format!("{}.{}", encode(header.to_string()), encode(claims.to_string()));
    format!("{signed}.{}", encode(pair.sign(signed.as_bytes())))
}

/// What an attacker without Portico's key can send, made from a good token.
fn hostile(good: &str, public_key: &[u8]) -> Vec<(&'static str, String)> {
    let (header, claims) = (part(good, 0), part(good, 1));
    let parts: Vec<_> = good.split('.').collect();
    let with = |value: &Value, name: &str, new: Value| {
        let mut value = value.clone();
        value[name] = new;
        value
    };
    let head = |name: &str, new: Value| forged(&with(&header, name, new), &claims);
    let claim = |name: &str, new: Value| forged(&header, &with(&claims, name, new));
    let unsigned = |alg: &str| format!("{}.{}", encode(with(&header, "alg", json!(alg)).to_string()), parts[1]);
    let hs256 = unsigned("HS256");
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, public_key), hs256.as_bytes());
    let attacker = Ed25519KeyPair::generate().expect("a key is made");
    let jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": encode(attacker.public_key())});
    let twice = |text: &str, what: &str| text.replacen('{', &format!("{{{what},"), 1);
    let relabelled = |part: String| format!("{}.{part}.{}", parts[0], parts[2]);
    vec![
        ("none", format!("{}.", unsigned("none"))),
        ("no signature", format!("{}.{}.", parts[0], parts[1])),
        ("HS256 with the public key", format!("{hs256}.{}", encode(tag))),
        ("ES256", format!("{}.{}", unsigned("ES256"), parts[2])),
        ("RS256", format!("{}.{}", unsigned("RS256"), parts[2])),
        ("another key under our id", forged(&header, &claims)),
        ("its own key in the header", head("jwk", jwk)),
        ("a key to be fetched", head("jku", json!("https://evil.example/jwks.json"))),
        ("an unknown kid", head("kid", json!("sgk_01h455vb4pex5vsknk084sn02q"))),
        ("a kid like a path", head("kid", json!("../../../../dev/null"))),
        ("a kid like SQL", head("kid", json!("' union select 1 --"))),
        ("crit", head("crit", json!(["exp"]))),
        ("type JWT", head("typ", json!("JWT"))),
        ("type connect", head("typ", json!("connect+jwt"))),
        ("wrong audience", claim("aud", json!("connect"))),
        ("wrong issuer", claim("iss", json!("https://evil.example"))),
        ("expired", claim("exp", json!(1))),
        ("not yet valid", claim("nbf", json!(i64::from(u32::MAX)))),
        ("a wider scope", relabelled(encode(with(&claims, "scope", json!("tenants:write")).to_string()))),
        (
            "another tenant",
            relabelled(encode(with(&claims, "tenant", json!("ten_01h455vb4pex5vsknk084sn02q")).to_string())),
        ),
        ("a claim twice", relabelled(encode(twice(&claims.to_string(), "\"scope\":\"team:read\"")))),
        (
            "a header twice",
            format!("{}.{}.{}", encode(twice(&header.to_string(), "\"alg\":\"none\"")), parts[1], parts[2]),
        ),
        ("a truncated signature", good[..good.len() - 2].to_owned()),
        ("padding", format!("{good}==")),
        ("four parts", format!("{good}.{}", parts[2])),
        ("two parts", format!("{}.{}", parts[0], parts[1])),
        ("a token inside", relabelled(encode(good))),
        ("white space inside", format!("{}. {}.{}", parts[0], parts[1], parts[2])),
        ("oversized", format!("{good}{}", "A".repeat(7_000))),
        ("very oversized", format!("{}.{}.{}", parts[0], "A".repeat(40_000), parts[2])),
    ]
}

#[tokio::test]
async fn hostile_tokens_are_refused_on_both_surfaces() {
    let portico = Portico::start().await;
    let tenant = Tenant::new(&portico, "Hostile").await;
    let (good, _) = mint(&tenant.owner, json!({})).await;
    good.get("/api/v1/customers").await.expect(200);
    good.get("/v1/health").await.expect_success();
    let set = portico.anonymous().get("/.well-known/jwks.json").await.expect(200);
    let public_key = URL_SAFE_NO_PAD.decode(text(&set["keys"][0], "x")).expect("is base64url");
    portico.sandbox().clear().await;
    let mut findings = Findings::new();
    for (what, token) in hostile(good.token(), &public_key) {
        let caller = portico.anonymous().bearing(&token);
        let managing = caller.get("/api/v1/customers").await;
        findings.note(what, managing.not_a_problem(&[401]));
        findings.check(managing.at("/code") == "token_invalid", || format!("{what}: {managing}"));
        let compatible = caller.get("/v1/health").await;
        findings.note(what, compatible.not_an_envelope(&[401]));
        findings.check(compatible.at("/_meta/code") == "token_invalid", || format!("{what}: {compatible}"));
        let told = format!("{}{}", managing.text, compatible.text);
        findings.check(!told.contains(&token), || format!("{what}: the answer holds the token"));
    }
    // Two headers: which of them counts must not depend on who reads them.
    let bearer = |token: &str| format!("Bearer {token}");
    for (one, two) in
        [(good.token(), good.token()), (good.token(), "x"), ("x", good.token()), (tenant.owner.token(), "x")]
    {
        let headers = [("Authorization", bearer(one)), ("Authorization", bearer(two))];
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        for path in ["/api/v1/customers", "/v1/health"] {
            let answer = raw(tenant.owner.base(), path, &request(&format!("GET {path}"), &headers, "")).await;
            let wrong =
                if path == "/v1/health" { answer.not_an_envelope(&[400]) } else { answer.not_a_problem(&[400]) };
            findings.note("two Authorization headers", wrong);
        }
    }
    // A token stands in the header alone.
    let inside = format!("/api/v1/customers?access_token={}", good.token());
    findings.note("in the query", portico.anonymous().get(&inside).await.not_a_problem(&[400, 401]));
    let record = portico.sandbox().record().await;
    findings.check(record.is_empty(), || format!("refused calls arrived at Chakra: {record:?}"));
    good.get("/api/v1/customers").await.expect(200);
    findings.finish();
    portico.stop().await;
}
