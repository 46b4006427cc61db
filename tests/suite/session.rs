//! What a credential is told of itself.

use serde_json::{Value, json};

use crate::harness::tenant::text;
use crate::harness::{Findings, Portico, Tenant};

#[tokio::test]
async fn a_limited_key_is_told_what_it_reaches_what_bounds_it_and_when_it_ends() {
    let portico = Portico::start().await;
    let tenant = Tenant::new(&portico, "Who").await;
    let (shop, _) = (tenant.connect("shop").await, tenant.connect("other").await);
    let end = "2031-05-06T07:08:09Z";
    let limited = tenant
        .key_with(json!({
            "name": "limited", "role": "messaging", "customers": [shop.customer], "rate_limit": 50,
            "allowed_ips": ["127.0.0.0/8", "::1/128"], "expires_at": end,
        }))
        .await;
    let mut findings = Findings::new();
    let who = limited.get("/api/v1/session").await.expect(200);
    findings.check(limited.get("/api/v1/whoami").await.expect(200) == who, || "whoami says something else".to_owned());
    for (field, expected) in [
        ("/kind", json!("api_key")),
        ("/role", json!("messaging")),
        ("/tenant/id", json!(tenant.id)),
        ("/customers", json!([shop.customer])),
        ("/plugins", json!([shop.plugin])),
        ("/phone_numbers", json!([shop.phone])),
        ("/limits/allowed_ips", json!(["127.0.0.0/8", "::1/128"])),
        ("/expires_at", json!(end)),
        ("/token_id", Value::Null),
    ] {
        findings.check(who.pointer(field) == Some(&expected), || format!("{field} is not {expected}: {who}"));
    }
    findings.check(!who["limits"]["rate_limit"].is_null(), || format!("no rate limit: {who}"));

    let asked = json!({"permissions": ["messages:send"], "expires_in": 60});
    let made = limited.post("/api/v1/tokens", asked).await.expect(201);
    let token = limited.bearing(&text(&made, "token")).get("/api/v1/whoami").await.expect(200);
    findings.check(token["token_id"] == made["id"] && token["expires_at"] == made["expires_at"], || token.to_string());
    findings.check(token["permissions"] == json!(["messages:send"]), || token.to_string());
    findings.check(token["phone_numbers"] == json!([shop.phone]), || token.to_string());

    // Null is all, not nothing.
    let owner = tenant.owner.get("/api/v1/whoami").await.expect(200);
    for field in ["customers", "plugins", "phone_numbers", "expires_at"] {
        findings.check(owner.get(field) == Some(&Value::Null), || format!("{field}: {owner}"));
    }
    let plugin = tenant.owner.get(&format!("/api/v1/plugins/{}", shop.plugin)).await.expect(200);
    findings.check(plugin["plugin_id"] == plugin["id"], || plugin.to_string());
    findings.finish();
    portico.stop().await;
}
