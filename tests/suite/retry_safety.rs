//! What the catalogue calls safe to repeat changes nothing when it is repeated.

use std::collections::BTreeMap;

use portico_chakra::{Effect, Method, Retry, operations};
use serde_json::Value;

use crate::harness::{Call, Findings, Portico, Tenant};

/// Fields that tell when something last happened or how far a message has come by now, and what stands in a queue on its
/// way out: they follow each call, or the time.
const FOLLOWS: [&str; 6] = ["updated_at", "updatedAt", "updated", "at", "delivery", "outbox"];

/// The leaves of a tree by their pointers.
fn leaves(value: &Value, at: &str, all: &mut BTreeMap<String, Value>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map.iter().filter(|(key, _)| !FOLLOWS.contains(&key.as_str())) {
                leaves(value, &format!("{at}/{key}"), all);
            }
        }
        Value::Array(list) => list.iter().enumerate().for_each(|(n, value)| leaves(value, &format!("{at}/{n}"), all)),
        leaf => drop(all.insert(at.to_owned(), leaf.clone())),
    }
}

async fn state(portico: &Portico) -> BTreeMap<String, Value> {
    let mut all = BTreeMap::new();
    leaves(&portico.sandbox().state().await, "", &mut all);
    all
}

#[tokio::test]
async fn a_repeat_of_what_is_safe_to_repeat_changes_nothing() {
    let portico = Portico::start().await;
    let tenant = Tenant::new(&portico, "Repeating").await;
    let us = tenant.connect("shop").await;
    let mut findings = Findings::new();
    let mut tried = 0;
    let safe = operations().into_iter().filter(|one| one.retry == Retry::Safe && one.method != Method::Get);
    for (made, operation) in safe.enumerate() {
        let ends = matches!(operation.effect, Effect::DeletesPlugin | Effect::DisconnectsWaba);
        let target = if ends { tenant.connect(&format!("shop-{made}")).await } else { us.clone() };
        let things = tenant.things(&target, operation).await;
        let call = Call::of(operation, operation.paths[0], &target.ids_with(things));
        let first = call.send(&tenant.owner).await;
        findings.check(first.is_success(), || format!("{}: {first}", operation.id));
        let once = state(&portico).await;
        let again = call.send(&tenant.owner).await;
        let twice = state(&portico).await;
        let changed: Vec<_> = once
            .iter()
            .filter(|(at, value)| twice.get(*at) != Some(value))
            .map(|(at, _)| at)
            .chain(twice.keys().filter(|at| !once.contains_key(*at)))
            .collect();
        findings.check(changed.is_empty(), || format!("{}: the repeat ({again}) changed {changed:?}", operation.id));
        tried += 1;
    }
    findings.check(tried > 15, || format!("only {tried} operations are marked safe"));
    findings.finish();
    portico.stop().await;
}

#[test]
fn what_makes_a_second_thing_is_not_called_safe() {
    for id in ["upload_photo", "upload_public_media", "bulk_update_processes", "create_connect_token"] {
        assert_eq!(portico_chakra::operation(id).retry, Retry::Never, "{id}");
    }
}
