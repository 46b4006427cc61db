//! The look-up: from whatever is known of a customer to its plugins, WABAs and phone numbers.

use portico_auth::Reach;
use portico_domain::{CustomerId, ExternalId, LookupCursor, LookupFilter, LookupRow, PhoneDigits};
use portico_domain::{PhoneNumberId, PluginId, WabaId};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::db::TenantTx;
use crate::error::StorageError;
use crate::page::{Page, PageRows};
use crate::system::uuids;
use crate::whatsapp::numbers;

#[derive(Debug)]
struct FoundRow {
    customer_id: Uuid,
    external_id: String,
    customer_name: String,
    plugin_id: Option<Uuid>,
    plugin_status: Option<String>,
    plugin_is_active: Option<bool>,
    waba_id: Option<String>,
    waba_status: Option<String>,
    phone_number_id: Option<String>,
    display_phone_number: Option<String>,
    verified_name: Option<String>,
    status: Option<String>,
    quality_rating: Option<String>,
    messaging_limit_tier: Option<String>,
    name_status: Option<String>,
    is_active: Option<bool>,
    observed_at: Option<OffsetDateTime>,
    age_seconds: Option<i64>,
}

impl TryFrom<FoundRow> for LookupRow {
    type Error = StorageError;

    fn try_from(row: FoundRow) -> Result<Self, StorageError> {
        let plugin_status = row.plugin_status.map(|status| status.parse()).transpose();
        let waba = row.waba_id.map(|id| id.parse()).transpose();
        let number = row.phone_number_id.map(|id| id.parse()).transpose();
        Ok(Self {
            customer_id: CustomerId::from_uuid(row.customer_id),
            external_id: row
                .external_id
                .parse()
                .map_err(|error| StorageError::corrupt("customers.external_id", error))?,
            customer_name: row.customer_name.parse().map_err(|error| StorageError::corrupt("customers.name", error))?,
            plugin_id: row.plugin_id.map(PluginId::from_uuid),
            plugin_status: plugin_status.map_err(|error| StorageError::corrupt("plugins.status", error))?,
            plugin_is_active: row.plugin_is_active,
            waba_id: waba.map_err(|error| StorageError::corrupt("wabas.waba_id", error))?,
            waba_status: row.waba_status,
            phone_number_id: number.map_err(|error| StorageError::corrupt("phone_numbers.phone_number_id", error))?,
            display_phone_number: row.display_phone_number,
            verified_name: row.verified_name,
            status: row.status,
            quality_rating: row.quality_rating,
            messaging_limit_tier: row.messaging_limit_tier,
            name_status: row.name_status,
            is_active: row.is_active,
            observed_at: row.observed_at,
            // What was written since this transaction began is new, not of the future.
            age_seconds: row.age_seconds.map(|age| age.max(0)),
        })
    }
}

impl TenantTx {
    /// A page of the rows within reach that fit the filter, in order of customer, plugin, WABA and number. A
    /// reach that is limited to phone numbers shows the rows of those alone. A number whose WABA has moved to
    /// another plugin appears there once the number was observed there too.
    ///
    /// # Errors
    ///
    /// [`StorageError::Corrupt`] when a row cannot be read, else as [every call](crate#errors).
    pub async fn look_up(
        &mut self,
        reach: &Reach,
        filter: &LookupFilter,
        page: Page<LookupCursor>,
    ) -> Result<PageRows<LookupRow>, StorageError> {
        let reached = uuids(reach.customers(), CustomerId::uuid);
        let within = numbers(reach);
        let after = page.after.as_ref();
        let rows = sqlx::query_as!(
            FoundRow,
            r#"
            select
                c.customer_id,
                c.external_id,
                c.name as customer_name,
                p.plugin_id as "plugin_id?",
                p.status as "plugin_status?",
                p.is_active as "plugin_is_active?",
                w.waba_id as "waba_id?",
                w.status as "waba_status?",
                n.phone_number_id as "phone_number_id?",
                n.display_phone_number as "display_phone_number?",
                n.verified_name as "verified_name?",
                n.status as "status?",
                n.quality_rating as "quality_rating?",
                n.messaging_limit_tier as "messaging_limit_tier?",
                n.name_status as "name_status?",
                n.is_active as "is_active?",
                coalesce(n.observed_at, w.observed_at, p.synced_at) as "observed_at?",
                floor(extract(epoch from now() - coalesce(n.observed_at, w.observed_at, p.synced_at)))::bigint as "age_seconds?"
            from customers c
            left join plugins p on p.tenant_id = c.tenant_id and p.customer_id = c.customer_id
            left join wabas w on w.tenant_id = p.tenant_id and w.plugin_id = p.plugin_id
            left join phone_numbers n
                on n.tenant_id = w.tenant_id and n.waba_id = w.waba_id and n.plugin_id = w.plugin_id
            where c.tenant_id = $1
                and ($2::uuid[] is null or c.customer_id = any($2))
                and ($3::text[] is null or n.phone_number_id = any($3))
                and ($4::uuid is null or c.customer_id = $4)
                and ($5::text is null or c.external_id = $5)
                and ($6::text is null or n.display_digits = $6)
                and ($7::text is null or w.waba_id = $7)
                and ($8::text is null or n.phone_number_id = $8)
                and ($9::uuid is null or p.plugin_id = $9)
                and ($10::uuid is null or (
                    c.customer_id,
                    coalesce(p.plugin_id, '00000000-0000-0000-0000-000000000000'),
                    coalesce(w.waba_id, ''),
                    coalesce(n.phone_number_id, '')
                ) > ($10, $11, $12, $13))
            order by c.customer_id, p.plugin_id nulls first, w.waba_id nulls first, n.phone_number_id nulls first
            limit $14
            "#,
            self.tenant.uuid(),
            reached.as_deref(),
            within.as_deref(),
            filter.customer.map(CustomerId::uuid),
            filter.external_id.as_ref().map(ExternalId::as_str),
            filter.display_phone_number.as_ref().map(PhoneDigits::as_str),
            filter.waba.as_ref().map(WabaId::as_str),
            filter.phone_number.as_ref().map(PhoneNumberId::as_str),
            filter.plugin.map(PluginId::uuid),
            after.map(|cursor| cursor.customer.uuid()),
            after.and_then(|cursor| cursor.plugin).map_or_else(Uuid::nil, PluginId::uuid),
            after.and_then(|cursor| cursor.waba.as_ref()).map_or("", WabaId::as_str),
            after.and_then(|cursor| cursor.phone_number.as_ref()).map_or("", PhoneNumberId::as_str),
            page.fetch()
        )
        .fetch_all(&mut *self.tx)
        .await?;
        Ok(page.cut(rows.into_iter().map(LookupRow::try_from).collect::<Result<_, _>>()?))
    }
}

#[cfg(test)]
mod tests {
    use portico_auth::{Principal, TenantScope};
    use portico_domain::permission::perm;
    use portico_domain::{PluginStatus, TenantId};
    use sqlx::PgPool;
    use sqlx::postgres::PgPoolOptions;

    use super::*;
    use crate::{Db, NewCustomer, NewPlugin, ObservedPhoneNumber, ObservedPlugin, ObservedWaba};

    static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!("../../migrations");

    /// The database as the service sees it, with a tenant in it.
    struct Fixture {
        db: Db,
        scope: TenantScope,
    }

    impl Fixture {
        async fn new(owner: &PgPool) -> Self {
            let tenant = TenantId::generate();
            sqlx::query("insert into tenants (tenant_id, name) values ($1, 'T')")
                .bind(tenant.uuid())
                .execute(owner)
                .await
                .expect("a tenant can be made");
            let pool = PgPoolOptions::new().max_connections(2).after_connect(|connection, _| {
                Box::pin(async move { sqlx::query("set role portico_service").execute(connection).await.map(|_| ()) })
            });
            let pool = pool.connect_with((*owner.connect_options()).clone()).await;
            let db = Db::of(pool.expect("the service's role can be taken"));
            let scope =
                Principal::operator(Some(tenant), portico_auth::Origin::default()).authorize::<perm::PluginsRead>();
            Self { db, scope: (*scope.expect("the operator may")).clone() }
        }

        async fn tx(&self) -> TenantTx {
            self.db.begin(&self.scope).await.expect("begins")
        }

        async fn customer(&self, external_id: &str) -> CustomerId {
            let id = CustomerId::generate();
            let new = NewCustomer {
                external_id: external_id.parse().expect("is an external id"),
                name: "Shop".parse().expect("is a name"),
                metadata: portico_domain::Metadata::default(),
            };
            let mut tx = self.tx().await;
            tx.insert_customer(id, &new).await.expect("is written");
            tx.commit().await.expect("commits");
            id
        }

        async fn plugin(&self, customer: CustomerId) -> PluginId {
            let id = PluginId::from_uuid(Uuid::now_v7());
            let mut tx = self.tx().await;
            tx.insert_plugin(&NewPlugin { id, customer, name: "P".into() }).await.expect("is written");
            tx.commit().await.expect("commits");
            id
        }

        /// Writes down a WABA with these numbers: id, and how people read it.
        async fn observe(&self, plugin: PluginId, waba: &str, shown: &[(&str, &str)]) {
            let seen = ObservedPlugin { name: "P".into(), is_active: true, status: PluginStatus::Connected };
            let waba: WabaId = waba.parse().expect("is a WABA id");
            let number = |(id, display): &(&str, &str)| ObservedPhoneNumber {
                id: id.parse().expect("is an id"),
                waba: waba.clone(),
                display_phone_number: Some((*display).to_owned()),
                verified_name: None,
                status: Some("CONNECTED".into()),
                quality_rating: None,
                messaging_limit_tier: None,
                name_status: None,
            };
            let numbers: Vec<_> = shown.iter().map(number).collect();
            let wabas = [ObservedWaba { id: waba, name: None, status: Some("APPROVED".into()) }];
            let mut tx = self.tx().await;
            tx.observe_plugin(plugin, &seen).await.expect("is written");
            tx.observe_whatsapp(plugin, &wabas, &numbers).await.expect("is written");
            tx.commit().await.expect("commits");
        }

        async fn found(&self, reach: &Reach, filter: &LookupFilter) -> Vec<LookupRow> {
            let page = Page { limit: 200, after: None };
            self.tx().await.look_up(reach, filter, page).await.expect("is found").data
        }

        async fn numbers(&self, filter: &LookupFilter) -> Vec<Option<String>> {
            let rows = self.found(&Reach::ALL, filter).await;
            rows.into_iter().map(|row| row.phone_number_id.map(String::from)).collect()
        }
    }

    fn shown(number: &str) -> LookupFilter {
        LookupFilter { display_phone_number: Some(number.parse().expect("is a number")), ..LookupFilter::default() }
    }

    #[sqlx::test(migrator = "MIGRATOR")]
    async fn a_number_is_found_by_everything_that_is_known_of_it(owner: PgPool) {
        let fixture = Fixture::new(&owner).await;
        let customer = fixture.customer("shop").await;
        let plugin = fixture.plugin(customer).await;
        fixture.observe(plugin, "10", &[("100", "+1 555-000-2222"), ("101", "+49 30 1234567")]).await;
        let other = fixture.plugin(fixture.customer("other").await).await;
        fixture.observe(other, "20", &[("200", "+1 555-000-3333")]).await;

        let none = LookupFilter::default();
        let one = [Some("100".to_owned())];
        let both = [Some("100".to_owned()), Some("101".to_owned())];
        assert_eq!(fixture.numbers(&LookupFilter { customer: Some(customer), ..none.clone() }).await, both);
        assert_eq!(fixture.numbers(&LookupFilter { external_id: "shop".parse().ok(), ..none.clone() }).await, both);
        assert_eq!(fixture.numbers(&LookupFilter { waba: "10".parse().ok(), ..none.clone() }).await, both);
        assert_eq!(fixture.numbers(&LookupFilter { plugin: Some(plugin), ..none.clone() }).await, both);
        assert_eq!(fixture.numbers(&LookupFilter { phone_number: "100".parse().ok(), ..none.clone() }).await, one);
        assert_eq!(fixture.numbers(&shown("15550002222")).await, one);
        assert_eq!(fixture.numbers(&LookupFilter { waba: "10".parse().ok(), ..shown("+1 555 000 2222") }).await, one);
        assert_eq!(fixture.numbers(&LookupFilter { waba: "20".parse().ok(), ..shown("+1 555 000 2222") }).await, []);
        assert_eq!(fixture.numbers(&shown("5550002222")).await, []);

        let row = fixture.found(&Reach::ALL, &shown("15550002222")).await.pop().expect("is found");
        assert_eq!((row.customer_id, row.plugin_id), (customer, Some(plugin)));
        assert_eq!((row.external_id.as_str(), row.customer_name.as_str()), ("shop", "Shop"));
        assert_eq!(row.plugin_status, Some(PluginStatus::Connected));
        assert_eq!((row.waba_status.as_deref(), row.status.as_deref()), (Some("APPROVED"), Some("CONNECTED")));
        assert!(row.observed_at.is_some() && row.age_seconds.is_some_and(|age| age < 60), "{row:?}");
        assert_eq!(row.is_active, Some(true));

        sqlx::query("update phone_numbers set observed_at = now() - interval '1 hour' where phone_number_id = '100'")
            .execute(&owner)
            .await
            .expect("the owner may");
        let row = fixture.found(&Reach::ALL, &shown("15550002222")).await.pop().expect("is found");
        assert!(row.age_seconds.is_some_and(|age| (3600..3660).contains(&age)), "{row:?}");
    }

    #[sqlx::test(migrator = "MIGRATOR")]
    async fn what_is_not_there_yet_is_null_and_parts_follow_one_another(owner: PgPool) {
        let fixture = Fixture::new(&owner).await;
        let customer = fixture.customer("shop").await;
        let filter = LookupFilter { customer: Some(customer), ..LookupFilter::default() };
        let rows = fixture.found(&Reach::ALL, &filter).await;
        assert_eq!((rows.len(), rows[0].plugin_id, rows[0].age_seconds), (1, None, None));

        let bare = fixture.plugin(customer).await;
        let rows = fixture.found(&Reach::ALL, &filter).await;
        assert_eq!((rows.len(), rows[0].plugin_id, &rows[0].waba_id), (1, Some(bare), &None));
        assert_eq!((rows[0].plugin_status, rows[0].observed_at), (Some(PluginStatus::Created), None));

        let (waba_only, full) = (fixture.plugin(customer).await, fixture.plugin(customer).await);
        fixture.observe(waba_only, "20", &[]).await;
        fixture.observe(full, "30", &[("300", "+1 555-000-2222"), ("301", "+1 555-000-3333")]).await;
        let rows = fixture.found(&Reach::ALL, &filter).await;
        let seen: Vec<_> = rows
            .iter()
            .map(|row| (row.plugin_id, row.waba_id.as_ref().map(WabaId::as_str), row.phone_number_id.is_some()))
            .collect();
        let expected = [
            (Some(bare), None, false),
            (Some(waba_only), Some("20"), false),
            (Some(full), Some("30"), true),
            (Some(full), Some("30"), true),
        ];
        assert_eq!(seen, expected);
        assert!(rows[1].observed_at.is_some(), "{:?}", rows[1]);

        let (mut parts, mut after) = (Vec::new(), None);
        loop {
            let page = Page { limit: 1, after };
            let part = fixture.tx().await.look_up(&Reach::ALL, &filter, page).await.expect("is found");
            after = part.data.last().map(LookupRow::cursor);
            parts.extend(part.data);
            if !part.more {
                break;
            }
        }
        let cursors = |rows: &[LookupRow]| rows.iter().map(LookupRow::cursor).collect::<Vec<_>>();
        assert_eq!(cursors(&parts), cursors(&rows));
    }

    #[sqlx::test(migrator = "MIGRATOR")]
    async fn a_reach_shows_its_own_rows_and_a_tenant_none_of_anothers(owner: PgPool) {
        let (fixture, stranger) = (Fixture::new(&owner).await, Fixture::new(&owner).await);
        let (mine, other) = (fixture.customer("mine").await, fixture.customer("other").await);
        let plugin = fixture.plugin(mine).await;
        fixture.observe(plugin, "10", &[("100", "+1 555-000-2222"), ("101", "+1 555-000-2222")]).await;
        fixture.observe(fixture.plugin(other).await, "20", &[("200", "+1 555-000-2222")]).await;
        let filter = shown("15550002222");

        let ids = |rows: Vec<LookupRow>| {
            rows.into_iter().filter_map(|row| row.phone_number_id).map(String::from).collect::<Vec<_>>()
        };
        assert_eq!(ids(fixture.found(&Reach::ALL, &filter).await), ["100", "101", "200"]);
        let reach = Reach { customers: Some(vec![mine]), phone_numbers: None };
        assert_eq!(ids(fixture.found(&reach, &filter).await), ["100", "101"]);
        let reach = Reach { customers: Some(vec![mine]), phone_numbers: Some(vec!["101".parse().expect("is an id")]) };
        assert_eq!(ids(fixture.found(&reach, &filter).await), ["101"]);
        let all = LookupFilter { customer: Some(mine), ..LookupFilter::default() };
        assert_eq!(ids(fixture.found(&reach, &all).await), ["101"]);
        let none = Reach { customers: Some(Vec::new()), phone_numbers: None };
        assert_eq!(fixture.found(&none, &filter).await, []);

        for filter in [filter, all, LookupFilter { plugin: Some(plugin), ..LookupFilter::default() }] {
            assert_eq!(stranger.found(&Reach::ALL, &filter).await, [], "{filter:?}");
        }
    }
}
