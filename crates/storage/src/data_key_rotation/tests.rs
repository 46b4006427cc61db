use std::time::Duration;

use portico_domain::{ApiKeyId, ChakraKeyId, KeyCaller};
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;
use time::macros::datetime;

use super::*;
use crate::sealed::{OPERATOR_SECRETS, SEALED_COLUMNS};
use crate::{ChakraTeam, NewChakraKey, NewKeyUse, Page, TenantTx};

static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!("../../migrations");

/// The database as the service sees it.
async fn service(owner: &PgPool) -> Db {
    let pool = PgPoolOptions::new().max_connections(4).after_connect(|connection, _| {
        Box::pin(async move { sqlx::query("set role portico_service").execute(connection).await.map(|_| ()) })
    });
    let pool = pool.connect_with((*owner.connect_options()).clone()).await;
    Db::of(pool.expect("the service's role can be taken"))
}

fn key(master_key: &str, bytes: &[u8]) -> WrappedKey {
    WrappedKey { master_key: master_key.parse().expect("an id"), bytes: bytes.to_vec() }
}

fn id(text: &str) -> MasterKeyId {
    text.parse().expect("an id")
}

/// A tenant whose first data key is wrapped so.
async fn tenant(owner: &PgPool, db: &Db, first: &WrappedKey) -> TenantId {
    let tenant = TenantId::generate();
    sqlx::query("insert into tenants (tenant_id, name) values ($1, 'T')")
        .bind(tenant.uuid())
        .execute(owner)
        .await
        .expect("a tenant can be made");
    let mut tx = db.begin_system(tenant).await.expect("begins");
    tx.insert_data_key(DataKeyVersion::FIRST, first).await.expect("is written");
    tx.commit().await.expect("commits");
    tenant
}

/// Something that the data key of that version seems to have sealed.
fn sealed(version: u32) -> Vec<u8> {
    [&[1], &version.to_be_bytes()[..], &[7; 40]].concat()
}

async fn store(tx: &mut TenantTx, version: u32) -> ChakraKeyId {
    let id = ChakraKeyId::generate();
    let new = NewChakraKey {
        id,
        name: id.to_string().parse().expect("is a name"),
        description: None,
        access_token: sealed(version),
        fingerprint: std::array::from_fn(|at| id.uuid().as_bytes()[at % 16]),
        last4: "abcd".to_owned(),
        is_default: false,
        team: ChakraTeam { fingerprint: [9; 32], name: None },
    };
    tx.insert_chakra_key(&new).await.expect("is written");
    id
}

async fn versions(owner: &PgPool, tenant: TenantId) -> Vec<i32> {
    sqlx::query_scalar("select version from data_keys where tenant_id = $1 order by version")
        .bind(tenant.uuid())
        .fetch_all(owner)
        .await
        .expect("the owner reads")
}

/// A second version, and the first tenant's transaction.
async fn next(db: &Db, tenant: TenantId, from: u32) -> bool {
    let mut tx = db.begin_system(tenant).await.expect("begins");
    let made = tx.insert_next_data_key(DataKeyVersion(from), &key("k1", b"next")).await.expect("is written");
    tx.commit().await.expect("commits");
    made
}

/// Columns of bytes that hold nothing sealed, or are walked in another way.
const OTHER_BYTES: &[&str] = &[
    "api_key_old_secrets.secret_hash",
    "api_keys.secret_hash",
    "audit_heads.hash",
    "audit_heads.mac",
    "audit_log.hash",
    "audit_log.previous",
    "chakra_keys.fingerprint",
    "chakra_keys.team_fingerprint",
    "chakra_teams.team_fingerprint",
    // Sealed under a master key, and walked by `stale_data_keys`.
    "data_keys.wrapped",
    "hooks.address_hash",
    "invitations.token_hash",
    "member_sessions.token_hash",
    // A value without meaning, sealed under a master key of the replica's.
    "replicas.proofs",
    "sign_in_attempts.bucket",
    "signing_keys.public_key",
];

#[sqlx::test(migrator = "MIGRATOR")]
async fn every_column_of_bytes_stands_in_a_register_or_is_known_to_be_something_else(owner: PgPool) {
    let columns: Vec<String> = sqlx::query_scalar(
        "select c.relname || '.' || a.attname from pg_class c join pg_attribute a on a.attrelid = c.oid
         where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and c.relname <> '_sqlx_migrations'
            and a.attnum > 0 and not a.attisdropped and a.atttypid in ('bytea'::regtype, 'bytea[]'::regtype)
         order by 1",
    )
    .fetch_all(&owner)
    .await
    .expect("the catalog can be read");
    let sealed = SEALED_COLUMNS.iter().map(|one| format!("{}.{}", one.table, one.column));
    let secrets = OPERATOR_SECRETS.iter().map(|one| format!("{}.{}", one.table, one.column));
    let mut known: Vec<_> = sealed.chain(secrets).chain(OTHER_BYTES.iter().map(|&name| name.to_owned())).collect();
    known.sort();
    assert_eq!(columns, known, "left: what is in the schema; right: what storage::sealed and this test know");
    // And the service may write every one of them.
    for (table, column) in SEALED_COLUMNS
        .iter()
        .map(|one| (one.table, one.column))
        .chain(OPERATOR_SECRETS.iter().map(|one| (one.table, one.column)))
    {
        let may: bool = sqlx::query_scalar("select has_column_privilege('portico_service', $1, $2, 'update')")
            .bind(table)
            .bind(column)
            .fetch_one(&owner)
            .await
            .expect("asks");
        assert!(may, "the service cannot re-seal {table}.{column}");
    }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn data_keys_of_all_tenants_are_rewrapped_where_they_are_as_they_were(owner: PgPool) {
    let db = service(&owner).await;
    let mut tenants = Vec::new();
    for wrapped in [key("k1", b"one"), key("k1", b"two"), key("k2", b"three")] {
        tenants.push(tenant(&owner, &db, &wrapped).await);
    }
    let counts = db.data_keys_by_master_key().await.expect("counts");
    assert_eq!(counts, [(id("k1"), 2), (id("k2"), 1)]);
    let first = db.stale_data_keys(&id("k2"), None, 1).await.expect("finds");
    let cursor = (first[0].tenant, first[0].version);
    let rest = db.stale_data_keys(&id("k2"), Some(cursor), 10).await.expect("finds");
    let mut found: Vec<_> = first.iter().chain(&rest).map(|stale| (stale.tenant, stale.wrapped.clone())).collect();
    found.sort();
    let mut expected = vec![(tenants[0], b"one".to_vec()), (tenants[1], b"two".to_vec())];
    expected.sort();
    assert_eq!(found, expected);
    assert!(
        db.stale_data_keys(&id("k2"), Some((rest[0].tenant, rest[0].version)), 10).await.expect("finds").is_empty()
    );

    let stale = |at: usize, wrapped: &[u8]| StaleDataKey {
        tenant: tenants[at],
        version: DataKeyVersion::FIRST,
        wrapped: wrapped.to_vec(),
    };
    let changed = [(stale(0, b"one"), key("k2", b"new one")), (stale(1, b"not as it was"), key("k2", b"lost"))];
    assert_eq!(db.rewrap(&changed).await.expect("writes"), 1);
    assert_eq!(db.rewrap(&changed).await.expect("a second time changes nothing"), 0);
    assert_eq!(db.data_keys_by_master_key().await.expect("counts"), [(id("k1"), 1), (id("k2"), 2)]);
    let mut tx = db.begin_system(tenants[0]).await.expect("begins");
    let kept = tx.newest_data_key().await.expect("reads").expect("is there");
    assert_eq!((kept.version, kept.wrapped.as_slice()), (DataKeyVersion::FIRST, &b"new one"[..]));
    assert_eq!(db.rewrap(&[]).await.expect("nothing"), 0);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_new_version_is_made_once_and_never_for_a_tenant_without_any(owner: PgPool) {
    let db = service(&owner).await;
    let tenant = tenant(&owner, &db, &key("k1", b"one")).await;
    let racing: Vec<_> = (0..4)
        .map(|_| {
            let db = db.clone();
            tokio::spawn(async move { next(&db, tenant, 1).await })
        })
        .collect();
    let mut made = 0;
    for one in racing {
        made += usize::from(one.await.expect("runs"));
    }
    assert_eq!((made, versions(&owner, tenant).await), (1, vec![1, 2]));
    assert!(!next(&db, tenant, 7).await, "only after a version that is there");

    sqlx::query("delete from data_keys where tenant_id = $1")
        .bind(tenant.uuid())
        .execute(&owner)
        .await
        .expect("erases");
    assert!(!next(&db, tenant, 2).await);
    assert_eq!(versions(&owner, tenant).await, [0; 0]);
    let mut tx = db.begin_system(tenant).await.expect("begins");
    assert!(!tx.count_seals(DataKeyVersion(2), 1).await.expect("asks"));
    assert!(tx.newest_data_key().await.expect("asks").is_none());
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn old_values_are_held_in_batches_and_replaced(owner: PgPool) {
    let db = service(&owner).await;
    let tenant = tenant(&owner, &db, &key("k1", b"one")).await;
    assert!(next(&db, tenant, 1).await);
    let column = &SEALED_COLUMNS[0];
    let mut tx = db.begin_system(tenant).await.expect("begins");
    let old = [store(&mut tx, 1).await, store(&mut tx, 1).await, store(&mut tx, 1).await];
    let new = store(&mut tx, 2).await;
    tx.commit().await.expect("commits");
    let mut tx = db.begin_system(tenant).await.expect("begins");
    let held = tx.lock_old_values(column, DataKeyVersion(2), 2).await.expect("reads");
    assert_eq!(held.iter().map(|value| value.key).collect::<Vec<_>>(), [old[0].uuid(), old[1].uuid()]);
    assert_eq!(held[0].sealed, sealed(1));
    assert_eq!((column.row)(held[0].key), old[0].to_string());
    for value in &held {
        tx.replace_value(column, value.key, &sealed(2)).await.expect("writes");
    }
    tx.commit().await.expect("commits");
    let mut tx = db.begin_system(tenant).await.expect("begins");
    let held = tx.lock_old_values(column, DataKeyVersion(2), 10).await.expect("reads");
    assert_eq!(held.iter().map(|value| value.key).collect::<Vec<_>>(), [old[2].uuid()]);
    assert_ne!(held[0].key, new.uuid());
    assert_eq!(tx.delete_unneeded_data_keys(DataKeyVersion(2)).await.expect("asks"), 0, "one value needs it");
    tx.replace_value(column, old[2].uuid(), &sealed(2)).await.expect("writes");
    assert_eq!(tx.delete_unneeded_data_keys(DataKeyVersion(2)).await.expect("deletes"), 1);
    tx.commit().await.expect("commits");
    assert_eq!(versions(&owner, tenant).await, [2]);
}

/// Whoever seals counts first. A deletion that comes meanwhile waits, and sees what was sealed.
#[sqlx::test(migrator = "MIGRATOR")]
async fn a_data_key_with_which_somebody_seals_at_the_moment_is_not_deleted(owner: PgPool) {
    let db = service(&owner).await;
    let tenant = tenant(&owner, &db, &key("k1", b"one")).await;
    let mut sealing = db.begin_system(tenant).await.expect("begins");
    assert!(sealing.count_seals(DataKeyVersion(1), 1).await.expect("counts"));
    // The insert of the next version waits for the key's row, so the owner makes it.
    sqlx::query("insert into data_keys (tenant_id, version, master_key, wrapped) values ($1, 2, 'k1', 'two')")
        .bind(tenant.uuid())
        .execute(&owner)
        .await
        .expect("is written");
    let deleting = {
        let db = db.clone();
        tokio::spawn(async move {
            let mut tx = db.begin_system(tenant).await.expect("begins");
            let deleted = tx.delete_unneeded_data_keys(DataKeyVersion(2)).await.expect("asks");
            tx.commit().await.expect("commits");
            deleted
        })
    };
    // Postgres says that it waits.
    let waits = "select exists (select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock')";
    while !sqlx::query_scalar::<_, bool>(waits).fetch_one(&owner).await.expect("asks") {
        assert!(!deleting.is_finished(), "the deletion did not wait");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    store(&mut sealing, 1).await;
    sealing.commit().await.expect("commits");
    assert_eq!(deleting.await.expect("runs"), 0);
    assert_eq!(versions(&owner, tenant).await, [1, 2]);
    let mut tx = db.begin_system(tenant).await.expect("begins");
    let counted = tx.data_key(DataKeyVersion(1)).await.expect("reads").expect("is there");
    assert_eq!(counted.seals, 1);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn figures_count_the_newest_data_key_of_every_tenant(owner: PgPool) {
    let db = service(&owner).await;
    assert_eq!(db.data_key_figures().await.expect("counts").tenants, 0);
    let shapes = [(0, 0), (29, 65_535), (30, 65_536), (60, 1_048_576), (89, 16_777_215), (90, 16_777_216), (400, 5)];
    for (days, seals) in shapes {
        let tenant = tenant(&owner, &db, &key("k1", b"one")).await;
        sqlx::query(
            "update data_keys set created_at = now() - make_interval(days => $2), seals = $3 where tenant_id = $1",
        )
        .bind(tenant.uuid())
        .bind(days)
        .bind(i64::from(seals))
        .execute(&owner)
        .await
        .expect("is changed");
        let mut tx = db.begin_system(tenant).await.expect("begins");
        let stored = tx.newest_data_key().await.expect("reads").expect("is there");
        assert_eq!(stored.age.as_secs() / 86_400, u64::try_from(days).expect("is a number of days"));
        assert_eq!(stored.seals, u64::try_from(seals).expect("is a count"));
    }
    let with_two = tenant(&owner, &db, &key("k1", b"one")).await;
    sqlx::query("update data_keys set created_at = now() - interval '1 year', seals = 100000000 where tenant_id = $1")
        .bind(with_two.uuid())
        .execute(&owner)
        .await
        .expect("is changed");
    assert!(next(&db, with_two, 1).await);
    let figures = db.data_key_figures().await.expect("counts");
    let expected = DataKeyFigures {
        tenants: 8,
        versions: 9,
        ages: [3, 1, 2, 2],
        seals: [4, 1, 2, 1],
        most_seals: 16_777_216,
        with_old_versions: 1,
    };
    assert_eq!(figures, expected);
    assert_eq!(db.tenants_with_old_data_keys(None, 10).await.expect("finds"), [with_two]);
    assert!(db.tenants_with_old_data_keys(Some(with_two), 10).await.expect("finds").is_empty());
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_roll_is_taken_up_again_until_it_is_done(owner: PgPool) {
    let db = service(&owner).await;
    let before = tenant(&owner, &db, &key("k1", b"one")).await;
    assert_eq!(db.last_roll().await.expect("reads"), None);
    let roll = db.begin_roll().await.expect("begins");
    assert_eq!(db.begin_roll().await.expect("is taken up"), roll);
    let after = tenant(&owner, &db, &key("k1", b"one")).await;
    let due = db.tenants_to_roll(roll.started_at, None, 10).await.expect("finds");
    assert!(due.contains(&before) && !due.contains(&after));
    assert!(next(&db, before, 1).await);
    assert!(db.tenants_to_roll(roll.started_at, None, 10).await.expect("finds").is_empty());
    db.finish_roll(roll.id).await.expect("is done");
    let last = db.last_roll().await.expect("reads").expect("was begun");
    assert!(last.id == roll.id && last.finished_at.is_some());
    assert_ne!(db.begin_roll().await.expect("begins anew").id, roll.id);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn the_operators_secrets_are_read_and_replaced_where_they_are_as_they_were(owner: PgPool) {
    let db = service(&owner).await;
    assert!(db.operator_secrets().await.expect("reads").is_empty());
    let row = crate::OperatorRow { canary: b"canary".to_vec(), fingerprint_key: b"fingerprint".to_vec() };
    db.ensure_operator(&row).await.expect("is written");
    let all = db.operator_secrets().await.expect("reads");
    let told: Vec<_> = all.iter().map(|one| (one.secret.column, one.sealed.as_slice())).collect();
    assert_eq!(told, [("canary", &b"canary"[..]), ("fingerprint_key", b"fingerprint")]);
    assert!(db.replace_operator_secret(&all[1], b"moved").await.expect("writes"));
    assert!(!db.replace_operator_secret(&all[1], b"again").await.expect("is not as it was"));
    let now = db.operator().await.expect("reads").expect("is there");
    assert_eq!((now.canary.as_slice(), now.fingerprint_key.as_slice()), (&b"canary"[..], &b"moved"[..]));
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn uses_add_up_and_are_listed_latest_day_first(owner: PgPool) {
    let db = service(&owner).await;
    let tenant = tenant(&owner, &db, &key("k1", b"one")).await;
    let (chakra, other) = (ChakraKeyId::generate(), ChakraKeyId::generate());
    let caller = KeyCaller::ApiKey(ApiKeyId::generate());
    let at = datetime!(2026-11-26 23:00 UTC);
    let used = |key, caller, last_at: OffsetDateTime, openings, calls| NewKeyUse {
        key,
        day: last_at.date(),
        caller,
        openings,
        calls,
        last_at,
    };
    let mut tx = db.begin_system(tenant).await.expect("begins");
    let tomorrow = at + Duration::from_hours(2);
    let first =
        [used(chakra, caller, at, 1, 10), used(chakra, KeyCaller::Operator, at, 0, 3), used(other, caller, at, 1, 1)];
    tx.add_chakra_key_uses(&first).await.expect("is written");
    let earlier = at - Duration::from_hours(1);
    tx.add_chakra_key_uses(&[used(chakra, caller, earlier, 0, 5), used(chakra, caller, tomorrow, 2, 0)])
        .await
        .expect("adds");
    let mut after = None;
    let mut all = Vec::new();
    loop {
        let rows = tx.chakra_key_uses(chakra, Page { limit: 1, after }).await.expect("reads");
        after = rows.data.last().map(|row| row.cursor);
        all.extend(rows.data.iter().map(|row| (row.day, row.cursor.caller, row.openings, row.calls, row.last_at)));
        if !rows.more {
            break;
        }
    }
    let expected = [
        (tomorrow.date(), caller, 2, 0, tomorrow),
        (at.date(), caller, 1, 15, at),
        (at.date(), KeyCaller::Operator, 0, 3, at),
    ];
    assert_eq!(all, expected);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn only_the_service_asks_across_tenants(owner: PgPool) {
    let open: Vec<String> = sqlx::query_scalar(
        "select p.oid::regprocedure::text from pg_proc p
         where p.pronamespace = 'public'::regnamespace and p.proname like 'resolve\\_%'
            and (not p.prosecdef or not has_function_privilege('portico_service', p.oid, 'execute')
                or p.proowner <> 'portico_resolver'::regrole
                or exists (select 1 from aclexplode(p.proacl) a where a.grantee = 0))",
    )
    .fetch_all(&owner)
    .await
    .expect("the catalog can be read");
    assert_eq!(open, Vec::<String>::new());
}
