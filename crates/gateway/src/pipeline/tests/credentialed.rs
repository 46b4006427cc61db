use std::time::Duration;

use super::{Admitted, Claimed, Credentialed, credentialed, owned};
use crate::body::Received;
use crate::tests::{ChakraStandIn, Given, World, head, refusal};

#[tokio::test]
async fn a_tenant_without_a_chakra_key_is_told_so() {
    let world = World::new().await;
    let key = world.key("owner").await;
    let head = head("GET", "/v1/health").by(&key.bearer);
    let outcome = credentialed(&world, head, "", &mut world.record(&head)).await;
    assert_eq!(refusal(outcome), (409, "chakra_key_missing"));
}

#[tokio::test]
async fn another_tenants_chakra_key_serves_nobody_else() {
    let mut world = World::new().await;
    world.store_chakra_key().await;
    world.tenant = world.kit.add_tenant().await;
    let key = world.key("owner").await;
    let head = head("GET", "/v1/health").by(&key.bearer);
    let outcome = credentialed(&world, head, "", &mut world.record(&head)).await;
    assert_eq!(refusal(outcome), (409, "chakra_key_missing"));
}

#[tokio::test]
async fn a_call_goes_out_on_the_catalogues_path_with_its_query_and_without_the_callers_credential() {
    let world = World::new().await;
    world.store_chakra_key().await;
    let key = world.key("owner").await;
    let number = &world.tenant.connection.phone_number;
    let path = format!("/v1/whatsapp/v24.0/{number}/settings");
    let headers = Given(&[("accept", "application/json"), ("authorization", "Bearer ptc_x"), ("cookie", "a=1")]);
    let head = head("GET", &path).by(&key.bearer).with(&headers).asking("include_sip_credentials=%74rue");
    let ready = credentialed(&world, head, "", &mut world.record(&head)).await.expect("is ready").into_parts();
    assert_eq!(ready.target, format!("{path}?include_sip_credentials=true"));
    let mut names: Vec<_> = ready.headers.keys().map(http::HeaderName::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["accept", "accept-encoding", "x-request-id"]);
}

#[tokio::test]
async fn a_disconnect_says_in_its_body_which_waba_is_meant() {
    let world = World::new().await;
    world.store_chakra_key().await;
    let key = world.key("owner").await;
    let own = &world.tenant.connection;
    let path = format!("/v1/ext/plugin/whatsapp/{}/disconnect-waba", own.plugin);
    let body = format!(r#"{{"wabaId":"{}"}}"#, own.waba);
    let head = head("POST", &path).by(&key.bearer).with(&crate::tests::JSON);
    let ready = credentialed(&world, head, &body, &mut world.record(&head)).await.expect("is ready").into_parts();
    let Received::Json { bytes, .. } = ready.call.received else { panic!("has a JSON body") };
    assert_eq!(bytes, body);
}

#[tokio::test]
async fn a_chakra_that_cannot_be_asked_for_the_team_does_not_hold_a_call_up() {
    let chakra = ChakraStandIn::answering("HTTP/1.1 200 OK", "").await;
    let (there, gone) = (World::with_chakra(&chakra.url).await, World::new().await);
    for (world, questions) in [(&there, 1), (&gone, 1)] {
        world.store_chakra_key().await;
        world.kit.forget_team(world.tenant.id).await;
        let key = world.key("owner").await;
        let head = head("GET", "/v1/health").by(&key.bearer);
        credentialed(world, head, "", &mut world.record(&head)).await.expect("is ready");
        assert_eq!(chakra.team_questions(), questions);
    }
    assert_eq!(chakra.calls(), [""; 0], "nothing was sent yet");
}

#[tokio::test]
async fn a_key_that_is_revoked_while_the_chakra_key_is_waited_for_is_refused() {
    let world = World::new().await;
    world.store_chakra_key().await;
    let key = world.key("messaging").await;
    let head = head("GET", "/v1/health").by(&key.bearer);
    let mut record = world.record(&head);
    let owned = owned(&world, head, "", &mut record).await.expect("is the caller's");
    world.revoke(&key).await;
    world.kit.clock.advance(Duration::from_millis(100));
    let outcome = Credentialed::of(Claimed::of(Admitted::of(owned)), &world.gateway, &mut record).await;
    assert_eq!(refusal(outcome), (401, "unauthorized"));
}
