//! Whose address counts when proxies stand in front, and what callers make up about theirs.

use serde_json::{Value, json};

use crate::harness::{Browser, Caller, Findings, Portico, Serve, Tenant, run_beside_with};

const LEAKED: &str = "/api/v1/api-keys/revoke-leaked";
const ALLOWED: &str = "192.0.2.7";

fn forwarded(caller: &Caller, headers: &[(&str, &str)]) -> Caller {
    headers.iter().fold(caller.clone(), |caller, (name, value)| caller.with(name, value))
}

/// A wrong password of somebody who is not there: the status.
async fn guess(caller: &Caller, number: usize) -> u16 {
    let mut browser = Browser::of(caller);
    let page = browser.open("/console/sign-in").await;
    let email = format!("nobody{number}@example.com");
    browser.submit(&page, "/console/sign-in", &[("email", &email), ("password", "a wrong password")]).await.status
}

#[tokio::test]
async fn the_address_behind_a_trusted_proxy_counts_and_made_up_ones_do_not() {
    let portico = Portico::start().await;
    let tenant = Tenant::new(&portico, "Proxied").await;
    let sandbox = portico.told("sandbox_url");
    let serve = Serve::start_with(&portico, sandbox, &[("PORTICO_TRUSTED_PROXIES", "127.0.0.1, 10.0.0.0/8")]).await;
    let key = tenant.key_with(json!({"name": "narrow", "role": "viewer", "allowed_ips": [ALLOWED]})).await;
    let mut findings = Findings::new();

    // Key limits, on both surfaces.
    let proxied = key.at(serve.url());
    for (headers, is_let_in) in [
        (&[("X-Forwarded-For", ALLOWED)][..], true),
        (&[("X-Forwarded-For", "203.0.113.9, 192.0.2.7, 10.0.0.3")], true),
        (&[("Forwarded", "for=203.0.113.9, for=\"192.0.2.7:80\";proto=https")], true),
        (&[("X-Forwarded-For", ALLOWED), ("Forwarded", "for=192.0.2.7")], true),
        (&[], false),
        (&[("X-Forwarded-For", "192.0.2.7, 203.0.113.9")], false),
        (&[("X-Forwarded-For", ALLOWED), ("X-Forwarded-For", "203.0.113.9")], false),
        (&[("X-Forwarded-For", "192.0.2.7, unknown")], false),
        (&[("Forwarded", "for=192.0.2.7, for=203.0.113.9")], false),
        (&[("Forwarded", "for=192.0.2.7;x=\", for=203.0.113.9")], false),
        (&[("X-Forwarded-For", "203.0.113.9"), ("Forwarded", "for=192.0.2.7")], false),
        (&[("X-Forwarded-For", ALLOWED), ("Forwarded", "for=203.0.113.9")], false),
        (&[("X-Real-IP", ALLOWED)], false),
        (&[("CF-Connecting-IP", ALLOWED), ("True-Client-IP", ALLOWED)], false),
    ] {
        for path in ["/api/v1/customers", "/v1/health"] {
            let answer = forwarded(&proxied, headers).get(path).await;
            let expected = if is_let_in { answer.status == 200 } else { answer.status == 401 || answer.status == 403 };
            findings.check(expected, || format!("{headers:?}: {answer}"));
            // Nobody is trusted where nobody is named.
            let direct = forwarded(&key, headers).get(path).await;
            findings.check(direct.status == 401 || direct.status == 403, || format!("direct, {headers:?}: {direct}"));
        }
    }

    // The audit log, and the use of keys.
    let owner = forwarded(&tenant.owner.at(serve.url()), &[("X-Forwarded-For", "203.0.113.9, 2001:db8::7")]);
    owner.put("/api/v1/customers/by-external-id/audited", json!({"name": "Audited"})).await.expect_success();
    let entries = tenant.owner.list("/api/v1/audit-log").await;
    let made = |entry: &&Value| entry["entry"]["action"] == "customer.create";
    let address = entries.iter().find(made).map(|entry| entry["entry"]["address"].clone());
    findings.check(address == Some(json!("2001:db8::7")), || format!("audited: {address:?} in {entries:?}"));

    // Reports of leaks, each address for itself.
    let anybody = serve.anonymous();
    let report = |from: &str| {
        let caller = anybody.with("X-Forwarded-For", from);
        async move { caller.post(LEAKED, json!({"secret": "nonsense"})).await.status }
    };
    // At once: one a second comes back to each address.
    let mut flood = tokio::task::JoinSet::new();
    for _ in 0..90 {
        flood.spawn(report("203.0.113.20"));
    }
    let reports = flood.join_all().await;
    findings.check(reports.contains(&429), || "seventy reports from one address were taken".to_owned());
    findings.check(report("203.0.113.21").await == 204, || "another address is shut out".to_owned());

    // Guesses of passwords: each address for itself, and those who hide theirs together.
    let flooding = [("X-Forwarded-For", "203.0.113.30")];
    let hiding = [("X-Forwarded-For", "203.0.113.40"), ("Forwarded", "for=203.0.113.41")];
    for (what, headers) in [("one address", &flooding[..]), ("hidden addresses", &hiding[..])] {
        let mut guesses = tokio::task::JoinSet::new();
        for number in 0..31 {
            let caller = forwarded(&anybody, headers);
            guesses.spawn(async move { guess(&caller, number).await });
        }
        let answers = guesses.join_all().await;
        findings.check(answers.contains(&429), || format!("{what}: {answers:?}"));
        let other = guess(&anybody.with("X-Forwarded-For", "203.0.113.50"), 99).await;
        findings.check(other == 403, || format!("{what} shut another one out: {other}"));
    }
    drop(serve);
    findings.finish();
    portico.stop().await;
}

#[tokio::test]
async fn check_warns_of_a_gateway_behind_tls_that_trusts_no_proxy() {
    let portico = Portico::start().await;
    let said = check(&portico, &[("PORTICO_PUBLIC_URL", "https://portico.example.com")]).await;
    assert!(said.1.contains("warn  proxies") && said.1.contains("PORTICO_TRUSTED_PROXIES"), "{said:?}");
    assert_eq!(said.0, Some(0), "a warning is no failure: {said:?}");
    let both = [("PORTICO_PUBLIC_URL", "https://portico.example.com"), ("PORTICO_TRUSTED_PROXIES", "10.0.0.0/8")];
    let said = check(&portico, &both).await;
    assert!(!said.1.contains("warn") && said.0 == Some(0), "{said:?}");
    portico.stop().await;
}

async fn check(portico: &Portico, settings: &[(&str, &str)]) -> (Option<i32>, String) {
    let own = [
        ("PORTICO_OPERATOR_TOKEN", portico.told("operator_token")),
        ("PORTICO_CHAKRA_URL", portico.told("sandbox_url")),
    ];
    run_beside_with(portico, &["check"], &[&own[..], settings].concat()).await
}
