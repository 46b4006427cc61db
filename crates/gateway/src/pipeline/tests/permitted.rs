use std::time::Duration;

use super::permitted;
use crate::tests::{ChakraStandIn, JSON, World, head, refusal};

const UNAUTHORIZED: (u16, &str) = (401, "unauthorized");
const DENIED: (u16, &str) = (403, "permission_denied");
const HEALTH: &str = "/v1/health";

#[tokio::test]
async fn a_role_that_lacks_the_permission_is_refused_and_the_refusal_is_logged() {
    let world = World::new().await;
    let path = format!(
        "/v1/ext/plugin/whatsapp/{}/api/v24.0/{}/messages",
        world.tenant.connection.plugin, world.tenant.connection.phone_number
    );
    for (role, may) in [("viewer", false), ("messaging", true), ("owner", true)] {
        let key = world.key(role).await;
        let head = head("POST", &path).by(&key.bearer).with(&JSON);
        let mut record = world.record(&head);
        match permitted(&world, head, &mut record).await {
            Ok(_) => assert!(may, "{role}"),
            Err(error) => {
                let failure = record.ends_with(Err(error)).expect_err("is a failure");
                assert_eq!((may, refusal(Err::<(), _>(failure.error))), (false, DENIED), "{role}");
            }
        }
    }
    let log = world.kit.request_log(world.tenant.id).await;
    let denied: Vec<_> = log.iter().filter(|entry| entry.code.as_deref() == Some("permission_denied")).collect();
    let [denied] = denied[..] else { panic!("one call is refused: {log:?}") };
    assert_eq!((denied.status, denied.operation.as_str(), denied.upstream_status), (403, "whatsapp_messages", None));
}

#[tokio::test]
async fn a_call_without_a_permission_of_its_own_is_any_callers() {
    let world = World::new().await;
    let key = world.key("onboarding").await;
    let head = head("GET", HEALTH).by(&key.bearer);
    permitted(&world, head, &mut world.record(&head)).await.expect("any key may");
}

#[tokio::test]
async fn a_guarded_query_parameter_needs_its_permission_on_top() {
    let world = World::new().await;
    let path = format!("/v1/whatsapp/v24.0/{}/settings", world.tenant.connection.phone_number);
    for (role, query, may) in [
        ("admin", "", true),
        ("admin", "include_sip_credentials=true", false),
        ("admin", "include_sip_credentials", false),
        ("admin", "include%5Fsip_credentials=true", false),
        ("owner", "include_sip_credentials=true", true),
    ] {
        let key = world.key(role).await;
        let head = head("GET", &path).by(&key.bearer).asking(query);
        let outcome = permitted(&world, head, &mut world.record(&head)).await;
        if may {
            let mut written = String::new();
            outcome.expect("may do it").query().write(&mut written);
            assert_eq!(written.strip_prefix('?').unwrap_or_default(), query);
        } else {
            assert_eq!(refusal(outcome), DENIED, "{role} with {query}");
        }
    }
}

#[tokio::test]
async fn a_query_that_can_be_read_in_two_ways_is_refused() {
    let world = World::new().await;
    let key = world.key("owner").await;
    for query in ["pluginId=1&pluginId=2", "pluginId[]=1", "key=ptc_live_x"] {
        let head = head("GET", "/v1/ext/whatsapp-phone-number").by(&key.bearer).asking(query);
        let outcome = permitted(&world, head, &mut world.record(&head)).await;
        assert_eq!(refusal(outcome), (400, "query_malformed"), "{query}");
    }
}

#[tokio::test]
async fn a_limited_key_makes_no_call_that_reaches_the_whole_team() {
    let world = World::new().await;
    let customer = world.tenant.connection.customer;
    let key = world.key_that("owner", |new| new.customers = Some(vec![customer])).await;
    let head = head("GET", "/v1/ext/config").by(&key.bearer);
    assert_eq!(refusal(permitted(&world, head, &mut world.record(&head)).await), (403, "key_limited"));
}

#[tokio::test]
async fn a_judgement_stands_for_a_tenth_of_a_second_and_then_is_made_anew() {
    let world = World::new().await;
    let key = world.key("viewer").await;
    let head = head("GET", HEALTH).by(&key.bearer);
    let mut call = permitted(&world, head, &mut world.record(&head)).await.expect("may do it");
    world.kit.clock.advance(Duration::from_millis(99));
    assert!(!call.renew(&world.gateway).await.expect("stands"));
    world.kit.clock.advance(Duration::from_millis(1));
    assert!(call.renew(&world.gateway).await.expect("is judged alike"));
    // From then on the new judgement stands as long.
    world.kit.clock.advance(Duration::from_millis(99));
    assert!(!call.renew(&world.gateway).await.expect("stands"));
}

#[tokio::test]
async fn a_key_that_was_revoked_meanwhile_is_refused_when_it_is_judged_anew() {
    let world = World::new().await;
    let key = world.key("viewer").await;
    let head = head("GET", HEALTH).by(&key.bearer);
    let mut call = permitted(&world, head, &mut world.record(&head)).await.expect("may do it");
    world.revoke(&key).await;
    call.renew(&world.gateway).await.expect("the judgement of this moment stands");
    world.kit.clock.advance(Duration::from_millis(100));
    assert_eq!(refusal(call.renew(&world.gateway).await), UNAUTHORIZED);
}

#[tokio::test]
async fn the_team_of_a_key_is_learned_once_and_only_where_ownership_depends_on_it() {
    let chakra = ChakraStandIn::answering("HTTP/1.1 500 Broken", "").await;
    let world = World::with_chakra(&chakra.url).await;
    world.store_chakra_key().await;
    world.kit.forget_team(world.tenant.id).await;
    let key = world.key("owner").await;
    let customer = world.tenant.connection.customer;
    let limited = world.key_that("messaging", |new| new.customers = Some(vec![customer])).await;
    let plugin = format!("/plugin/{}", world.tenant.connection.plugin);
    let medium = "/v1/whatsapp/v24.0/media/300";
    for (path, by, questions) in
        [(plugin.as_str(), &key, 0), (medium, &limited, 0), (medium, &key, 1), (medium, &key, 1)]
    {
        let head = head("GET", path).by(&by.bearer);
        let call = permitted(&world, head, &mut world.record(&head)).await.expect("may do it");
        call.learn_team(&world.gateway).await.expect("the key is there");
        assert_eq!(chakra.team_questions(), questions, "{path}");
    }
    assert_eq!(chakra.calls(), [""; 0]);
}
