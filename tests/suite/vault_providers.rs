//! Master keys outside of Portico: a move to a transit engine while serving, and what happens when it is
//! gone.

use portico_testkit::transit::{Mood, TOKEN, TransitStandIn};
use serde_json::json;

use crate::harness::tenant::message;
use crate::harness::{Portico, Serve, Tenant, Terminal, eventually};

#[tokio::test]
async fn the_vault_moves_to_a_transit_engine_and_outlives_it_for_a_while() {
    let portico = Portico::start().await;
    let tenant = Tenant::new(&portico, "Moves").await;
    let shop = tenant.connect("shop").await;
    let other = Tenant::new(&portico, "Not open yet").await;
    let other_shop = other.connect("other").await;
    let engine = TransitStandIn::start(&["portico"]).await;
    let k1 = portico.told("master_keys").to_owned();
    let (both, url) = (format!("kms:transit:portico,{k1}"), engine.url());
    let place = [("PORTICO_TRANSIT_URL", url.as_str()), ("PORTICO_TRANSIT_TOKEN", TOKEN)];

    // A key is proved before it is needed.
    let terminal = Terminal::beside(&portico, &both);
    let unnamed = terminal.run(&["vault", "status"]).await;
    assert!(!unnamed.success, "{unnamed:?}");
    assert!(unnamed.stderr.contains("PORTICO_TRANSIT_URL is not set") && !unnamed.stderr.contains(&k1), "{unnamed:?}");
    let terminal = terminal.with(&place);
    let checked = terminal.run(&["check"]).await;
    assert!(checked.stdout.contains("ok    master key  kms (transit) seals and opens"), "{checked:?}");
    assert!(checked.stdout.contains("ok    master key  k1 (local) seals and opens"), "{checked:?}");
    let denied = terminal.with(&[("PORTICO_TRANSIT_TOKEN", "hvs.wrong")]);
    let checked = denied.run(&["check"]).await;
    let words = "master key \"kms\" is refused by its provider: it answers 403 Forbidden: permission denied; look at PORTICO_TRANSIT_URL";
    assert!(!checked.success && checked.stdout.contains(words) && !checked.stdout.contains("hvs.wrong"), "{checked:?}");
    let refused = denied.run(&["vault", "rotate"]).await;
    assert!(!refused.success && refused.stderr.contains("permission denied"), "{refused:?}");
    assert_eq!(terminal.status().await["under_sealing_key"], 0, "nothing was done");

    // `portico dev` serves too, and does not know the engine.
    let refused = terminal.run(&["vault", "rotate"]).await;
    assert!(refused.stderr.contains("1 of the replicas that run cannot use kms (rep_"), "{refused:?}");
    terminal.runs(&["vault", "rotate", "--force"]).await;
    let status = terminal.status().await;
    assert_eq!(status["total"], status["under_sealing_key"], "{status}");
    let mut settings = vec![("PORTICO_MASTER_KEYS", "kms:transit:portico")];
    settings.extend(place);
    let replica = Serve::start_with(&portico, portico.told("sandbox_url"), &settings).await;
    let (here, closed) = (tenant.owner.at(replica.url()), other.owner.at(replica.url()));
    here.post(&shop.messages(), message()).await.expect_success();
    assert_eq!(replica.anonymous().get("/readyz").await.expect(200)["vault"], true);

    // The engine is sealed: what is open goes on, what is not open is told so, and readiness says it.
    engine.set(Mood::Sealed);
    eventually("readiness says that the vault cannot be reached", || async {
        (replica.anonymous().get("/readyz").await.expect(200)["vault"] == false).then_some(())
    })
    .await;
    here.post(&shop.messages(), message()).await.expect_success();
    let answer = closed.post(&other_shop.messages(), message()).await;
    assert_eq!((answer.status, &answer.json["_meta"]["code"]), (503, &json!("vault_unavailable")), "{answer}");
    assert!(answer.headers.contains_key("retry-after") && !answer.text.contains("transit"), "{answer}");
    let made = portico.operator().at(replica.url()).post("/api/v1/tenants", json!({"name": "Late"})).await;
    assert_eq!((made.status, &made.json["code"]), (503, &json!("vault_unavailable")), "{made}");

    engine.set(Mood::Serves);
    eventually("the vault is back", || async {
        let ready = replica.anonymous().get("/readyz").await.expect(200)["vault"] == true;
        (ready && closed.post(&other_shop.messages(), message()).await.is_success()).then_some(())
    })
    .await;
    drop(replica);
    portico.stop().await;
}
