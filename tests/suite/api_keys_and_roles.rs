//! Keys, roles, and that nobody grants more than they have.

use std::time::Duration;

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::harness::tenant::{message, text};
use crate::harness::{Caller, Findings, Portico, Tenant, eventually};

/// Waits until a caller is answered with that status.
async fn until(caller: &Caller, path: &str, status: u16) {
    eventually(&format!("{path} answers {status}"), || async {
        (caller.get(path).await.status == status).then_some(())
    })
    .await;
}

#[tokio::test]
async fn api_keys_are_shown_once_changed_and_revoked() {
    let portico = Portico::start().await;
    let (_, _, owner) = Tenant::bare(&portico, "Keys").await;
    let body = json!({"name": "reporting", "description": "reads", "role": "viewer"});
    let made = owner.post("/api/v1/api-keys", body).await.expect(201);
    let (id, secret) = (text(&made, "id"), text(&made, "secret"));
    assert!(id.starts_with("key_") && secret.starts_with("ptc_"), "{made}");
    assert!(secret.starts_with(&text(&made, "prefix")), "{made}");
    let path = format!("/api/v1/api-keys/{id}");

    let got = owner.get(&path).await;
    assert!(!got.text.contains(&secret), "the secret is shown again: {got}");
    let got = got.expect(200);
    assert_eq!(
        (&got["name"], &got["role"], &got["description"]),
        (&json!("reporting"), &json!("viewer"), &json!("reads"))
    );
    let listed = json!(owner.list("/api/v1/api-keys").await).to_string();
    assert!(listed.contains(&id) && !listed.contains(&secret), "{listed}");

    let patched = owner.patch(&path, json!({"name": "dashboards"})).await.expect(200);
    assert_eq!((&patched["name"], &patched["description"]), (&json!("dashboards"), &json!("reads")));

    let viewer = owner.bearing(&secret);
    until(&viewer, "/api/v1/customers", 200).await;
    viewer.get("/v1/health").await;
    let used = eventually("the last use is noted", || async {
        let key = owner.get(&path).await.expect(200);
        key["last_used_at"].is_string().then_some(key)
    })
    .await;
    assert_eq!(used["last_used_address"], "127.0.0.1", "{used}");

    let revoked = owner.delete(&path).await;
    assert!(revoked.is_success(), "{revoked}");
    until(&viewer, "/api/v1/customers", 401).await;
    assert_eq!(viewer.get("/api/v1/customers").await.not_a_problem(&[401]), None);
    assert_eq!(viewer.get("/v1/health").await.not_an_envelope(&[401]), None);
    portico.stop().await;
}

#[tokio::test]
async fn a_key_holds_only_until_its_expiry_and_only_from_its_addresses() {
    let portico = Portico::start().await;
    let tenant = Tenant::new(&portico, "Narrow").await;
    let mut findings = Findings::new();
    let elsewhere = json!({"name": "elsewhere", "role": "viewer", "allowed_ips": ["192.0.2.0/24"]});
    let elsewhere = tenant.key_with(elsewhere).await;
    findings.note("from another address", elsewhere.get("/api/v1/customers").await.not_a_problem(&[401, 403]));
    let here = json!({"name": "here", "role": "viewer", "allowed_ips": ["127.0.0.0/8", "::1/128"]});
    let here = tenant.key_with(here).await.get("/api/v1/customers").await;
    findings.check(here.status == 200, || format!("from an allowed address: {here}"));

    let soon = OffsetDateTime::now_utc() + Duration::from_secs(4);
    let expiry = soon.format(&Rfc3339).expect("this century fits RFC 3339");
    let short = tenant.key_with(json!({"name": "short", "role": "viewer", "expires_at": expiry})).await;
    until(&short, "/api/v1/customers", 401).await;
    let past = json!({"name": "past", "role": "viewer", "expires_at": "2020-01-01T00:00:00Z"});
    let past = tenant.owner.post("/api/v1/api-keys", past).await;
    findings.note("an expiry in the past", past.names_no_field(&[400, 422], "/expires_at"));
    findings.finish();
    portico.stop().await;
}

#[tokio::test]
async fn custom_roles_bind_their_keys_and_change_with_them() {
    let portico = Portico::start().await;
    let tenant = Tenant::new(&portico, "Roles").await;
    let shop = tenant.connect("shop").await;
    let owner = &tenant.owner;
    let listed = owner.list("/api/v1/roles").await;
    for name in ["owner", "admin", "developer", "messaging", "onboarding", "viewer"] {
        let role = listed.iter().find(|role| role["name"] == name).unwrap_or_else(|| panic!("{name} is listed"));
        assert_eq!(role["built_in"], true, "{role}");
    }
    let permissions = owner.get("/api/v1/permissions").await.expect(200);
    assert!(permissions.to_string().contains("\"messages:send\""), "{permissions}");

    let body = json!({"name": "sender", "description": "sends", "permissions": ["messages:send"]});
    let role = owner.post("/api/v1/roles", body).await.expect(201);
    assert_eq!((&role["built_in"], &role["permissions"]), (&json!(false), &json!(["messages:send"])));
    let path = format!("/api/v1/roles/{}", text(&role, "id"));
    assert_eq!(owner.get(&path).await.expect(200)["name"], "sender");

    let sender = tenant.key("sender").await;
    sender.post(&shop.messages(), message()).await.expect_success();
    let plugin = format!("/plugin/{}", shop.plugin);
    let refused = sender.get(&plugin).await;
    assert!(refused.text.contains("plugins:read"), "names the permission: {refused}");
    assert_eq!(refused.not_an_envelope(&[403]), None);

    owner.patch(&path, json!({"permissions": ["plugins:read"]})).await.expect(200);
    until(&sender, &plugin, 200).await;
    assert_eq!(sender.post(&shop.messages(), message()).await.not_an_envelope(&[403]), None);

    let in_use = owner.delete(&path).await;
    assert_eq!(in_use.not_a_problem(&[409]), None);
    let keys = owner.list("/api/v1/api-keys").await;
    let key = keys.iter().find(|key| key["role"] == "sender").expect("the key is listed with its role");
    let viewer = owner.patch(&format!("/api/v1/api-keys/{}", text(key, "id")), json!({"role": "messaging"})).await;
    assert_eq!(viewer.expect(200)["role"], "messaging");
    eventually("the key's new role holds", || async {
        sender.post(&shop.messages(), message()).await.is_success().then_some(())
    })
    .await;
    assert!(owner.delete(&path).await.is_success());
    owner.get(&path).await.expect(404);
    portico.stop().await;
}

#[tokio::test]
async fn nobody_grants_more_than_they_have() {
    let portico = Portico::start().await;
    let tenant = Tenant::new(&portico, "Escalation").await;
    let admin = tenant.key("admin").await;
    let viewer = tenant.key("viewer").await;
    let mut findings = Findings::new();
    let key = |role: &str| json!({"name": "wider", "role": role});
    let role = |permissions: Value| json!({"name": "wider", "permissions": permissions});
    for (what, caller, path, body) in [
        ("an admin makes an owner key", &admin, "/api/v1/api-keys", key("owner")),
        ("an admin makes a role with chakra_keys:write", &admin, "/api/v1/roles", role(json!(["chakra_keys:write"]))),
        ("a viewer makes a key", &viewer, "/api/v1/api-keys", key("viewer")),
        (
            "an admin stores a Chakra key",
            &admin,
            "/api/v1/chakra-keys",
            json!({"name": "x", "access_token": "x".repeat(250)}),
        ),
        ("an owner makes a tenant", &tenant.owner, "/api/v1/tenants", json!({"name": "x"})),
    ] {
        let answer = caller.post(path, body).await;
        findings.note(what, answer.not_a_problem(&[403]));
    }
    let operators = tenant.owner.post("/api/v1/roles", role(json!(["tenants:write"]))).await;
    findings.note("a role with the operator's permission", operators.not_a_problem(&[400, 403, 422]));
    let keys = tenant.owner.list("/api/v1/api-keys").await;
    let own = keys.iter().find(|key| key["role"] == "admin").expect("the admin key is listed");
    let path = format!("/api/v1/api-keys/{}", text(own, "id"));
    findings
        .note("an admin widens its own key", admin.patch(&path, json!({"role": "owner"})).await.not_a_problem(&[403]));
    for path in ["/api/v1/tenants", "/api/v1/tenants/ten_01h455vb4pex5vsknk084sn02q"] {
        findings.note("a tenant's owner lists tenants", tenant.owner.get(path).await.not_a_problem(&[403]));
    }
    let names: Vec<_> = tenant.owner.list("/api/v1/roles").await.iter().map(|role| text(role, "name")).collect();
    findings.check(!names.contains(&"wider".to_owned()), || format!("a refused role was stored: {names:?}"));
    findings.finish();
    portico.stop().await;
}
