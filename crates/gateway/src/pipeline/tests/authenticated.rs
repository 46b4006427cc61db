use portico_auth::Actor;

use super::{authenticated, permitted};
use crate::tests::world::{OPERATOR, unknown_key};
use crate::tests::{World, a_failure, head, refusal};

const UNAUTHORIZED: (u16, &str) = (401, "unauthorized");
const HEALTH: &str = "/v1/health";

#[tokio::test]
async fn a_key_is_known_by_its_secret() {
    let world = World::new().await;
    let key = world.key("viewer").await;
    let head = head("GET", HEALTH).by(&key.bearer);
    let mut record = world.record(&head);
    let caller = authenticated(&world, head, &mut record).await.expect("is let in");
    assert_eq!(caller.principal().actor(), Actor::ApiKey(key.id));
    assert_eq!(caller.principal().tenant(), Some(world.tenant.id));
    drop(record);
    let [entry] = world.kit.request_log(world.tenant.id).await.try_into().expect("is in the tenant's log");
    assert_eq!((entry.api_key_id, entry.operation.as_str()), (Some(key.id), "health"));
}

#[tokio::test]
async fn whoever_is_not_known_is_turned_away_and_has_no_log() {
    let world = World::new().await;
    let unknown = unknown_key();
    let revoked = world.key("owner").await;
    let another = world.key("owner").await;
    world.revoke(&revoked).await;
    let cut_off = &another.bearer[..another.bearer.len() - 1];
    for (authorization, expected) in [
        (unknown.as_str(), UNAUTHORIZED),
        (&revoked.bearer, UNAUTHORIZED),
        (cut_off, UNAUTHORIZED),
        ("Bearer", UNAUTHORIZED),
        ("Basic eA==", UNAUTHORIZED),
        ("Bearer nonsense", UNAUTHORIZED),
        ("Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.", (401, "token_invalid")),
        ("Bearer ey.", (401, "token_invalid")),
    ] {
        let head = head("GET", HEALTH).by(authorization);
        let mut record = world.record(&head);
        assert_eq!(refusal(authenticated(&world, head, &mut record).await), expected, "{authorization}");
    }
    let nobody = head("GET", HEALTH);
    assert_eq!(refusal(authenticated(&world, nobody, &mut world.record(&nobody)).await), UNAUTHORIZED);
    assert_eq!(world.waiting(), 0, "a key that nobody knows is no tenant's");
}

#[tokio::test]
async fn a_key_is_revoked_from_its_next_call_on_however_warm_it_is() {
    let world = World::new().await;
    let key = world.key("viewer").await;
    let head = head("GET", HEALTH).by(&key.bearer);
    let mut record = world.record(&head);
    authenticated(&world, head, &mut record).await.expect("is let in");
    world.revoke(&key).await;
    assert_eq!(refusal(authenticated(&world, head, &mut record).await), UNAUTHORIZED);
}

#[tokio::test]
async fn a_key_is_let_in_from_its_own_addresses_only() {
    let world = World::new().await;
    let ranges = vec!["192.0.2.0/24".parse().expect("is a range")];
    let key = world.key_that("viewer", |new| new.allowed_ips = Some(ranges)).await;
    for (address, is_let_in) in [(Some("192.0.2.7"), true), (Some("198.51.100.7"), false), (None, false)] {
        let mut head = head("GET", HEALTH).by(&key.bearer);
        head.credentials.address = address.map(|address| address.parse().expect("is an address"));
        let outcome = authenticated(&world, head, &mut world.record(&head)).await;
        if is_let_in {
            outcome.expect("is let in");
        } else {
            assert_eq!(refusal(outcome), (403, "address_not_allowed"), "{address:?}");
        }
    }
}

#[tokio::test]
async fn the_operator_names_a_tenant_that_is_there() {
    let world = World::new().await;
    let (tenant, missing) = (world.tenant.id.to_string(), portico_domain::TenantId::generate().to_string());
    let of = |tenant| {
        let mut head = head("GET", HEALTH).by(OPERATOR);
        head.credentials.tenant = tenant;
        head
    };
    let head = of(Some(tenant.as_str()));
    authenticated(&world, head, &mut world.record(&head)).await.expect("is let in");
    for (tenant, expected) in [(missing.as_str(), (404, "resource_not_found")), ("nonsense", (400, "header_malformed"))]
    {
        let head = of(Some(tenant));
        assert_eq!(refusal(authenticated(&world, head, &mut world.record(&head)).await), expected, "{tenant}");
    }
    let head = of(None);
    assert_eq!(refusal(permitted(&world, head, &mut world.record(&head)).await), (400, "tenant_required"));
}

#[tokio::test]
async fn a_call_counts_once_against_the_keys_own_limit() {
    let world = World::new().await;
    let most = 1_u64.try_into().expect("is a limit");
    let key = world.key_that("viewer", |new| new.rate_limit = Some(most)).await;
    let head = head("GET", HEALTH).by(&key.bearer);
    let mut record = world.record(&head);
    let mut caller = authenticated(&world, head, &mut record).await.expect("is within the limit");
    // Were it counted again, it would be one call too many.
    caller.renew(&world.gateway).await.expect("is judged, not counted");
    caller.renew(&world.gateway).await.expect("is judged, not counted");
    let failure = record.ends_with(Err(a_failure())).expect_err("is a failure");
    assert_eq!(failure.limit.expect("the key has a limit").remaining, 0);
}

#[tokio::test]
async fn a_call_beyond_the_keys_own_limit_is_refused_and_logged() {
    let world = World::new().await;
    let most = 1_u64.try_into().expect("is a limit");
    let key = world.key_that("viewer", |new| new.rate_limit = Some(most)).await;
    let head = head("GET", HEALTH).by(&key.bearer);
    let mut calls = 0;
    // On a machine that takes a second for a call, a further one is allowed.
    let error = loop {
        calls += 1;
        assert!(calls < 50, "the limit of one call in a second is never reached");
        let mut record = world.record(&head);
        match authenticated(&world, head, &mut record).await {
            Ok(_) => drop(record),
            Err(error) => break record.ends_with(Err(error)).expect_err("is a failure").error,
        }
    };
    assert_eq!(refusal(Err::<(), _>(error)), (429, "rate_limited"));
    let log = world.kit.request_log(world.tenant.id).await;
    let refused: Vec<_> = log.iter().filter(|entry| entry.status == 429).collect();
    assert_eq!((log.len(), refused.len()), (calls, 1), "its tenant sees that a known key was refused");
}
