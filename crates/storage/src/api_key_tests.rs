//! Tests of API keys and Chakra keys over their life, on Postgres, as the service's role.

use std::collections::BTreeSet;

use portico_domain::{ApiKeyId, ApiKeyStatus, BuiltInRole, ChakraKeyId, ChakraKeyStatus, OldSecretId, TenantId};
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;
use time::{Duration, OffsetDateTime};

use crate::{
    ApiKeyCursor, ApiKeyFilter, ApiKeyPatch, ApiKeyRotation, ChakraTeam, Db, NewApiKey, NewChakraKey, NewTenant,
    OldSecretUses, Ownership, Page, SecretStatus, StoredRole, TenantTx,
};

static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!("../../migrations");

/// A tenant, seen as the service.
struct Fixture {
    db: Db,
    tenant: TenantId,
}

impl Fixture {
    async fn new(owner: &PgPool) -> Self {
        let pool = PgPoolOptions::new()
            .max_connections(4)
            .after_connect(|connection, _| {
                Box::pin(async move { sqlx::query("set role portico_service").execute(connection).await.map(|_| ()) })
            })
            .connect_with((*owner.connect_options()).clone())
            .await
            .expect("the service's role can be taken");
        let fixture = Self { db: Db::of(pool), tenant: TenantId::generate() };
        let mut tx = fixture.tx().await;
        tx.insert_tenant(&NewTenant { name: "A tenant".parse().expect("is a name") }).await.expect("is inserted");
        tx.commit().await.expect("commits");
        fixture
    }

    async fn tx(&self) -> TenantTx {
        self.db.begin_system(self.tenant).await.expect("begins")
    }

    async fn key(&self, hash: u8, expires_at: Option<OffsetDateTime>) -> ApiKeyId {
        let id = ApiKeyId::generate();
        let mut tx = self.tx().await;
        tx.insert_api_key(&NewApiKey {
            id,
            name: "a key".parse().expect("is a name"),
            description: None,
            role: StoredRole::BuiltIn(BuiltInRole::Owner),
            customers: None,
            phone_numbers: None,
            allowed_ips: None,
            rate_limit: 7_u64.try_into().ok(),
            expires_at,
            secret_hash: [hash; 32],
            prefix: "ptc_live_abcdef".to_owned(),
        })
        .await
        .expect("is inserted");
        tx.commit().await.expect("commits");
        id
    }

    async fn rotate(&self, id: ApiKeyId, hash: u8, overlap: Option<Duration>) -> OffsetDateTime {
        let at = now();
        let overlap = overlap.map(|overlap| (at + overlap, at + overlap / 2));
        let rotation = ApiKeyRotation { secret_hash: [hash; 32], prefix: "ptc_live_ghijkl".to_owned(), at, overlap };
        let mut tx = self.tx().await;
        assert!(tx.rotate_api_key(id, &rotation).await.expect("is rotated"));
        tx.commit().await.expect("commits");
        at
    }

    async fn secret_status(&self, id: ApiKeyId, hash: u8) -> Option<SecretStatus> {
        self.tx().await.secret_status(id, &[hash; 32]).await.expect("is read")
    }

    async fn resolved(&self, hash: u8) -> Option<ApiKeyId> {
        self.db.resolve_api_key(&[hash; 32]).await.expect("is resolved").map(|(_, id)| id)
    }

    async fn ids(&self, filter: ApiKeyFilter) -> Vec<ApiKeyId> {
        let page = Page { limit: 200, after: None };
        self.tx().await.api_keys(filter, page).await.expect("are listed").data.iter().map(|key| key.id).collect()
    }

    async fn patch(&self, id: ApiKeyId, patch: &ApiKeyPatch) {
        let mut tx = self.tx().await;
        assert!(tx.patch_api_key(id, patch).await.expect("is changed"));
        tx.commit().await.expect("commits");
    }
}

/// Postgres keeps microseconds.
fn now() -> OffsetDateTime {
    let now = OffsetDateTime::now_utc();
    now.replace_nanosecond(now.microsecond() * 1_000).expect("is a time")
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn an_old_secret_opens_until_it_ends(owner: PgPool) {
    let fixture = Fixture::new(&owner).await;
    let id = fixture.key(1, None).await;
    fixture.rotate(id, 2, Some(Duration::HOUR)).await;
    assert_eq!((fixture.resolved(1).await, fixture.resolved(2).await), (Some(id), Some(id)));
    assert_eq!(fixture.secret_status(id, 2).await, Some(SecretStatus::Present));
    assert!(matches!(fixture.secret_status(id, 1).await, Some(SecretStatus::Old { .. })));
    assert_eq!(fixture.secret_status(id, 3).await, None);
    let key =
        fixture.tx().await.api_keys(ApiKeyFilter::default(), Page { limit: 1, after: None }).await.expect("is read");
    let key = &key.data[0];
    assert_eq!((key.old_secrets.len(), key.prefix.as_str()), (1, "ptc_live_ghijkl"));
    assert_eq!((key.old_secrets[0].prefix.as_str(), key.old_secrets[0].uses), ("ptc_live_abcdef", 0));
    assert_eq!(key.rate_limit, 7_u64.try_into().ok());

    sqlx::query("update api_key_old_secrets set expires_at = now()").execute(&owner).await.expect("the owner may");
    assert_eq!(fixture.resolved(1).await, None);

    fixture.rotate(id, 3, Some(Duration::HOUR)).await;
    fixture.rotate(id, 4, None).await;
    assert_eq!(
        (fixture.resolved(2).await, fixture.resolved(3).await, fixture.resolved(4).await),
        (None, None, Some(id))
    );

    let mut tx = fixture.tx().await;
    tx.revoke_api_key(id).await.expect("is revoked");
    tx.commit().await.expect("commits");
    sqlx::query("update api_key_old_secrets set expires_at = now() + interval '1 day'")
        .execute(&owner)
        .await
        .expect("may");
    assert_eq!((fixture.resolved(1).await, fixture.resolved(4).await), (None, None));
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn only_a_rotation_without_an_overlap_takes_back_tokens(owner: PgPool) {
    let fixture = Fixture::new(&owner).await;
    let id = fixture.key(1, None).await;
    let not_before = async || {
        let record = fixture.tx().await.api_key_record(id).await.expect("is read");
        record.expect("is there").tokens_not_before
    };
    assert_eq!(not_before().await, None);
    fixture.rotate(id, 2, Some(Duration::HOUR)).await;
    assert_eq!(not_before().await, None);
    let at = fixture.rotate(id, 3, None).await;
    assert_eq!(not_before().await, Some(at));
    fixture.rotate(id, 4, Some(Duration::HOUR)).await;
    assert_eq!(not_before().await, Some(at), "it was taken back for good");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_is_said_of_a_token_is_not_noted_of_its_successor(owner: PgPool) {
    let fixture = Fixture::new(&owner).await;
    let id = ChakraKeyId::generate();
    let team = ChakraTeam { fingerprint: [9; 32], name: None };
    let mut tx = fixture.tx().await;
    tx.insert_chakra_key(&NewChakraKey {
        id,
        name: "a key".parse().expect("is a name"),
        description: None,
        access_token: vec![1],
        fingerprint: [1; 32],
        last4: "abcd".to_owned(),
        is_default: true,
        team: team.clone(),
    })
    .await
    .expect("is inserted");
    assert!(tx.lock_chakra_token(id, &[1; 32]).await.expect("is asked"));
    tx.replace_chakra_key(id, &[2], &[2; 32], "efgh", &team).await.expect("is replaced");
    assert!(!tx.lock_chakra_token(id, &[1; 32]).await.expect("is asked"));
    assert!(!tx.mark_chakra_key_refused(id, &[1; 32]).await.expect("runs"));
    assert!(!tx.mark_chakra_key_verified(id, &[1; 32], None).await.expect("runs"));
    let status = async |tx: &mut TenantTx| tx.chakra_key(id).await.expect("is read").expect("is there").status;
    assert_eq!(status(&mut tx).await, ChakraKeyStatus::Verified);
    assert!(tx.mark_chakra_key_refused(id, &[2; 32]).await.expect("runs"));
    assert!(!tx.mark_chakra_key_refused(id, &[2; 32]).await.expect("runs"), "that is no news");
    assert!(tx.mark_chakra_key_verified(id, &[2; 32], None).await.expect("runs"));
    assert_eq!(status(&mut tx).await, ChakraKeyStatus::Verified);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn uses_of_an_old_secret_are_summed_and_bounded(owner: PgPool) {
    let fixture = Fixture::new(&owner).await;
    let id = fixture.key(1, None).await;
    fixture.rotate(id, 2, Some(Duration::HOUR)).await;
    let Some(SecretStatus::Old { id: secret, .. }) = fixture.secret_status(id, 1).await else { panic!("is old") };
    let used = |secret, operation: String, uses| {
        let address = "192.0.2.7".parse().ok();
        OldSecretUses { id: secret, address, operation, uses, first_at: now(), last_at: now() }
    };
    let write = async |uses: &[OldSecretUses]| {
        let mut tx = fixture.tx().await;
        tx.record_old_secret_uses(uses).await.expect("is written");
        tx.commit().await.expect("commits");
    };
    write(&[used(secret, "send".into(), 2), used(OldSecretId::generate(), "send".into(), 9)]).await;
    write(&[used(secret, "send".into(), 3)]).await;
    let all = fixture.tx().await.old_secret_uses(id, Page { limit: 200, after: None }).await.expect("is read").data;
    assert_eq!(all.len(), 1);
    assert_eq!(
        (all[0].1.uses, all[0].1.address.as_deref(), all[0].1.operation.as_deref()),
        (5, Some("192.0.2.7"), Some("send"))
    );

    let many: Vec<_> = (0..250).map(|at| used(secret, format!("operation {at}"), 1)).collect();
    write(&many).await;
    write(&many).await;
    let (mut rows, mut after) = (Vec::new(), None);
    loop {
        let part = fixture.tx().await.old_secret_uses(id, Page { limit: 60, after }).await.expect("is read");
        after = part.data.last().map(|(id, _)| *id);
        rows.extend(part.data);
        if !part.more {
            break;
        }
    }
    assert_eq!(rows.len(), 101, "a hundred pairs, and one for the rest");
    assert_eq!(rows.iter().map(|(id, _)| *id).collect::<BTreeSet<_>>().len(), 101);
    assert_eq!(rows.iter().map(|(_, used)| used.uses).sum::<u64>(), 505);
    let rest = rows.iter().find(|(_, used)| used.operation.is_none()).expect("the rest is counted");
    assert_eq!((rest.1.uses, &rest.1.address), (302, &None));
    let key =
        fixture.tx().await.api_keys(ApiKeyFilter::default(), Page { limit: 1, after: None }).await.expect("is read");
    assert_eq!((key.data[0].old_secrets[0].uses, key.data[0].old_secrets[0].last_used_at.is_some()), (505, true));
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn keys_are_listed_by_their_end_and_status(owner: PgPool) {
    let fixture = Fixture::new(&owner).await;
    let at = now();
    let (never, late) = (fixture.key(1, None).await, fixture.key(2, Some(at + Duration::days(9))).await);
    let (soon, same) = (fixture.key(3, Some(at + Duration::DAY)).await, fixture.key(4, Some(at + Duration::DAY)).await);
    let (gone, never_either) = (fixture.key(5, Some(at - Duration::DAY)).await, fixture.key(6, None).await);
    let mut tx = fixture.tx().await;
    tx.revoke_api_key(late).await.expect("is revoked");
    tx.commit().await.expect("commits");

    let by_expiry = ApiKeyFilter { by_expiry: true, ..ApiKeyFilter::default() };
    let expected = [gone, soon, same, late, never, never_either];
    assert_eq!(fixture.ids(by_expiry).await, expected);
    assert_eq!(fixture.ids(ApiKeyFilter::default()).await, [never, late, soon, same, gone, never_either]);
    for limit in [1, 2, 4] {
        for (filter, expected) in
            [(by_expiry, expected), (ApiKeyFilter::default(), [never, late, soon, same, gone, never_either])]
        {
            let (mut seen, mut after) = (Vec::new(), None);
            loop {
                let part = fixture.tx().await.api_keys(filter, Page { limit, after }).await.expect("are listed");
                after = part.data.last().map(|key| ApiKeyCursor { id: key.id, expires_at: key.expires_at });
                seen.extend(part.data.iter().map(|key| key.id));
                if !part.more {
                    break;
                }
            }
            assert_eq!(seen, expected, "{limit}");
        }
    }
    let with = |status| ApiKeyFilter { status: Some(status), ..by_expiry };
    assert_eq!(fixture.ids(with(ApiKeyStatus::Active)).await, [soon, same, never, never_either]);
    assert_eq!(fixture.ids(with(ApiKeyStatus::Expired)).await, [gone]);
    assert_eq!(fixture.ids(with(ApiKeyStatus::Revoked)).await, [late]);
    let before = ApiKeyFilter { expires_before: Some(at + Duration::days(2)), ..by_expiry };
    assert_eq!(fixture.ids(before).await, [gone, soon, same]);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_due_notice_is_taken_by_one_and_armed_again_by_another_end(owner: PgPool) {
    let fixture = Fixture::new(&owner).await;
    let at = now();
    let id = fixture.key(1, Some(at + Duration::days(40))).await;
    let due = async |at| fixture.db.tenants_with_key_notices(at).await.expect("is asked").contains(&fixture.tenant);
    assert!(!due(at).await && !due(at + Duration::days(9)).await && due(at + Duration::days(11)).await);

    let later = at + Duration::days(11);
    let mut first = fixture.tx().await;
    assert_eq!(first.claim_expiry_notice(later).await.expect("is taken").map(|due| due.id), Some(id));
    let mut second = fixture.tx().await;
    assert!(second.claim_expiry_notice(later).await.expect("is asked").is_none(), "it was taken twice");
    first.schedule_expiry_notice(id, None).await.expect("is moved on");
    first.commit().await.expect("commits");
    assert!(second.claim_expiry_notice(later).await.expect("is asked").is_none());
    drop(second);
    assert!(!due(later).await);

    // The same end again is no change.
    let with = |end| ApiKeyPatch { expires_at: Some(end), ..ApiKeyPatch::default() };
    fixture.patch(id, &with(Some(at + Duration::days(40)))).await;
    assert!(!due(later).await);
    fixture.patch(id, &with(Some(at + Duration::days(20)))).await;
    assert!(due(at).await);
    fixture.patch(id, &with(None)).await;
    assert!(!due(at + Duration::days(4_000)).await);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn an_old_secret_is_looked_at_and_forgotten(owner: PgPool) {
    let fixture = Fixture::new(&owner).await;
    let id = fixture.key(1, None).await;
    let at = fixture.rotate(id, 2, Some(Duration::HOUR)).await;
    let half = at + Duration::minutes(30);
    assert!(fixture.tx().await.claim_old_secret_notice(half - Duration::SECOND).await.expect("is asked").is_none());
    let mut tx = fixture.tx().await;
    let due = tx.claim_old_secret_notice(half).await.expect("is asked").expect("is due");
    assert_eq!((due.api_key, due.uses, due.is_revoked, due.expires_at), (id, 0, false, at + Duration::HOUR));
    assert!(fixture.tx().await.claim_old_secret_notice(half).await.expect("is asked").is_none(), "it was taken twice");
    tx.schedule_old_secret_notice(due.id, Some(half + Duration::DAY)).await.expect("is moved on");
    tx.commit().await.expect("commits");
    assert!(fixture.tx().await.claim_old_secret_notice(half).await.expect("is asked").is_none());
    let mut tx = fixture.tx().await;
    let due = tx.claim_old_secret_notice(half + Duration::DAY).await.expect("is asked").expect("is due");
    tx.schedule_old_secret_notice(due.id, None).await.expect("is forgotten");
    tx.commit().await.expect("commits");
    assert_eq!(fixture.secret_status(id, 1).await, None);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn an_owner_is_a_usable_key_with_that_role_and_no_limits(owner: PgPool) {
    let fixture = Fixture::new(&owner).await;
    let ownership = async || fixture.tx().await.ownership().await.expect("is asked");
    assert_eq!(ownership().await, Ownership::None);
    let ending = fixture.key(1, Some(now() + Duration::DAY)).await;
    assert_eq!(ownership().await, Ownership::Ending);
    let lasting = fixture.key(2, None).await;
    assert_eq!(ownership().await, Ownership::Lasting);

    let none = ApiKeyPatch::default();
    let numbers = vec!["100".parse().expect("is an id")];
    let ranges = vec!["192.0.2.0/24".parse().expect("is a range")];
    for (what, narrowed, back) in [
        (
            "a role",
            ApiKeyPatch { role: Some(StoredRole::BuiltIn(BuiltInRole::Admin)), ..none.clone() },
            ApiKeyPatch { role: Some(StoredRole::BuiltIn(BuiltInRole::Owner)), ..none.clone() },
        ),
        (
            "customers",
            ApiKeyPatch { customers: Some(Some(Vec::new())), ..none.clone() },
            ApiKeyPatch { customers: Some(None), ..none.clone() },
        ),
        (
            "numbers",
            ApiKeyPatch { phone_numbers: Some(Some(numbers)), ..none.clone() },
            ApiKeyPatch { phone_numbers: Some(None), ..none.clone() },
        ),
        (
            "addresses",
            ApiKeyPatch { allowed_ips: Some(Some(ranges)), ..none.clone() },
            ApiKeyPatch { allowed_ips: Some(None), ..none.clone() },
        ),
    ] {
        fixture.patch(lasting, &narrowed).await;
        assert_eq!(ownership().await, Ownership::Ending, "{what}");
        fixture.patch(lasting, &back).await;
        assert_eq!(ownership().await, Ownership::Lasting, "{what}");
    }
    let mut tx = fixture.tx().await;
    tx.revoke_api_key(lasting).await.expect("is revoked");
    tx.commit().await.expect("commits");
    assert_eq!(ownership().await, Ownership::Ending);
    fixture.patch(ending, &ApiKeyPatch { expires_at: Some(Some(now() - Duration::SECOND)), ..none }).await;
    assert_eq!(ownership().await, Ownership::None);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn grants_of_a_tenant_change_one_after_the_other(owner: PgPool) {
    let fixture = Fixture::new(&owner).await;
    let other = Fixture::new(&owner).await;
    let mut first = fixture.tx().await;
    first.lock_grants().await.expect("is locked");
    other.tx().await.lock_grants().await.expect("another tenant is not concerned");
    let mut second = fixture.tx().await;
    let locking = tokio::spawn(async move { second.lock_grants().await });
    let waiting = async || {
        let count: i64 =
            sqlx::query_scalar("select count(*) from pg_locks where locktype = 'advisory' and not granted")
                .fetch_one(&owner)
                .await
                .expect("is asked");
        count
    };
    while waiting().await == 0 {
        assert!(!locking.is_finished(), "the second did not wait");
        tokio::task::yield_now().await;
    }
    first.commit().await.expect("commits");
    locking.await.expect("does not panic").expect("is locked");
}
