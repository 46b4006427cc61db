//! Bad input on the management API: a 4xx problem that names the field and the fix, never a 500,
//! and nothing half-written.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::raw::{raw, request};
use crate::harness::tenant::text;
use crate::harness::{Body, Caller, Findings, Portico, Tenant};

const LISTS: [&str; 5] = ["customers", "api-keys", "roles", "chakra-keys", "plugins"];
const SOMEBODY: &str = "cus_01h455vb4pex5vsknk084sn02q";

/// What each resource is created with.
fn valid(resource: &str) -> Value {
    match resource {
        "customers" => json!({"external_id": "valid", "name": "Valid"}),
        "api-keys" => json!({"name": "valid", "role": "viewer"}),
        "roles" => json!({"name": "valid", "permissions": ["messages:send"]}),
        "chakra-keys" => json!({"name": "valid", "access_token": "v".repeat(250)}),
        "plugins" => json!({"customer_id": SOMEBODY, "name": "valid"}),
        other => panic!("the suite has no body for {other}"),
    }
}

fn with(resource: &str, name: &str, value: Value) -> Value {
    let mut body = valid(resource);
    body[name] = value;
    body
}

async fn everything(owner: &Caller) -> Value {
    let mut all = json!({});
    for resource in LISTS {
        let mut rows = owner.list(&format!("/api/v1/{resource}")).await;
        for row in rows.iter_mut().filter_map(Value::as_object_mut) {
            row.retain(|name, _| !name.starts_with("last_used"));
        }
        all[resource] = json!(rows);
    }
    all
}

#[tokio::test]
async fn bad_bodies_are_refused_by_field_and_leave_nothing_behind() {
    let portico = Portico::start().await;
    let tenant = Tenant::new(&portico, "Bad bodies").await;
    tenant.connect("shop").await;
    let before = everything(&tenant.owner).await;
    portico.sandbox().clear().await;
    let mut findings = Findings::new();
    for resource in LISTS {
        whole_bodies(&tenant.owner, resource, &mut findings).await;
        common_fields(&tenant.owner, resource, &mut findings).await;
    }
    own_fields(&tenant.owner, &mut findings).await;
    let after = everything(&tenant.owner).await;
    findings.check(before == after, || format!("something was half-written: {before} became {after}"));
    let record = portico.sandbox().record().await;
    findings.check(record.is_empty(), || format!("refused calls arrived at Chakra: {record:?}"));
    findings.finish();
    portico.stop().await;
}

/// Bodies that are wrong as a whole.
async fn whole_bodies(owner: &Caller, resource: &str, findings: &mut Findings) {
    let path = format!("/api/v1/{resource}");
    let json_type = "application/json";
    let valid = valid(resource).to_string();
    let twice = valid.replacen('{', r#"{"name":"first","#, 1);
    let cut = valid[..valid.len() - 1].to_owned();
    let deep = "[".repeat(100_000);
    let large = with(resource, "name", json!("x".repeat(2 * 1024 * 1024))).to_string();
    let not_utf8 = [b"{\"name\":\"".as_slice(), b"\xff\xfe", b"\"}"].concat();
    for (what, content_type, bytes, statuses) in [
        ("cut JSON", json_type, cut.into_bytes(), &[400][..]),
        ("no JSON", json_type, b"name=x".to_vec(), &[400]),
        ("an empty body", json_type, Vec::new(), &[400]),
        ("a list", json_type, b"[]".to_vec(), &[400, 422]),
        ("null", json_type, b"null".to_vec(), &[400, 422]),
        ("no UTF-8", json_type, not_utf8, &[400]),
        ("a name that stands twice", json_type, twice.into_bytes(), &[400, 422]),
        ("very deep JSON", json_type, deep.into_bytes(), &[400]),
        ("more after the JSON", json_type, format!("{valid}{{}}").into_bytes(), &[400]),
        ("plain text", "text/plain", valid.clone().into_bytes(), &[415]),
        ("a form", "application/x-www-form-urlencoded", b"name=x".to_vec(), &[415]),
        ("a body over the limit", json_type, large.into_bytes(), &[413]),
    ] {
        let answer = owner.send(Method::POST, &path, Body::Bytes(content_type, bytes)).await;
        findings.note(&format!("{resource}, {what}"), answer.not_a_problem(statuses));
    }
}

/// Fields that every resource has.
async fn common_fields(owner: &Caller, resource: &str, findings: &mut Findings) {
    let path = format!("/api/v1/{resource}");
    for (what, pointer, body) in [
        ("an unknown field", "/colour", with(resource, "colour", json!("red"))),
        ("a name too long", "/name", with(resource, "name", json!("x".repeat(101)))),
        ("a number for a name", "/name", with(resource, "name", json!(5))),
        ("an empty name", "/name", with(resource, "name", json!(""))),
        ("a name with a line break", "/name", with(resource, "name", json!("a\nb"))),
        ("a name with NUL", "/name", with(resource, "name", json!("a\u{0}b"))),
    ] {
        let answer = owner.post(&path, body).await;
        findings.note(&format!("{resource}, {what}"), answer.names_no_field(&[400, 422], pointer));
    }
}

/// Fields of single resources.
async fn own_fields(owner: &Caller, findings: &mut Findings) {
    let many: serde_json::Map<_, _> = (0..51).map(|key| (key.to_string(), json!("x"))).collect();
    for (resource, pointer, body) in [
        ("customers", "/external_id", json!({"name": "No external id"})),
        ("customers", "/external_id", with("customers", "external_id", json!("x".repeat(201)))),
        ("customers", "/external_id", with("customers", "external_id", json!("a\u{0}b"))),
        ("customers", "/metadata", with("customers", "metadata", json!({"plan": 5}))),
        ("customers", "/metadata", with("customers", "metadata", json!(many))),
        ("api-keys", "/role", with("api-keys", "role", json!("emperor"))),
        ("api-keys", "/customers", with("api-keys", "customers", json!(["ten_01h455vb4pex5vsknk084sn02q"]))),
        ("api-keys", "/customers", with("api-keys", "customers", json!("everyone"))),
        ("api-keys", "/phone_numbers", with("api-keys", "phone_numbers", json!(["+15550001111"]))),
        ("api-keys", "/allowed_ips", with("api-keys", "allowed_ips", json!(["300.0.0.0/8"]))),
        ("api-keys", "/expires_at", with("api-keys", "expires_at", json!("tomorrow"))),
        ("api-keys", "/rate_limit", with("api-keys", "rate_limit", json!(0))),
        ("api-keys", "/rate_limit", with("api-keys", "rate_limit", json!("5"))),
        ("api-keys", "/description", with("api-keys", "description", json!("x".repeat(501)))),
        ("roles", "/name", with("roles", "name", json!("With Blanks"))),
        ("roles", "/permissions", with("roles", "permissions", json!(["world:rule"]))),
        ("roles", "/permissions", json!({"name": "none"})),
        ("chakra-keys", "/access_token", json!({"name": "no token"})),
        ("chakra-keys", "/access_token", with("chakra-keys", "access_token", json!("two\nlines"))),
        ("chakra-keys", "/access_token", with("chakra-keys", "access_token", json!(""))),
        ("plugins", "/customer_id", with("plugins", "customer_id", json!("key_01h455vb4pex5vsknk084sn02q"))),
    ] {
        let answer = owner.post(&format!("/api/v1/{resource}"), body.clone()).await;
        let body: String = body.to_string().chars().take(100).collect();
        findings.note(&format!("{resource}, {body}"), answer.names_no_field(&[400, 422], pointer));
    }
    // A secret is never quoted back, wherever it stood.
    let misplaced = json!({"name": "x", "access_token": {"value": "very-secret-token"}});
    let answer = owner.post("/api/v1/chakra-keys", misplaced).await;
    findings.check(!answer.text.contains("very-secret-token"), || format!("quotes a secret: {answer}"));
}

#[tokio::test]
async fn bad_ids_parameters_and_duplicates_are_refused_by_name() {
    let portico = Portico::start().await;
    let tenant = Tenant::new(&portico, "Bad ids").await;
    let owner = &tenant.owner;
    let mut findings = Findings::new();

    let wrong_prefix = [("customers", "cus_"), ("api-keys", "key_"), ("chakra-keys", "chk_")];
    for (resource, prefix) in wrong_prefix {
        for id in ["ten_01h455vb4pex5vsknk084sn02q", "nonsense", "%00", "a%20b", &"9".repeat(300)] {
            let answer = owner.get(&format!("/api/v1/{resource}/{id}")).await;
            findings.check(answer.text.contains(prefix), || format!("does not say {prefix}: {answer}"));
            findings.note("a wrong id", answer.not_a_problem(&[400, 404]));
        }
    }
    for path in
        ["/api/v1/roles/nonsense", "/api/v1/plugins/nonsense", "/api/v1/wabas/twelve", "/api/v1/phone-numbers/+1555"]
    {
        findings.note("a wrong id", owner.get(path).await.not_a_problem(&[400, 404]));
    }
    for (query, parameter) in [
        ("limit=0", "limit"),
        ("limit=-1", "limit"),
        ("limit=ten", "limit"),
        ("limit=100000", "limit"),
        ("cursor=nonsense", "cursor"),
        ("colour=red", "colour"),
    ] {
        let answer = owner.get(&format!("/api/v1/customers?{query}")).await;
        findings.check(answer.text.contains(parameter), || format!("does not name {parameter}: {answer}"));
        findings.note(query, answer.not_a_problem(&[400, 422]));
    }

    for (resource, body, pointer) in [
        ("customers", json!({"external_id": "once", "name": "Once"}), "/external_id"),
        ("roles", json!({"name": "once", "permissions": ["messages:send"]}), "/name"),
        ("chakra-keys", json!({"name": "once", "access_token": portico.sandbox().team().await}), "/name"),
    ] {
        let path = format!("/api/v1/{resource}");
        owner.post(&path, body.clone()).await.expect(201);
        let before = owner.list(&path).await;
        let mut again = body;
        if resource == "chakra-keys" {
            again["access_token"] = json!(portico.sandbox().team().await);
        }
        findings.note("a duplicate", owner.post(&path, again).await.names_no_field(&[409], pointer));
        findings.check(owner.list(&path).await == before, || format!("a duplicate in {resource} changed something"));
    }
    let built_in = json!({"name": "owner", "permissions": ["messages:send"]});
    findings
        .note("a built-in name", owner.post("/api/v1/roles", built_in).await.names_no_field(&[400, 409, 422], "/name"));
    let other = text(
        &owner.post("/api/v1/customers", json!({"external_id": "other", "name": "Other"})).await.expect(201),
        "id",
    );
    let answer = owner.patch(&format!("/api/v1/customers/{other}"), json!({"colour": "red"})).await;
    findings.note("an unknown field of a patch", answer.names_no_field(&[400, 422], "/colour"));
    let answer = owner.delete("/api/v1/customers").await;
    findings.check(!answer.header("allow").is_empty(), || format!("405 without Allow: {answer}"));
    findings.note("a method that it does not take", answer.not_a_problem(&[405]));
    findings.finish();
    portico.stop().await;
}

#[tokio::test]
async fn odd_paths_and_headers_are_refused_and_never_a_500() {
    let portico = Portico::start().await;
    let tenant = Tenant::new(&portico, "Odd paths").await;
    let (base, bearer) = (tenant.owner.base(), format!("Bearer {}", tenant.owner.token()));
    let mut findings = Findings::new();
    for path in [
        "/api/v1/customers/..%2f..%2fv1%2ftenants",
        "/api/v1/customers/%2e%2e/tenant",
        "/api/v1/customers/../tenant",
        "/api/v1/./customers",
        "/api/v1//customers",
        "/api/v1/customers%2f",
        "/api/v1/customers/%00",
        "/api/v1/customers/%0d%0aX-Evil:%201",
        "/api/v1/customers/%ff",
        "/api/v1/customers/%",
        "/api/v1/customers/%zz",
        "/api/v1/customers\\..\\tenant",
        "/api/v1/Customers",
        "/api/v1",
        "/api/v2/customers",
        "/api/v1/customers/by-external-id/%00",
    ] {
        let lines = request(&format!("GET {path}"), &[("Authorization", &bearer)], "");
        let answer = raw(base, &format!("GET {path}"), &lines).await;
        findings.note("an odd path", answer.not_a_problem(&[400, 404, 405]));
        findings.check(answer.header("x-evil").is_empty(), || format!("a header was injected: {answer}"));
    }
    // What no HTTP parser lets through may be refused without a body, but is refused.
    for (what, name, value) in [
        ("a control character in a header", "X-Request-Id", "a\u{1}b"),
        ("a NUL in a header", "Portico-Tenant", "a\u{0}b"),
        ("a blank in a header's name", "X Request Id", "a"),
    ] {
        let lines = request("GET /api/v1/customers", &[("Authorization", &bearer), (name, value)], "");
        let answer = raw(base, what, &lines).await;
        findings.check((400..500).contains(&answer.status), || format!("expected 4xx: {answer}"));
    }
    // A request id that cannot be kept as it is: refused or replaced, and never echoed.
    for id in ["a b\tc".to_owned(), "x".repeat(5000), "\"quoted\"".to_owned(), "caf\u{e9}".to_owned()] {
        let lines = request("GET /api/v1/customers", &[("Authorization", &bearer), ("X-Request-Id", &id)], "");
        let answer = raw(base, "an odd X-Request-Id", &lines).await;
        findings.check([200, 400, 431].contains(&answer.status), || format!("{answer}"));
        findings.check(answer.header("x-request-id") != id, || format!("an odd request id is echoed: {answer}"));
    }
    for credential in ["Bearer", "Bearer ", "Basic dXNlcjpwYXNz", "Bearer a b", "bearer\tx", "Bearer \u{e9}"] {
        let lines = request("GET /api/v1/customers", &[("Authorization", credential)], "");
        let answer = raw(base, &format!("Authorization: {credential}"), &lines).await;
        findings.note("an odd credential", answer.not_a_problem(&[400, 401]));
    }
    let smuggled = format!(
        "POST /api/v1/customers HTTP/1.1\r\nHost: portico\r\nAuthorization: {bearer}\r\nContent-Type: application/json\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n0\r\n\r\n"
    );
    let answer = raw(base, "two lengths", smuggled.as_bytes()).await;
    findings.check((400..500).contains(&answer.status), || format!("two lengths: {answer}"));
    findings.finish();
    portico.stop().await;
}
