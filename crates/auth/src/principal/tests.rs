use super::*;
use portico_domain::permission::perm;
use portico_domain::{BuiltInRole, CustomerId};
use proptest::prelude::*;

fn record(role: BuiltInRole) -> ApiKeyRecord {
    ApiKeyRecord {
        id: ApiKeyId::generate(),
        tenant: TenantId::generate(),
        tenant_status: TenantStatus::Active,
        permissions: role.permissions(),
        reach: Arc::new(Reach::ALL),
        allowed_ips: None,
        rate_limit: None,
        expires_at: None,
        tokens_not_before: None,
    }
}

fn from(address: &str) -> Origin {
    Origin { address: Some(address.parse().expect("is an address")), request_id: None }
}

const NOW: OffsetDateTime = time::macros::datetime!(2026-11-23 12:00 UTC);

#[test]
fn a_role_allows_its_permissions_and_no_other() {
    let principal = record(BuiltInRole::Messaging).admit(NOW, Origin::default()).expect("stands");
    assert!(principal.authorize::<perm::MessagesSend>().is_ok());
    assert_eq!(principal.authorize::<perm::ApiKeysWrite>().err(), Some(Denied::Permission(Permission::ApiKeysWrite)));
    assert_eq!(principal.authorize_operator::<perm::TenantsRead>().err(), Some(Denied::OperatorOnly));
}

#[test]
fn a_limited_key_is_refused_what_reaches_the_whole_team() {
    let reach = Reach { customers: Some(vec![CustomerId::generate()]), phone_numbers: None };
    let principal = ApiKeyRecord { reach: Arc::new(reach), ..record(BuiltInRole::Owner) }
        .admit(NOW, Origin::default())
        .expect("stands");
    assert_eq!(principal.authorize::<perm::TeamRead>().err(), Some(Denied::Limited));
    assert!(principal.authorize::<perm::MessagesSend>().is_ok());
}

#[test]
fn a_second_permission_is_judged_as_the_first() {
    let reach = Reach { customers: Some(vec![CustomerId::generate()]), phone_numbers: None };
    let record = |role| ApiKeyRecord { reach: Arc::new(reach.clone()), ..record(role) };
    let scope = |role| record(role).admit(NOW, Origin::default()).expect("stands").authorize::<perm::PluginsRead>();
    let viewer = scope(BuiltInRole::Viewer).expect("reads");
    assert_eq!(viewer.also::<perm::CustomersRead>().map(|scope| scope.reach().clone()), Ok(reach.clone()));
    assert_eq!(viewer.also::<perm::PluginsWrite>().err(), Some(Denied::Permission(Permission::PluginsWrite)));
    let owner = scope(BuiltInRole::Owner).expect("reads");
    assert_eq!(owner.also::<perm::TeamRead>().err(), Some(Denied::Limited));
}

fn token(record: &ApiKeyRecord, permissions: PermissionSet, reach: Reach) -> TokenClaims {
    TokenClaims {
        id: TokenId::generate(),
        subject: crate::Subject::ApiKey(record.id),
        tenant: record.tenant,
        issued_at: NOW,
        expires_at: NOW + time::Duration::HOUR,
        permissions,
        reach: Arc::new(reach),
    }
}

#[test]
fn a_token_says_what_it_lacks_and_what_no_token_has() {
    let owner = record(BuiltInRole::Owner);
    let token = token(&owner, PermissionSet::of(&[Permission::CustomersRead]), Reach::ALL);
    let principal = owner.admit(NOW, Origin::default()).expect("stands").narrowed(&token);
    assert_eq!(principal.party().map(|party| party.token), Some(Some(token.id)));
    assert_eq!(principal.actor(), Actor::ApiKey(owner.id));
    let scope = principal.authorize::<perm::CustomersRead>().expect("the token has it");
    assert_eq!(scope.party().token, Some(token.id));
    let denied = principal.authorize::<perm::MessagesSend>().err();
    assert_eq!(denied, Some(Denied::TokenPermission(Permission::MessagesSend)));
    assert_eq!(scope.also::<perm::MessagesSend>().err(), denied);
    let minting = principal.authorize::<perm::TokensMint>().expect_err("no token mints");
    assert!(minting.to_string().contains("never") && !denied.expect("is denied").to_string().contains("never"));
}

#[test]
fn even_a_token_that_claims_it_has_nothing_that_outlives_it() {
    let owner = record(BuiltInRole::Owner);
    let token = token(&owner, PermissionSet::OPERATOR, Reach::ALL);
    let principal = owner.admit(NOW, Origin::default()).expect("stands").narrowed(&token);
    assert_eq!(principal.permissions(), PermissionSet::TOKEN);
}

#[test]
fn what_a_minter_cannot_give_has_its_reason() {
    let scope = |role| record(role).admit(NOW, Origin::default()).expect("stands").authorize::<perm::TokensMint>();
    let viewer = scope(BuiltInRole::Viewer).expect("mints");
    let ask = |permission| viewer.grantable(PermissionSet::of(&[permission]));
    assert_eq!(ask(Permission::CustomersRead), Ok(PermissionSet::of(&[Permission::CustomersRead])));
    let lacking = PermissionSet::of(&[Permission::CustomersWrite]);
    assert_eq!(ask(Permission::CustomersWrite), Err(NotGrantable::Lacks(lacking)));
    assert_eq!(ask(Permission::TokensMint), Err(NotGrantable::Never(Permission::TokensMint)));
    assert_eq!(ask(Permission::TenantsWrite), Err(NotGrantable::Never(Permission::TenantsWrite)));
    let mixed = lacking.with(Permission::CustomersRead);
    assert_eq!(viewer.grantable(mixed), Err(NotGrantable::Lacks(lacking)), "only what is lacking is named");
}

fn permissions() -> impl Strategy<Value = PermissionSet> {
    prop::collection::vec(prop::sample::select(Permission::ALL), 0..60).prop_map(|all| all.into_iter().collect())
}

fn reach() -> impl Strategy<Value = Reach> {
    prop::option::of(prop::collection::vec(0..4_u8, 0..4)).prop_map(|customers| Reach {
        customers: customers.map(|all| all.into_iter().map(customer).collect()),
        phone_numbers: None,
    })
}

fn customer(at: u8) -> CustomerId {
    format!("cus_01h455vb4pex5vsknk084sn02{at}").parse().expect("is an id")
}

proptest! {
    #[test]
    fn a_token_does_nothing_that_its_minter_may_not_do_now(
        own in permissions(),
        later in permissions(),
        asked in permissions(),
        limits in (reach(), reach(), reach()),
    ) {
        let (own_reach, asked_reach, later_reach) = limits;
        let minter = ApiKeyRecord {
            permissions: own.with(Permission::TokensMint),
            reach: Arc::new(own_reach.clone()),
            ..record(BuiltInRole::Viewer)
        };
        let scope = minter.admit(NOW, Origin::default()).expect("stands").authorize::<perm::TokensMint>();
        let Ok(granted) = scope.expect("mints").grantable(asked) else {
            prop_assert!(!asked.is_subset_of(own.intersection(PermissionSet::TOKEN)));
            return Ok(());
        };
        prop_assert!(granted.is_subset_of(own) && asked == granted);
        let token = token(&minter, granted, own_reach.narrowed(&asked_reach));
        // Role and limits of the minter change afterwards.
        let now = ApiKeyRecord { permissions: later, reach: Arc::new(later_reach.clone()), ..minter };
        let seen = now.admit(NOW, Origin::default()).expect("stands").narrowed(&token);
        for set in [own, later, granted, PermissionSet::TOKEN] {
            prop_assert!(seen.permissions().is_subset_of(set));
        }
        for at in 0..4 {
            let reached = seen.reach.covers_customer(customer(at));
            let all = [&own_reach, &asked_reach, &later_reach].iter().all(|reach| reach.covers_customer(customer(at)));
            prop_assert_eq!(reached, all);
        }
        // A second look through the same token changes nothing.
        let again = seen.clone().narrowed(&token);
        prop_assert_eq!(again.permissions(), seen.permissions());
        prop_assert_eq!(&again.reach, &seen.reach);
    }
}

#[test]
fn expiry_address_and_suspension_are_judged_at_each_use() {
    let ends = ApiKeyRecord { expires_at: Some(NOW), ..record(BuiltInRole::Owner) };
    assert_eq!(ends.admit(NOW, Origin::default()).err(), Some(Refused::Expired));
    assert!(ends.admit(NOW - time::Duration::SECOND, Origin::default()).is_ok());

    let range = "192.0.2.0/24".parse().expect("is a range");
    let fenced = ApiKeyRecord { allowed_ips: Some(vec![range]), ..record(BuiltInRole::Owner) };
    assert!(fenced.admit(NOW, from("192.0.2.7")).is_ok());
    assert!(fenced.admit(NOW, from("::ffff:192.0.2.7")).is_ok());
    assert_eq!(fenced.admit(NOW, from("198.51.100.7")).err(), Some(Refused::Address));
    assert_eq!(fenced.admit(NOW, Origin::default()).err(), Some(Refused::Address));

    let suspended = ApiKeyRecord { tenant_status: TenantStatus::Suspended, ..record(BuiltInRole::Owner) };
    assert_eq!(suspended.admit(NOW, Origin::default()).err(), Some(Refused::Suspended));
}

#[test]
fn what_a_key_is_let_in_with_is_asked_of_the_principal_and_of_its_scopes() {
    let rate_limit = Some(RateLimit::try_from(7).expect("is a rate"));
    let key = ApiKeyRecord { rate_limit, ..record(BuiltInRole::Viewer) };
    let origin = Origin { request_id: Some("req_1".into()), ..from("192.0.2.7") };
    let principal = key.admit(NOW, origin.clone()).expect("stands");
    assert_eq!(principal.tenant(), Some(key.tenant));
    assert_eq!(principal.party(), Some(key.party()));
    assert_eq!(principal.origin(), &origin);
    assert_eq!(principal.rate_limit(), rate_limit);
    let scope = principal.authorize_call(None).expect("needs no permission");
    assert_eq!((scope.tenant(), scope.actor(), scope.party()), (key.tenant, principal.actor(), key.party()));
    assert_eq!((scope.permissions(), scope.origin()), (key.permissions, &origin));

    let operator = Principal::operator(None, origin.clone());
    let scope = operator.authorize_operator::<perm::TenantsRead>().expect("is the operator").on(key.tenant);
    assert_eq!((scope.tenant(), scope.actor(), scope.origin()), (key.tenant, Actor::Operator, &origin));
    assert_eq!((operator.tenant(), operator.rate_limit()), (None, None));
}

#[test]
fn an_old_secret_is_remembered_with_the_caller() {
    let principal = record(BuiltInRole::Viewer).admit(NOW, Origin::default()).expect("stands");
    assert_eq!(principal.old_secret(), None);
    let id = OldSecretId::generate();
    assert_eq!(principal.with_old_secret(id).old_secret(), Some(id));
}

#[test]
fn limits_are_told_apart_where_a_whole_tenant_or_a_whole_plugin_is_touched() {
    let scope = |customers, phone_numbers| {
        let reach = Arc::new(Reach { customers, phone_numbers });
        let key = ApiKeyRecord { reach, ..record(BuiltInRole::Owner) };
        key.admit(NOW, Origin::default()).expect("stands").authorize_call(None).expect("needs no permission")
    };
    let judged = |scope: &TenantScope| (scope.whole_tenant(), scope.not_only_numbers());
    assert_eq!(judged(&scope(None, None)), (Ok(()), Ok(())));
    assert_eq!(judged(&scope(Some(vec![customer(1)]), None)), (Err(Denied::Limited), Ok(())));
    let number = "123456789012345".parse().expect("digits");
    assert_eq!(judged(&scope(None, Some(vec![number]))), (Err(Denied::Limited), Err(Denied::Limited)));
}

#[test]
fn the_operator_needs_to_name_a_tenant_to_act_inside_one() {
    assert_eq!(
        Principal::operator(None, Origin::default()).authorize::<perm::CustomersRead>().err(),
        Some(Denied::NoTenant)
    );
    assert!(
        Principal::operator(Some(TenantId::generate()), Origin::default()).authorize::<perm::CustomersRead>().is_ok()
    );
}
