//! What needs no credential: liveness, readiness, documentation; and the private listener.

use portico_chakra::operations;

use crate::harness::tenant::message;
use crate::harness::{Answer, Caller, Findings, Portico, Tenant};

#[tokio::test]
async fn liveness_readiness_documentation_and_metrics_answer_and_tell_no_secret() {
    let portico = Portico::start().await;
    let tenant = Tenant::new(&portico, "Surfaces").await;
    let shop = tenant.connect("shop").await;
    tenant.owner.post(&shop.messages(), message()).await.expect_success();
    let public = portico.anonymous();
    let mut findings = Findings::new();

    for path in ["/healthz", "/readyz", "/openapi.json", "/openapi-3.0.json", "/openapi.yaml"] {
        let answer = public.get(path).await;
        findings.check(answer.status == 200, || format!("{answer}"));
    }
    let docs = public.get("/").await;
    let docs = if docs.status / 100 == 3 { public.get(docs.header("location")).await } else { docs };
    findings.check(docs.status == 200 && docs.header("content-type").starts_with("text/html"), || format!("{docs}"));
    let elsewhere =
        ["src=\"http", "href=\"http://", "src='http", "src=\"//"].iter().any(|link| docs.text.contains(link));
    findings.check(!elsewhere, || format!("the documentation loads something from elsewhere: {docs}"));

    let document = public.get("/openapi.json").await.expect(200);
    for operation in operations() {
        for path in operation.paths {
            let method = operation.method.as_str().to_lowercase();
            // An operation stands at its first path, whose description names the others.
            let first = &document["paths"][operation.paths[0]][&method]["description"];
            let described = first.as_str().is_some_and(|text| text.contains(&format!("`{path}`")));
            let known = document["paths"][*path].get(&method).is_some() || described;
            findings.check(known, || format!("the OpenAPI document lacks {method} {path} ({})", operation.id));
        }
    }

    let metrics = metrics(&portico).await;
    findings.check(metrics.status == 200 && metrics.text.contains("# TYPE"), || format!("{metrics}"));
    let parses = metrics
        .text
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .all(|line| line.rsplit_once(' ').is_some_and(|(_, value)| value.parse::<f64>().is_ok()));
    findings.check(parses, || format!("not the text format of Prometheus: {metrics}"));
    for secret in [tenant.owner.token(), &tenant.chakra_key, portico.told("operator_token"), "15550001111"] {
        findings.check(!metrics.text.contains(secret), || "the metrics show a secret or a person".to_owned());
    }
    let exposed = public.get("/metrics").await;
    findings.check(exposed.status == 404, || format!("the public listener serves metrics: {exposed}"));

    for path in ["/api/v1/customers", "/api/v1/tenants", "/api/v1/roles"] {
        let answer = public.get(path).await;
        findings
            .check(!answer.header("www-authenticate").is_empty(), || format!("401 without WWW-Authenticate: {answer}"));
        findings.note("without a credential", answer.not_a_problem(&[401]));
        let answer = public.bearing("ptc_dev_junk").get(path).await;
        findings.note("with junk", answer.not_a_problem(&[401]));
    }
    findings.note("an unknown path", public.get("/nowhere").await.not_a_problem(&[404]));
    findings.finish();
    portico.stop().await;
}

async fn metrics(portico: &Portico) -> Answer {
    // The address may be told with or without the path.
    let base = portico.told("metrics_url").trim_end_matches("/metrics");
    Caller::anonymous(base).get("/metrics").await
}

/// Calls that no handler sees are those that an outage or an attack is made of.
#[tokio::test]
async fn calls_that_no_handler_sees_are_counted_with_the_code_that_the_caller_saw() {
    let portico = Portico::start().await;
    let public = portico.anonymous();
    let mut findings = Findings::new();
    let expected = [
        ("compatible", public.get("/nowhere").await, 404),
        ("compatible", public.get("/v1/health").await, 401),
        ("management", public.get("/api/v1/nowhere").await, 404),
        ("management", public.get("/api/v1/customers").await, 401),
        ("management", public.delete("/api/v1/customers").await, 405),
        ("console", public.get("/console/sign-in").await, 200),
        ("console", public.get("/console/nowhere").await, 404),
    ];
    let metrics = metrics(&portico).await.text;
    for (surface, answer, status) in &expected {
        findings.check(answer.status == *status, || format!("not {status}: {answer}"));
        let calls = expected.iter().filter(|(at, _, of)| (at, of) == (surface, status)).count();
        let counted: usize = metrics
            .lines()
            .filter(|line| {
                line.starts_with("portico_request_duration_seconds_count{")
                    && line.contains(&format!("surface=\"{surface}\""))
                    && line.contains(&format!("code=\"{status}\""))
            })
            .filter_map(|line| line.rsplit_once(' ')?.1.parse::<usize>().ok())
            .sum();
        findings.check(counted == calls, || format!("{calls} calls, {counted} counted: {surface} {status}"));
    }
    findings.finish();
    portico.stop().await;
}
