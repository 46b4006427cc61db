//! Received events on a real Postgres: stored once, found again, put out of quarantine, and dropped by age.

use portico_auth::Reach;
use portico_domain::{
    CustomerId, EventFilter, EventId, EventState, Person, PluginId, QuarantineReason, SignatureVerdict, TenantId,
};
use sqlx::postgres::PgPoolOptions;
use sqlx::{AssertSqlSafe, PgPool};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::db::Db;
use crate::migrate::MIGRATOR;
use crate::page::Page;
use crate::received::{NewReceivedEvent, Stored};

struct Fixture {
    db: Db,
    owner: PgPool,
    tenant: TenantId,
    customer: CustomerId,
    plugin: PluginId,
}

impl Fixture {
    /// A tenant with a customer, a plugin, an account `1` and its number `2`.
    async fn new(owner: &PgPool) -> Self {
        let (tenant, customer) = (TenantId::generate(), CustomerId::generate());
        let plugin = PluginId::from_uuid(Uuid::new_v4());
        for statement in [
            "insert into tenants (tenant_id, name) values ($1, $2::text || $3::text)",
            "insert into customers (tenant_id, customer_id, external_id, name) values ($1, $2, $3::text, 'C')",
            "insert into plugins (tenant_id, plugin_id, customer_id, name) values ($1, $3, $2, 'P')",
            "insert into wabas (tenant_id, waba_id, plugin_id) select $1, '1', $3 where $2::uuid is not null",
            "insert into phone_numbers (tenant_id, phone_number_id, waba_id, plugin_id) select $1, '2', '1', $3 where $2::uuid is not null",
        ] {
            sqlx::query(statement)
                .bind(tenant.uuid())
                .bind(customer.uuid())
                .bind(plugin.uuid())
                .execute(owner)
                .await
                .unwrap_or_else(|error| panic!("{statement}: {error}"));
        }
        let service = PgPoolOptions::new()
            .after_connect(|connection, _| {
                Box::pin(async move { sqlx::query("set role portico_service").execute(connection).await.map(|_| ()) })
            })
            .connect_with((*owner.connect_options()).clone())
            .await
            .expect("the service's role can be taken");
        Self { db: Db::of(service), owner: owner.clone(), tenant, customer, plugin }
    }

    fn event(&self, key: u128, format: &'static str) -> NewReceivedEvent {
        NewReceivedEvent {
            id: EventId::generate(),
            key: Uuid::from_u128(key),
            dedupe_key: format!("message.received:{key}"),
            plugin: self.plugin,
            owner: Ok(self.customer),
            event_type: "message.received",
            format,
            field: "messages".to_owned(),
            waba: Some("1".parse().expect("is digits")),
            phone_number: Some("2".parse().expect("is digits")),
            conversation: Some("phone:3".to_owned()),
            message_id: Some(format!("wamid.{key}")),
            status: None,
            person: Person { phone: Some("3".to_owned()), ..Person::default() },
            occurred_at: OffsetDateTime::now_utc(),
            raw: format!(r#"{{"{format}":"\ud83d \u0000"}}"#),
            signature: SignatureVerdict::Valid,
        }
    }

    async fn store(&self, events: &[NewReceivedEvent]) -> Vec<Stored> {
        let mut tx = self.db.begin_durable(self.tenant).await.expect("begins");
        let stored = tx.insert_received(events, OffsetDateTime::now_utc()).await.expect("is stored");
        tx.commit().await.expect("commits");
        stored
    }

    async fn list(&self, filter: &EventFilter) -> Vec<EventId> {
        let mut tx = self.db.begin_for(self.tenant).await.expect("begins");
        let page = Page { limit: 100, after: None };
        tx.events(&Reach::ALL, filter, page).await.expect("reads").data.iter().map(|entry| entry.id).collect()
    }
}

async fn number(owner: &PgPool, query: &str) -> i64 {
    sqlx::query_scalar(AssertSqlSafe(query)).fetch_one(owner).await.expect(query)
}

async fn execute(owner: &PgPool, statement: &str) {
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(owner).await.unwrap_or_else(|error| panic!("{statement}: {error}"));
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn copies_that_come_at_the_same_moment_are_stored_once_and_noted(owner: PgPool) {
    let fixture = std::sync::Arc::new(Fixture::new(&owner).await);
    let copies = (0..8).map(|_| {
        let fixture = std::sync::Arc::clone(&fixture);
        tokio::spawn(async move { fixture.store(&[fixture.event(7, "meta"), fixture.event(8, "meta")]).await })
    });
    let mut first = Vec::new();
    let mut copies_of = Vec::new();
    for copy in copies.collect::<Vec<_>>() {
        for stored in copy.await.expect("does not panic") {
            match stored {
                Stored::New => first.push(()),
                Stored::CopyOf(id) => copies_of.push(id),
            }
        }
    }
    assert_eq!((first.len(), copies_of.len()), (2, 14));
    let kept = fixture.list(&EventFilter::default()).await;
    assert_eq!(kept.len(), 2);
    assert!(copies_of.iter().all(|id| kept.contains(id)));
    let mut tx = fixture.db.begin_for(fixture.tenant).await.expect("begins");
    assert_eq!(tx.count_event_copies(kept[0]).await.expect("counts"), 7);
    assert_eq!(tx.event_copies(kept[0], 3).await.expect("reads").len(), 3);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_copy_inside_of_one_body_is_one_too_and_another_tenant_has_keys_of_its_own(owner: PgPool) {
    let (fixture, other) = (Fixture::new(&owner).await, Fixture::new(&owner).await);
    let events = [fixture.event(7, "meta"), fixture.event(8, "meta"), fixture.event(7, "meta")];
    let stored = fixture.store(&events).await;
    assert_eq!(stored, [Stored::New, Stored::New, Stored::CopyOf(events[0].id)]);
    assert_eq!(other.store(&[other.event(7, "meta")]).await, [Stored::New]);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn only_a_copy_in_the_other_format_is_kept_whole(owner: PgPool) {
    let fixture = Fixture::new(&owner).await;
    fixture.store(&[fixture.event(7, "meta")]).await;
    fixture.store(&[fixture.event(7, "meta")]).await;
    fixture.store(&[fixture.event(7, "chakra")]).await;
    let raws: Vec<(String, Option<String>)> =
        sqlx::query_as("select format, raw from event_copies order by copy_id").fetch_all(&owner).await.expect("reads");
    let whole = r#"{"chakra":"\ud83d \u0000"}"#.to_owned();
    assert_eq!(raws, [("meta".to_owned(), None), ("chakra".to_owned(), Some(whole))]);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_key_is_known_for_this_week_and_the_one_before(owner: PgPool) {
    let fixture = Fixture::new(&owner).await;
    let past = EventId::generate();
    let week = "(extract(epoch from now())::bigint / 604800)::integer";
    for (key, ago) in [(1, 1), (2, 2)] {
        let statement = format!(
            "insert into event_keys (tenant_id, generation, key, event_id) values ('{}', {week} - {ago}, '{}', '{}')",
            fixture.tenant.uuid(),
            Uuid::from_u128(key),
            past.uuid()
        );
        execute(&owner, &statement).await;
    }
    let stored = fixture.store(&[fixture.event(1, "meta"), fixture.event(2, "meta")]).await;
    assert_eq!(stored, [Stored::CopyOf(past), Stored::New]);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_was_stored_is_found_by_what_it_is_about_and_shown_whole(owner: PgPool) {
    let fixture = Fixture::new(&owner).await;
    let (one, other) = (fixture.event(1, "meta"), fixture.event(2, "chakra"));
    fixture.store(&[one.clone(), NewReceivedEvent { event_type: "message.status", ..other.clone() }]).await;
    let filtered = async |filter: EventFilter| fixture.list(&filter).await;
    assert_eq!(filtered(EventFilter::default()).await, [other.id, one.id], "the last one first");
    let types = |text: &str| Some(text.to_owned().try_into().expect("is well-formed"));
    assert_eq!(filtered(EventFilter { types: types("message.*"), ..EventFilter::default() }).await.len(), 2);
    assert_eq!(filtered(EventFilter { types: types("message.status"), ..EventFilter::default() }).await, [other.id]);
    assert_eq!(filtered(EventFilter { types: types("call.*"), ..EventFilter::default() }).await, []);
    let message_id = Some("wamid.1".to_owned());
    assert_eq!(filtered(EventFilter { message_id, ..EventFilter::default() }).await, [one.id]);
    let (hour, now) = (time::Duration::HOUR, OffsetDateTime::now_utc());
    assert_eq!(filtered(EventFilter { from: Some(now - hour), ..EventFilter::default() }).await.len(), 2);
    assert_eq!(filtered(EventFilter { before: Some(now - hour), ..EventFilter::default() }).await, []);
    assert_eq!(filtered(EventFilter { customer: Some(CustomerId::generate()), ..EventFilter::default() }).await, []);

    let mut tx = fixture.db.begin_for(fixture.tenant).await.expect("begins");
    let whole = tx.event(&Reach::ALL, one.id).await.expect("reads").expect("is there");
    assert_eq!(whole.raw.as_deref(), Some(one.raw.as_str()), "byte for byte, also what no jsonb holds");
    assert_eq!((whole.entry.state, whole.entry.person), (EventState::Routed, Some(one.person)));
    let mine = Reach { customers: Some(vec![fixture.customer]), phone_numbers: None };
    assert!(tx.event(&mine, one.id).await.expect("reads").is_some());
    let others = Reach { customers: Some(vec![CustomerId::generate()]), phone_numbers: None };
    assert!(tx.event(&others, one.id).await.expect("reads").is_none());
    let number = Reach { customers: None, phone_numbers: Some(vec!["9".parse().expect("is digits")]) };
    assert!(tx.event(&number, one.id).await.expect("reads").is_none());
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn an_event_of_unknown_owner_waits_until_it_is_known_to_be_the_plugins(owner: PgPool) {
    let fixture = Fixture::new(&owner).await;
    let unknown = QuarantineReason::UnknownOwner;
    let waiting =
        NewReceivedEvent { owner: Err(unknown), waba: Some("8".parse().unwrap()), ..fixture.event(1, "meta") };
    let lost = NewReceivedEvent { owner: Err(QuarantineReason::Mismatch), ..fixture.event(2, "meta") };
    fixture.store(&[waiting.clone(), lost.clone()]).await;
    let quarantined = async || {
        let mut tx = fixture.db.begin_for(fixture.tenant).await.expect("begins");
        let page = Page { limit: 10, after: None };
        let rows = tx.quarantined_events(None, page).await.expect("reads").data;
        rows.iter().map(|event| (event.id, event.reason)).collect::<Vec<_>>()
    };
    assert_eq!(quarantined().await, [(waiting.id, unknown), (lost.id, QuarantineReason::Mismatch)]);
    let mut tx = fixture.db.begin_for(fixture.tenant).await.expect("begins");
    assert_eq!(tx.events_with_known_owner(10).await.expect("reads"), []);
    drop(tx);
    assert_eq!(fixture.db.tenants_with_unknown_events().await.expect("reads"), [fixture.tenant]);

    let tenant = fixture.tenant.uuid();
    execute(
        &owner,
        &format!("insert into wabas (tenant_id, waba_id, plugin_id) values ('{tenant}', '8', '{}')", fixture.plugin),
    )
    .await;
    execute(&owner, "update phone_numbers set waba_id = '8'").await;
    let mut tx = fixture.db.begin_for(fixture.tenant).await.expect("begins");
    assert_eq!(tx.events_with_known_owner(10).await.expect("reads"), [(waiting.id, fixture.plugin, fixture.customer)]);
    assert!(tx.release_event(waiting.id).await.expect("releases"));
    assert!(!tx.release_event(waiting.id).await.expect("is gone"));
    tx.assign_event(waiting.id, fixture.customer, fixture.plugin, None).await.expect("assigns");
    tx.commit().await.expect("commits");
    assert_eq!(quarantined().await, [(lost.id, QuarantineReason::Mismatch)]);
    let routed = EventFilter { state: Some(EventState::Routed), ..EventFilter::default() };
    assert_eq!(fixture.list(&routed).await, [waiting.id]);
    assert_eq!(fixture.db.tenants_with_unknown_events().await.expect("reads"), []);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn owners_are_told_of_what_is_known_and_of_nothing_else(owner: PgPool) {
    let (fixture, stranger) = (Fixture::new(&owner).await, Fixture::new(&owner).await);
    execute(
        &owner,
        &format!(
            "insert into wabas (tenant_id, waba_id, plugin_id) values ('{}', '5', '{}')",
            stranger.tenant.uuid(),
            stranger.plugin
        ),
    )
    .await;
    let mut tx = fixture.db.begin_for(fixture.tenant).await.expect("begins");
    let ids = |ids: &[&str]| ids.iter().map(|&id| id.to_owned()).collect::<Vec<_>>();
    let named = tx.named_owners(&ids(&["1", "5"]), &ids(&["2", "9"]), &ids(&["wamid.1"])).await.expect("reads");
    assert_eq!(named.wabas, [("1".to_owned(), fixture.plugin)].into());
    assert_eq!(named.phone_numbers, [("2".to_owned(), (fixture.plugin, "1".to_owned()))].into());
    assert_eq!(named.lone_numbers, [("1".to_owned(), "2".parse().unwrap())].into());
    assert!(named.messages.is_empty());
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_is_acknowledged_is_on_disk_whatever_the_database_is_set_to(owner: PgPool) {
    let database: String = sqlx::query_scalar("select current_database()::text").fetch_one(&owner).await.expect("asks");
    execute(&owner, &format!("alter database \"{database}\" set synchronous_commit = off")).await;
    let pool = PgPool::connect_with((*owner.connect_options()).clone()).await.expect("connects");
    let db = Db::of(pool);
    let shown = async |tx: &mut crate::db::TenantTx| -> String {
        sqlx::query_scalar("show synchronous_commit").fetch_one(&mut *tx.tx).await.expect("asks")
    };
    let tenant = TenantId::generate();
    assert_eq!(shown(&mut db.begin_for(tenant).await.expect("begins")).await, "off");
    assert_eq!(shown(&mut db.begin_durable(tenant).await.expect("begins")).await, "on");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_goes_into_the_outbox_is_an_event(owner: PgPool) {
    let fixture = Fixture::new(&owner).await;
    let at = OffsetDateTime::from_unix_timestamp(1_790_000_000).expect("is a time");
    let event = portico_domain::Event::new(fixture.tenant, "chakra_key.refused", at, serde_json::json!({"a": 1}));
    let mut tx = fixture.db.begin_for(fixture.tenant).await.expect("begins");
    tx.insert_event(&event).await.expect("is written");
    tx.commit().await.expect("commits");
    let mut tx = fixture.db.begin_for(fixture.tenant).await.expect("begins");
    let stored = tx.event(&Reach::ALL, event.id).await.expect("reads").expect("is there");
    assert_eq!((&*stored.entry.event_type, &*stored.entry.format), ("chakra_key.refused", "portico"));
    assert_eq!((stored.entry.occurred_at, stored.raw, stored.data), (at, None, Some(serde_json::json!({"a": 1}))));
    let limited = Reach { customers: Some(vec![fixture.customer]), phone_numbers: None };
    assert!(tx.event(&limited, event.id).await.expect("reads").is_none(), "it is the tenant's as a whole");
}

const PARTITIONS: &str = "select count(*) from pg_inherits i where i.inhparent = 'events'::regclass";

#[sqlx::test(migrator = "MIGRATOR")]
async fn partitions_are_made_for_days_to_come_and_dropped_by_age(owner: PgPool) {
    let fixture = Fixture::new(&owner).await;
    assert_eq!(number(&owner, PARTITIONS).await, 10, "yesterday to a week from now, and the default one");
    fixture.store(&[fixture.event(1, "meta")]).await;
    assert_eq!(number(&owner, "select count(*) from portico_partitions.events_default").await, 0);
    assert_eq!(number(&owner, "select count(*) from portico_partitions.event_keys_default").await, 0);
    execute(
        &owner,
        "create table portico_partitions.events_20200101 partition of events
            for values from (portico_uuid7_at('2020-01-01Z')) to (portico_uuid7_at('2020-01-02Z'));",
    )
    .await;
    let old = |at: &str| {
        format!(
            "insert into events (tenant_id, event_id, event_type, format, state, occurred_at, received_at, data)
             values ('{}', portico_uuid7_at('{at}'), 'e', 'portico', 'routed', now(), now(), '{{}}')",
            fixture.tenant.uuid()
        )
    };
    for at in ["2020-01-01Z", "2020-02-01Z", "2199-01-01Z"] {
        execute(&owner, &old(at)).await;
    }
    execute(&owner, "drop table portico_partitions.events_default; create table portico_partitions.events_default partition of events default").await;
    execute(&owner, &old("2020-02-01Z")).await;
    execute(&owner, &old("2199-01-01Z")).await;
    assert_eq!(number(&owner, "select count(*) from events").await, 4);
    // One partition too few is made, one too old goes, and so do rows that are too old and had none.
    let last: String = sqlx::query_scalar(
        "select max(inhrelid::regclass::text) from pg_inherits where inhparent = 'events'::regclass and inhrelid::regclass::text ~ '[0-9]{8}$'",
    )
    .fetch_one(&owner)
    .await
    .expect("reads");
    execute(&owner, &format!("drop table {last}")).await;
    assert_eq!(fixture.db.roll_partitions().await.expect("rolls"), 2);
    assert_eq!(number(&owner, PARTITIONS).await, 10);
    assert_eq!(number(&owner, "select count(*) from events").await, 2);
    assert_eq!(fixture.db.roll_partitions().await.expect("rolls"), 0, "again: nothing to do");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn who_reads_for_long_neither_stops_the_roll_nor_is_stopped(owner: PgPool) {
    let fixture = Fixture::new(&owner).await;
    execute(
        &owner,
        "create table portico_partitions.events_20200101 partition of events
            for values from (portico_uuid7_at('2020-01-01Z')) to (portico_uuid7_at('2020-01-02Z'))",
    )
    .await;
    let mut reader = fixture.owner.begin().await.expect("begins");
    sqlx::query("select count(*) from events").fetch_one(&mut *reader).await.expect("reads");
    assert_eq!(fixture.db.roll_partitions().await.expect("does not wait"), 0);
    assert_eq!(fixture.store(&[fixture.event(1, "meta")]).await, [Stored::New]);
    drop(reader);
    assert_eq!(fixture.db.roll_partitions().await.expect("rolls"), 1);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn nobody_reaches_a_partition_but_through_its_table(owner: PgPool) {
    let reaches: Vec<String> = sqlx::query_scalar(
        "select r.rolname::text from pg_roles r
         where r.rolname in ('portico_service', 'portico_resolver', 'portico_eraser', 'portico_backup')
            and has_schema_privilege(r.oid, 'portico_partitions', 'usage, create')",
    )
    .fetch_all(&owner)
    .await
    .expect("the catalog can be read");
    assert_eq!(reaches, Vec::<String>::new());
    let elsewhere = number(
        &owner,
        "select count(*) from pg_class c where c.relispartition and c.relkind in ('r', 'p')
            and c.relnamespace <> 'portico_partitions'::regnamespace",
    )
    .await;
    assert_eq!(elsewhere, 0);
}
