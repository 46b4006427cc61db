//! What needs no credential: liveness, readiness, documentation; and the private listener.

use portico_chakra::operations;

use crate::harness::tenant::message;
use crate::harness::{Caller, Findings, Portico, Tenant};

#[tokio::test]
async fn liveness_readiness_documentation_and_metrics_answer_and_tell_no_secret() {
    let portico = Portico::start().await;
    let tenant = Tenant::new(&portico, "Surfaces").await;
    let shop = tenant.connect("shop").await;
    tenant.owner.post(&shop.messages(), message()).await.expect_success();
    let public = portico.anonymous();
    let mut findings = Findings::new();

    for path in ["/healthz", "/readyz", "/openapi.json", "/openapi.yaml"] {
        let answer = public.get(path).await;
        findings.check(answer.status == 200, || format!("{answer}"));
    }
    let docs = public.get("/docs").await;
    let docs = if docs.status / 100 == 3 { public.get(docs.header("location")).await } else { docs };
    findings.check(docs.status == 200 && docs.header("content-type").starts_with("text/html"), || format!("{docs}"));
    let elsewhere =
        ["src=\"http", "href=\"http://", "src='http", "src=\"//"].iter().any(|link| docs.text.contains(link));
    findings.check(!elsewhere, || format!("the documentation loads something from elsewhere: {docs}"));

    let document = public.get("/openapi.json").await.expect(200);
    for operation in operations() {
        for path in operation.paths {
            let method = operation.method.as_str().to_lowercase();
            // OpenAPI cannot hold two paths that differ in the names of their parameters alone: such a path
            // stands in the description of the operation's first.
            let first = &document["paths"][operation.paths[0]][&method]["description"];
            let described = first.as_str().is_some_and(|text| text.contains(&format!("`{path}`")));
            let known = document["paths"][*path].get(&method).is_some() || described;
            findings.check(known, || format!("the OpenAPI document lacks {method} {path} ({})", operation.id));
        }
    }

    let metrics = Caller::anonymous(portico.told("metrics_url"));
    // The address may be told with or without the path.
    let path = if portico.told("metrics_url").ends_with("/metrics") { "" } else { "/metrics" };
    let metrics = metrics.get(path).await;
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
