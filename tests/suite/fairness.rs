//! One tenant's flood of management calls leaves the others' calls alone.

use serde_json::json;
use tokio::task::JoinSet;

use crate::harness::tenant::message;
use crate::harness::{Findings, Portico, Tenant};

#[tokio::test]
async fn a_flood_of_one_tenants_management_calls_stops_no_other_tenant() {
    let portico = Portico::start().await;
    let (loud, quiet) = (Tenant::new(&portico, "Loud").await, Tenant::new(&portico, "Quiet").await);
    let shop = quiet.connect("shop").await;
    let mut keys = Vec::new();
    for _ in 0..8 {
        keys.push(quiet.key("messaging").await);
    }
    let viewer = loud.key("viewer").await;
    let mut flood = JoinSet::new();
    for _ in 0..300 {
        let viewer = viewer.clone();
        flood.spawn(async move {
            for _ in 0..3 {
                viewer.post("/api/v1/tokens", json!({"permissions": ["customers:read"]})).await;
            }
        });
    }
    // Each key is used for the first time while the flood is at its height, so that it has to be read.
    let mut findings = Findings::new();
    for key in &keys {
        let answer = key.post(&shop.messages(), message()).await;
        findings.check(answer.is_success(), || format!("the quiet tenant's call: {answer}"));
    }
    flood.abort_all();
    while flood.join_next().await.is_some() {}
    findings.finish();
    portico.stop().await;
}
