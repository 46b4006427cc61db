//! Bad input on the paths that Chakra has: a 4xx in Chakra's envelope, and nothing arrives there.

use reqwest::Method;
use serde_json::json;

use crate::harness::raw::{raw, request};
use crate::harness::tenant::message;
use crate::harness::{Answer, Body, Connected, Findings, Portico, Tenant, random_uuid};

#[tokio::test]
async fn bad_bodies_and_paths_get_chakras_envelope_and_nothing_arrives_at_chakra() {
    let portico = Portico::start().await;
    let tenant = Tenant::new(&portico, "Compatible").await;
    let shop = tenant.connect("shop").await;
    portico.sandbox().clear().await;
    let mut findings = Findings::new();
    bodies(&tenant, &shop, &mut findings).await;
    ids(&tenant, &shop, &mut findings).await;
    paths(&tenant, &shop, &mut findings).await;
    headers(&tenant, &shop, &mut findings).await;
    let record = portico.sandbox().forwarded().await;
    let arrived: Vec<_> = record.iter().map(|request| format!("{} {}", request["method"], request["path"])).collect();
    findings.check(arrived.is_empty(), || format!("refused calls arrived at Chakra: {arrived:?}"));
    let sent = tenant.owner.post(&shop.messages(), message()).await;
    findings.check(sent.is_success(), || format!("a good send after all that: {sent}"));
    findings.finish();
    portico.stop().await;
}

async fn bodies(tenant: &Tenant, shop: &Connected, findings: &mut Findings) {
    let json_type = "application/json";
    let valid = message().to_string();
    let mut large = message();
    large["text"]["body"] = json!("x".repeat(2 * 1024 * 1024));
    let deep = format!(r#"{{"interactive":{}"#, "[".repeat(100_000));
    // Chakra may read the one, a check of ours the other.
    let twice = format!(r#"{{"message_id":"wamid.A","message_id":"wamid.B",{}"#, &valid[1..]);
    for (what, content_type, bytes, statuses) in [
        ("cut JSON", json_type, valid.as_bytes()[..valid.len() - 1].to_vec(), &[400][..]),
        ("no JSON", json_type, b"to=15550001111".to_vec(), &[400]),
        ("an empty body", json_type, Vec::new(), &[400]),
        ("a list", json_type, b"[]".to_vec(), &[400]),
        ("no UTF-8", json_type, b"{\"to\":\"\xff\"}".to_vec(), &[400]),
        ("very deep JSON", json_type, deep.into_bytes(), &[400]),
        ("an id that stands twice", json_type, twice.into_bytes(), &[400]),
        ("more after the JSON", json_type, format!("{valid}{{}}").into_bytes(), &[400]),
        ("plain text", "text/plain", valid.clone().into_bytes(), &[415]),
        ("a multipart form", "multipart/form-data; boundary=x", valid.clone().into_bytes(), &[415]),
        ("a body over the limit", json_type, large.to_string().into_bytes(), &[413]),
    ] {
        let answer = tenant.owner.send(Method::POST, &shop.messages(), Body::Bytes(content_type, bytes)).await;
        findings.note(what, answer.not_an_envelope(statuses));
    }
    let upload = shop.below("upload-public-media");
    let answer = tenant.owner.post(&upload, json!({"file": "x"})).await;
    findings.note("JSON where a form is due", answer.not_an_envelope(&[400, 415]));
    for (what, body) in [
        ("an id that is an object", json!({"pluginId": {"$ne": null}})),
        ("an id that is a list", json!({"pluginId": [shop.plugin]})),
        ("an id that is true", json!({"pluginId": true})),
        ("an id of another form", json!({"pluginId": "nonsense"})),
    ] {
        let answer = tenant.owner.post("/v1/ext/whatsapp-partner/create-connect-token", body).await;
        findings.check(answer.text.contains("pluginId") || answer.status == 404, || {
            format!("{what}: does not name pluginId: {answer}")
        });
        findings.note(what, answer.not_an_envelope(&[400, 404, 422]));
    }
    let answer = tenant
        .owner
        .with("Portico-Customer", "cus_nonsense")
        .post("/plugin", json!({"type": "whatsapp", "name": "x"}))
        .await;
    findings.note("a customer that nobody has", answer.not_an_envelope(&[400, 404, 422]));
}

async fn ids(tenant: &Tenant, shop: &Connected, findings: &mut Findings) {
    let (plugin, phone) = (shop.plugin.as_str(), shop.phone.as_str());
    let bare = plugin.replace('-', "");
    let braced = format!("%7B{plugin}%7D");
    for plugin in ["nonsense", bare.as_str(), braced.as_str(), "%20", "1"] {
        let answer = tenant.owner.get(&format!("/v1/ext/plugin/whatsapp/{plugin}/config")).await;
        findings.note("a plugin id of another form", answer.not_an_envelope(&[400, 404]));
    }
    let padded = format!("0{phone}");
    for phone in ["nonsense", "+1555", "0x10", padded.as_str(), "1%2e0", &"9".repeat(500)] {
        let path = format!("/v1/ext/plugin/whatsapp/{plugin}/api/v24.0/{phone}/messages");
        findings.note(
            "a phone number id of another form",
            tenant.owner.post(&path, message()).await.not_an_envelope(&[400, 404]),
        );
    }
    for version in ["24.0", "v24", "latest", "v24.0.1", "%2e%2e"] {
        let path = format!("/v1/ext/plugin/whatsapp/{plugin}/api/{version}/{phone}/messages");
        let answer = raw_post(tenant, &path).await;
        findings.note("a Graph API version of another form", answer.not_an_envelope(&[400, 404]));
    }
}

/// Posts a message to a path that a client would tidy up first.
async fn raw_post(tenant: &Tenant, path: &str) -> Answer {
    let bearer = format!("Bearer {}", tenant.owner.token());
    let headers = [("Authorization", bearer.as_str()), ("Content-Type", "application/json")];
    let lines = request(&format!("POST {path}"), &headers, &message().to_string());
    raw(tenant.owner.base(), &format!("POST {path}"), &lines).await
}

async fn paths(tenant: &Tenant, shop: &Connected, findings: &mut Findings) {
    let (plugin, phone) = (shop.plugin.as_str(), shop.phone.as_str());
    for path in [
        format!("/v1/ext/plugin/whatsapp/{plugin}%2fapi/v24.0/{phone}/messages"),
        format!("/v1/ext/plugin/whatsapp/{plugin}/api/v24.0/{phone}%2fmessages"),
        format!("/v1/ext/plugin/whatsapp/{plugin}/api/v24.0/../{phone}/messages"),
        format!("/v1/ext/plugin/whatsapp/%2e%2e/whatsapp/{plugin}/api/v24.0/{phone}/messages"),
        format!("/v1/ext/plugin/whatsapp/{plugin}/api/v24.0//{phone}/messages"),
        format!("/v1/ext/plugin/whatsapp/{plugin}/api/v24.0/{phone}%00/messages"),
        format!("/v1/ext/plugin/whatsapp/{plugin}/api/v24.0/{phone}%0d%0a/messages"),
        format!("/v1/ext/plugin/whatsapp/{plugin}/api/v24.0/{phone}%5c/messages"),
        format!("/v1/ext/plugin/whatsapp/{plugin}/api/v24.0/%ff/messages"),
        format!("/v1/ext/plugin/whatsapp/{plugin}/api/v24.0/%zz/messages"),
        format!("/v1/ext/plugin/whatsapp/{plugin}%252f/api/v24.0/{phone}/messages"),
        format!("/v1/ext/plugin/whatsapp/{plugin}/api/v24.0/{phone}/messages/"),
        format!("/v1/ext/plugin/whatsapp/{plugin}/api/v24.0/{phone}/messages/extra"),
        "/v1/ext/unheard-of".to_owned(),
        "/v2/ext/unheard-of".to_owned(),
        "/v1/whatsapp/unheard-of".to_owned(),
        "/plugin/../plugin".to_owned(),
        "/plugin/unheard/of".to_owned(),
    ] {
        let answer = raw_post(tenant, &path).await;
        findings.note("a path that nobody has", answer.not_an_envelope(&[400, 404, 405]));
    }
    let answer = tenant.owner.delete(&shop.messages()).await;
    findings.check(answer.header("allow").contains("POST"), || format!("405 without Allow: {answer}"));
    findings.note("a method that it does not take", answer.not_an_envelope(&[405]));
    let twice = format!("/v1/ext/whatsapp-phone-number?pluginId={plugin}&pluginId={}", random_uuid());
    let answer = tenant.owner.get(&twice).await;
    findings.note("a query parameter that stands twice", answer.not_an_envelope(&[400, 404]));
}

async fn headers(tenant: &Tenant, shop: &Connected, findings: &mut Findings) {
    let bearer = format!("Bearer {}", tenant.owner.token());
    let line = format!("GET {}", shop.below("config"));
    for (what, name, value) in [
        ("a control character in a header", "X-Request-Id", "a\u{1}b"),
        ("a NUL in a header", "Portico-Customer", "a\u{0}b"),
    ] {
        let lines = request(&line, &[("Authorization", &bearer), (name, value)], "");
        let answer = raw(tenant.owner.base(), what, &lines).await;
        findings.check((400..500).contains(&answer.status), || format!("expected 4xx: {answer}"));
    }
    for credential in ["Bearer", "Basic dXNlcjpwYXNz", "Bearer a b"] {
        let lines = request(&line, &[("Authorization", credential)], "");
        let answer = raw(tenant.owner.base(), &format!("Authorization: {credential}"), &lines).await;
        findings.note("an odd credential", answer.not_an_envelope(&[400, 401]));
    }
}
