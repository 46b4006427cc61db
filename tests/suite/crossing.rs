//! What crosses between a caller and Chakra: the sandbox is called through Portico and directly, and must see the same
//! where the tables of the documentation say so.

use portico_chakra::LearnedKind;
use serde_json::json;

use crate::harness::sandbox::header;
use crate::harness::tenant::message;
use crate::harness::things::templates;
use crate::harness::{Body, Caller, Findings, Portico, Tenant};

#[tokio::test]
async fn headers_of_a_call_reach_chakra_as_they_would_directly() {
    let portico = Portico::start().await;
    let tenant = Tenant::new(&portico, "Headers").await;
    let shop = tenant.connect("shop").await;
    let sandbox = portico.sandbox();
    let direct = Caller::anonymous(sandbox.url()).bearing(&tenant.chakra_key);
    let medium = tenant.thing(&shop, LearnedKind::Media).await;
    let (file, list) = (format!("/v2/whatsapp/v24.0/media/{medium}/show"), templates(&shop));
    let mut findings = Findings::new();
    for (path, name, value, same) in [
        (&file, "Range", "bytes=1-3", true),
        (&file, "If-Range", "\"1\"", true),
        (&file, "If-None-Match", "\"1\"", true),
        (&file, "If-Modified-Since", "Thu, 01 Jan 2026 00:00:00 GMT", true),
        (&file, "If-Match", "\"1\"", true),
        (&file, "If-Unmodified-Since", "Thu, 01 Jan 2037 00:00:00 GMT", true),
        (&file, "Accept", "image/*", true),
        (&file, "Accept-Language", "de", true),
        (&file, "X-Chakra-Sdk", "1", true),
        (&list, "If-None-Match", "\"1\"", true),
        (&list, "Range", "bytes=1-3", false),
        (&list, "If-Range", "\"1\"", false),
        (&file, "Cookie", "a=1", false),
        (&file, "X-Http-Method-Override", "DELETE", false),
        (&file, "X-Forwarded-For", "192.0.2.1", false),
    ] {
        let mut seen = Vec::new();
        for caller in [&direct, &tenant.owner] {
            sandbox.clear().await;
            caller.with(name, value).get(path).await.expect_success();
            let record = sandbox.record().await;
            seen.push(record.iter().map(|request| header(request, name).to_owned()).collect::<Vec<_>>());
        }
        let expected = if same { seen[0].clone() } else { vec![String::new()] };
        findings.check(seen[1] == expected && seen[0] == [value], || format!("{name} on {path}: {seen:?}"));
    }
    for value in ["ptc_live_x", "a ptc_live_x"] {
        for name in ["Accept", "If-None-Match", "X-Chakra-Sdk", "X-Request-Id"] {
            sandbox.clear().await;
            let answer = tenant.owner.with(name, value).get(&file).await;
            findings.note(&format!("{name}: {value}"), answer.not_an_envelope(&[400]));
            let echoed = answer.header("x-request-id").contains("ptc_") || answer.text.contains("ptc_live_x");
            findings.check(!echoed && sandbox.record().await.is_empty(), || format!("{name}: {answer}"));
        }
    }
    findings.finish();
    portico.stop().await;
}

#[tokio::test]
async fn what_the_catalogue_does_not_name_does_not_reach_chakra() {
    let portico = Portico::start().await;
    let tenant = Tenant::new(&portico, "Queries").await;
    let shop = tenant.connect("shop").await;
    let sandbox = portico.sandbox();
    let list = templates(&shop);
    let mut findings = Findings::new();
    sandbox.clear().await;
    for query in ["name=x&method=delete", "ids=1", "access_token=x", "fields[]=id", "Fields=id", "limit=1&limit=2"] {
        let answer = tenant.owner.get(&format!("{list}?{query}")).await;
        findings.note(query, answer.not_an_envelope(&[400]));
        let name = query.rsplit('&').next().and_then(|last| last.split('=').next()).unwrap_or_default();
        findings.check(answer.text.contains(name), || format!("{query}: does not name {name}: {answer}"));
    }
    let plugin = format!("/plugin/{}", shop.plugin);
    let answer = tenant.owner.put(&plugin, json!({"pluginId": shop.plugin, "auth": {}})).await;
    findings.note("auth of a plugin", answer.not_an_envelope(&[400]));
    let arrived = sandbox.record().await.len();
    findings.check(arrived == 0, || format!("{arrived} refused calls arrived"));
    for value in ["INV%2F2026%2F001", "A%2B1", "50%25"] {
        sandbox.clear().await;
        let path = format!("/v1/ext/procedure/lead/process/lead_id/{value}");
        tenant.owner.put(&path, json!({"data": {}})).await;
        let paths: Vec<_> = sandbox.record().await.iter().map(|one| one["path"].to_string()).collect();
        let decoded = value.replace("%2F", "/").replace("%2B", "+").replace("%25", "%");
        let kept = paths.iter().any(|path| path.contains(value) || path.contains(&decoded));
        findings.check(kept && paths.len() == 1, || format!("{value}: {paths:?}"));
    }
    let walking = tenant.owner.put("/v1/ext/procedure/lead/process/lead_id/a%2F..%2F..%2Fb", json!({"data": {}})).await;
    findings.note("a value that walks", walking.not_an_envelope(&[400]));
    findings.finish();
    portico.stop().await;
}

#[tokio::test]
async fn lists_pass_although_javascript_cut_their_texts_inside_an_emoji() {
    let portico = Portico::start().await;
    let tenant = Tenant::new(&portico, "Emoji").await;
    let shop = tenant.connect("shop").await;
    let limited = tenant.limited_key("owner", &[&shop.customer]).await;
    let mut sent = message();
    sent["text"]["body"] = json!("hello \u{1f600}");
    tenant.owner.post(&shop.messages(), sent).await.expect_success();
    let template = json!({"name": "cut", "category": "UTILITY", "language": "en_US",
        "components": [{"type": "BODY", "text": "Ready \u{1f600}!"}]});
    tenant.owner.post(&templates(&shop), template).await.expect_success();
    portico.sandbox().fault(json!({"path_prefix": "/", "kind": "cut"})).await;
    let mut findings = Findings::new();
    for (who, caller) in [("the owner", &tenant.owner), ("a limited key", &limited)] {
        let chats = caller.send(reqwest::Method::POST, "/v1/ext/chat", Body::Json(json!({"limit": 10}))).await;
        let listed = caller.get(&templates(&shop)).await;
        for (what, answer) in [("chats", chats), ("templates", listed)] {
            findings.check(answer.status == 200 && answer.text.contains("\\ud83d"), || {
                format!("{what} for {who}: {answer}")
            });
        }
    }
    findings.finish();
    portico.stop().await;
}
