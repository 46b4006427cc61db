use portico_domain::AuditEntry;
use portico_domain::audit::AuditFaultKind::{Added, Changed, Head, Missing, Swapped};
use portico_domain::audit::{AuditActor, AuditActorKind, AuditOutcome};
use portico_vault::MacKey;
use sqlx::{AssertSqlSafe, PgPool};

use super::*;

static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!("../../migrations");

/// A tenant whose chain is written by the service and tampered with by the owner of the database.
struct Fixture {
    owner: PgPool,
    db: Db,
    key: AuditChainKey,
    tenant: TenantId,
}

fn entry(action: &str) -> AuditEntry {
    AuditEntry {
        at: time::macros::datetime!(2026-11-26 12:00:00.000001 UTC),
        action: action.to_owned(),
        outcome: AuditOutcome::Done,
        reason: None,
        actor: AuditActor { kind: AuditActorKind::Operator, id: None, token_id: None },
        address: None,
        request_id: Some("Grüße \u{1}\"\\".to_owned()),
        target: None,
        attempts: None,
        changes: serde_json::Map::new(),
    }
}

impl Fixture {
    /// A tenant whose chain has nine entries.
    async fn new(owner: PgPool) -> Self {
        let fixture = Self {
            db: service(&owner).await,
            owner,
            key: MacKey::generate(&mut rand::rng()).audit_chain_key(),
            tenant: TenantId::generate(),
        };
        sqlx::query("insert into tenants (tenant_id, name) values ($1, 'T')")
            .bind(fixture.tenant.uuid())
            .execute(&fixture.owner)
            .await
            .expect("is made");
        fixture.append("tenant.create").await;
        for number in 2..=9 {
            fixture.append(&format!("thing.do_{number}")).await;
        }
        fixture
    }

    async fn append(&self, action: &str) -> ChainEnd {
        let mut tx = self.db.begin_for(self.tenant).await.expect("begins");
        assert!(tx.lock_tenant_shared().await.expect("asks"));
        let end = tx.append_audit(&self.key, &entry(action)).await.expect("appends");
        tx.commit().await.expect("commits");
        end
    }

    async fn verdict(&self, noted: Option<ChainEnd>) -> AuditVerdict {
        self.db.verify_audit_chain(&self.key, self.tenant, noted).await.expect("walks")
    }

    /// What is wrong, and at which fixture; then everything is put back.
    async fn after(&self, tampering: &[&str]) -> Option<(AuditFaultKind, u64)> {
        self.tamper("create table kept_log as select * from audit_log").await;
        self.tamper("create table kept_heads as select * from audit_heads").await;
        for statement in tampering {
            self.tamper(statement).await;
        }
        let verdict = self.verdict(None).await;
        assert_eq!(verdict.valid, verdict.fault.is_none());
        for statement in [
            "delete from audit_log",
            "delete from audit_heads",
            "insert into audit_log (tenant_id, seq, at, entry, previous, hash) select tenant_id, seq, at, entry, previous, hash from kept_log",
            "insert into audit_heads select * from kept_heads",
            "drop table kept_log, kept_heads",
        ] {
            self.tamper(statement).await;
        }
        verdict.fault.map(|fault| (fault.kind, fault.seq))
    }

    async fn tamper(&self, statement: &str) {
        sqlx::query(AssertSqlSafe(statement))
            .execute(&self.owner)
            .await
            .unwrap_or_else(|error| panic!("{statement}: {error}"));
    }
}

/// The database as the service sees it.
async fn service(owner: &PgPool) -> Db {
    let pool = sqlx::postgres::PgPoolOptions::new()
        .max_connections(8)
        .after_connect(|connection, _| {
            Box::pin(async move { sqlx::query("set role portico_service").execute(connection).await.map(|_| ()) })
        })
        .connect_with((*owner.connect_options()).clone())
        .await
        .expect("the service's role can be taken");
    Db::of(pool)
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn an_untouched_chain_is_valid_and_tells_its_end(owner: PgPool) {
    let fixture = Fixture::new(owner).await;
    let end = fixture.append("thing.last").await;
    let verdict = fixture.verdict(Some(end)).await;
    assert!(verdict.valid, "{verdict:?}");
    assert_eq!((verdict.entries, verdict.head), (10, Some(end.into())));
    assert_eq!(fixture.after(&[]).await, None);
    let nobody = fixture.db.verify_audit_chain(&fixture.key, TenantId::generate(), None).await.expect("walks");
    assert!(nobody.valid && nobody.head.is_none());
    assert_eq!(fixture.db.audit_chains(None, 10).await.expect("lists"), [fixture.tenant]);
    assert_eq!(fixture.db.audit_chains(Some(fixture.tenant), 10).await.expect("lists"), []);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn every_tampering_is_found_in_its_place(owner: PgPool) {
    let fixture = Fixture::new(owner).await;
    let byte = "update audit_log set entry = replace(entry::text, 'do_5', 'do_X')::json where seq = 5";
    assert_eq!(fixture.after(&[byte]).await, Some((Changed, 5)));
    let blank = "update audit_log set entry = (entry::text || ' ')::json where seq = 9";
    assert_eq!(fixture.after(&[blank]).await, Some((Changed, 9)));
    let at = "update audit_log set at = at - interval '1 day' where seq = 4";
    assert_eq!(fixture.after(&[at]).await, Some((Changed, 4)));
    let hash = "update audit_log set hash = decode(repeat('00', 32), 'hex') where seq = 6";
    assert_eq!(fixture.after(&[hash]).await, Some((Changed, 6)));

    assert_eq!(fixture.after(&["delete from audit_log where seq = 5"]).await, Some((Missing, 5)));
    assert_eq!(fixture.after(&["delete from audit_log where seq = 1"]).await, Some((Missing, 1)));
    assert_eq!(fixture.after(&["delete from audit_log where seq > 7"]).await, Some((Missing, 8)));
    let closed = [
        "delete from audit_log where seq = 5",
        "update audit_log set seq = seq + 99 where seq > 5",
        "update audit_log set seq = seq - 100 where seq > 99",
    ];
    assert_eq!(fixture.after(&closed).await, Some((Missing, 5)));
    assert_eq!(fixture.after(&["delete from audit_log"]).await, Some((Missing, 1)));
    assert_eq!(fixture.after(&["delete from audit_log", "delete from audit_heads"]).await, Some((Missing, 1)));

    let swap = |one: u64, other: u64| {
        [
            format!("update audit_log set seq = 1000 where seq = {one}"),
            format!("update audit_log set seq = {one} where seq = {other}"),
            format!("update audit_log set seq = {other} where seq = 1000"),
        ]
    };
    for (one, other) in [(3, 4), (3, 8), (1, 9)] {
        let swap = swap(one, other);
        let statements: Vec<_> = swap.iter().map(String::as_str).collect();
        assert_eq!(fixture.after(&statements).await, Some((Swapped, one)));
    }

    // Rows that someone else wrote: in the middle, whole in themselves, and at the end.
    let middle = [
        "update audit_log set seq = seq + 1000 where seq > 4",
        "update audit_log set seq = seq - 999 where seq > 1000",
        "insert into audit_log (tenant_id, seq, at, entry, previous, hash)
         select tenant_id, 5, at, entry, hash, sha256(hash || convert_to(entry::text, 'UTF8')) from audit_log where seq = 4",
    ];
    assert_eq!(fixture.after(&middle).await, Some((Added, 5)));
    let end = "insert into audit_log (tenant_id, seq, at, entry, previous, hash)
         select tenant_id, 10, at, entry, hash, sha256(hash || convert_to(entry::text, 'UTF8')) from audit_log where seq = 9";
    assert_eq!(fixture.after(&[end]).await, Some((Added, 10)));
    let noted = "update audit_heads set seq = 10, hash = (select hash from audit_log where seq = 10)";
    assert_eq!(fixture.after(&[end, noted]).await, Some((Head, 10)));

    assert_eq!(fixture.after(&["delete from audit_heads"]).await, Some((Head, 9)));
    let cut = [
        "delete from audit_log where seq > 7",
        "update audit_heads set seq = 7, hash = (select hash from audit_log where seq = 7)",
    ];
    assert_eq!(fixture.after(&cut).await, Some((Head, 7)));
    assert_eq!(fixture.after(&["update audit_heads set mac = decode(repeat('00', 32), 'hex')"]).await, Some((Head, 9)));
    assert_eq!(fixture.after(&[]).await, None);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn writing_on_does_not_make_a_forged_chain_good(owner: PgPool) {
    // Each end that someone else wrote, and then one more entry of Portico's own.
    let forged: &[(&[&str], AuditFaultKind)] = &[
        // The last entry is another one, with a head that fits it.
        (
            &[
                "update audit_log set entry = replace(entry::text, 'do_9', 'do_X')::json where seq = 9",
                "update audit_log set hash = sha256(previous || convert_to(entry::text, 'UTF8')) where seq = 9",
                "update audit_heads set hash = (select hash from audit_log where seq = 9)",
            ],
            Head,
        ),
        (&["delete from audit_heads"], Head),
        (&["update audit_heads set seq = 0"], Head),
        // All is gone, and the chain begins anew: not with the tenant's creation.
        (&["delete from audit_log", "delete from audit_heads"], Missing),
    ];
    let fixture = Fixture::new(owner).await;
    for (tampering, kind) in forged {
        for statement in *tampering {
            fixture.tamper(statement).await;
        }
        fixture.append("thing.later").await;
        fixture.append("thing.later_still").await;
        let fault = fixture.verdict(None).await.fault.map(|fault| fault.kind);
        assert_eq!(fault, Some(*kind), "{tampering:?}");
        fixture.tamper("delete from audit_log").await;
        fixture.tamper("delete from audit_heads").await;
        fixture.append("tenant.create").await;
        for number in 2..=9 {
            fixture.append(&format!("thing.do_{number}")).await;
        }
        assert!(fixture.verdict(None).await.valid);
    }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_noted_end_shows_a_chain_that_was_put_back_whole(owner: PgPool) {
    let fixture = Fixture::new(owner).await;
    fixture.tamper("create table kept as select * from audit_heads").await;
    let noted = fixture.append("thing.last").await;
    assert!(fixture.verdict(Some(noted)).await.valid);
    // As if a backup had been played back: rows and head are authentic.
    fixture.tamper("delete from audit_log where seq = 10").await;
    fixture.tamper("update audit_heads h set seq = k.seq, hash = k.hash, mac = k.mac from kept k where k.tenant_id = h.tenant_id").await;
    assert!(fixture.verdict(None).await.valid);
    let fault = |verdict: AuditVerdict| verdict.fault.map(|fault| (fault.kind, fault.seq));
    assert_eq!(fault(fixture.verdict(Some(noted)).await), Some((Missing, 10)));
    fixture.append("thing.other").await;
    assert_eq!(fault(fixture.verdict(Some(noted)).await), Some((Head, 10)));
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_chain_longer_than_a_page_is_walked_to_its_end(owner: PgPool) {
    let fixture = Fixture::new(owner).await;
    let mut tx = fixture.db.begin_for(fixture.tenant).await.expect("begins");
    for number in 10..=2_100 {
        tx.append_audit(&fixture.key, &entry(&format!("thing.do_{number}"))).await.expect("appends");
    }
    tx.commit().await.expect("commits");
    assert_eq!((fixture.verdict(None).await.valid, fixture.verdict(None).await.entries), (true, 2_100));
    let fault = fixture.after(&["update audit_log set at = now() where seq = 2050"]).await;
    assert_eq!(fault, Some((Changed, 2_050)));
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn many_writers_at_once_make_one_chain(owner: PgPool) {
    let fixture = Fixture::new(owner).await;
    let writers = (0..50).map(|number| {
        let (db, tenant) = (fixture.db.clone(), fixture.tenant);
        let text = entry(&format!("thing.do_{number}"));
        let key_bytes = &fixture.key;
        async move {
            let mut tx = db.begin_for(tenant).await.expect("begins");
            tx.append_audit(key_bytes, &text).await.expect("appends");
            tx.commit().await.expect("commits");
        }
    });
    futures_util::future::join_all(writers).await;
    let verdict = fixture.verdict(None).await;
    assert_eq!((verdict.valid, verdict.entries), (true, 59), "{verdict:?}");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn the_service_only_adds(owner: PgPool) {
    let fixture = Fixture::new(owner).await;
    for statement in [
        "update audit_log set entry = '{}'",
        "update audit_log set at = now()",
        "delete from audit_log",
        "truncate audit_log",
        "delete from audit_heads",
        "truncate audit_heads",
        "alter table audit_log disable trigger all",
    ] {
        let mut tx = fixture.db.begin_for(fixture.tenant).await.expect("begins");
        let refused = sqlx::query(statement).execute(&mut *tx.tx).await.expect_err(statement);
        let code = refused.as_database_error().and_then(sqlx::error::DatabaseError::code).expect("Postgres says why");
        assert_eq!(code, "42501", "{statement}");
    }
    // The service can write an end, but not prove it.
    let mut tx = fixture.db.begin_for(fixture.tenant).await.expect("begins");
    sqlx::query("update audit_heads set seq = 3").execute(&mut *tx.tx).await.expect("may");
    tx.commit().await.expect("commits");
    assert!(!fixture.verdict(None).await.valid);
}
