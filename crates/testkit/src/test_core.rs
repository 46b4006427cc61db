//! A [`Core`] on a real Postgres, for tests of services beneath HTTP.
//!
//! Each has a database of its own on the server that `DATABASE_URL` names (as an owner who may make databases and
//! roles), acts on it as a login role of the service, as a running Portico does, and drops both when it is dropped.
//! Its clock stands until the test advances it, and no background task runs.

use std::str::FromStr as _;
use std::sync::Arc;

use portico_auth::Reach;
use portico_core::trusted_proxies::TrustedProxies;
use portico_core::{Core, CoreOptions};
use portico_domain::clock::Clock;
use portico_domain::{CustomerId, Metadata, PhoneNumberId, PluginId, RequestEntry, RequestFilter, TenantId, WabaId};
use portico_storage::{
    Db, DbOptions, NewCustomer, NewPlugin, NewTenant, ObservedPhoneNumber, ObservedWaba, Page, grant_service, migrate,
};
use portico_vault::{DataKey, DataKeyVersion, MasterKeys, SecretString};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _};
use time::OffsetDateTime;
use time::macros::datetime;
use uuid::Uuid;

/// When the clock of every test core stands at first.
pub const START: OffsetDateTime = datetime!(2026-12-01 12:00 UTC);

/// A core on a database of its own.
#[derive(Debug)]
pub struct TestCore {
    /// The core; its tasks are registered and not started.
    pub core: Core,
    /// The clock of the core, which stands at [`START`].
    pub clock: Clock,
    // Dropped last: it takes the database away.
    database: Database,
}

/// A tenant with one connected customer.
#[derive(Debug, Clone)]
pub struct TestTenant {
    /// The tenant, which is active and has a data key.
    pub id: TenantId,
    /// Its first customer.
    pub connection: TestConnection,
}

/// A customer with a plugin, the WABA inside, and an active phone number of that.
#[derive(Debug, Clone)]
pub struct TestConnection {
    /// The customer.
    pub customer: CustomerId,
    /// Its plugin.
    pub plugin: PluginId,
    /// The plugin's WABA.
    pub waba: WabaId,
    /// The WABA's phone number.
    pub phone_number: PhoneNumberId,
}

impl TestCore {
    /// A core on a new, migrated database without tenants.
    ///
    /// # Panics
    ///
    /// When `DATABASE_URL` is missing, or Postgres refuses something of what is needed.
    pub async fn on_postgres() -> Self {
        let (database, url) = Database::create().await;
        let db = Db::connect(&DbOptions { url, listen_url: None, max_connections: 4 }).await;
        let db = db.expect("the service's role is let in");
        let id = "test".parse().expect("is an id of a master key");
        let (master_keys, _) = MasterKeys::generate(id, &mut rand::rng());
        let mac_key = portico_core::vault::unlock(&db, &master_keys).await.expect("a new vault opens");
        let clock = Clock::manual(START);
        let options = CoreOptions {
            public_url: None,
            hooks_url: None,
            trusted_proxies: TrustedProxies::default(),
            request_log_capacity: 64,
            clock: clock.clone(),
        };
        Self { core: Core::new(db, Arc::new(master_keys), mac_key, options), clock, database }
    }

    /// A new tenant with one connected customer.
    ///
    /// # Panics
    ///
    /// When Postgres refuses it.
    pub async fn add_tenant(&self) -> TestTenant {
        let id = TenantId::generate();
        let key = DataKey::generate(DataKeyVersion::FIRST, &mut rand::rng());
        let wrapped = self.core.master_keys.wrap_data_key(id, &key, &mut rand::rng()).await;
        let mut tx = self.core.db.begin_system(id).await.expect("a transaction begins");
        tx.insert_tenant(&NewTenant { name: "Test".parse().expect("is a name") }).await.expect("the tenant is new");
        let wrapped = wrapped.expect("the master key is at hand");
        tx.insert_data_key(DataKeyVersion::FIRST, &wrapped).await.expect("it is the first key");
        tx.commit().await.expect("commits");
        TestTenant { id, connection: self.add_connection(id).await }
    }

    /// One more connected customer of a tenant.
    ///
    /// # Panics
    ///
    /// When Postgres refuses it.
    pub async fn add_connection(&self, tenant: TenantId) -> TestConnection {
        let new = TestConnection {
            customer: CustomerId::generate(),
            plugin: PluginId::from_uuid(Uuid::new_v4()),
            waba: digits().parse().expect("is digits"),
            phone_number: digits().parse().expect("is digits"),
        };
        let customer = NewCustomer {
            external_id: new.plugin.to_string().parse().expect("is an external id"),
            name: "Customer".parse().expect("is a name"),
            metadata: Metadata::default(),
        };
        let plugin = NewPlugin { id: new.plugin, customer: new.customer, name: "plugin".to_owned() };
        let waba = ObservedWaba { id: new.waba.clone(), name: None, status: None };
        let phone_number = ObservedPhoneNumber {
            id: new.phone_number.clone(),
            waba: new.waba.clone(),
            display_phone_number: None,
            verified_name: None,
            status: None,
            quality_rating: None,
            messaging_limit_tier: None,
            name_status: None,
        };
        let mut tx = self.core.db.begin_system(tenant).await.expect("a transaction begins");
        tx.insert_customer(new.customer, &customer).await.expect("the customer is new");
        tx.insert_plugin(&plugin).await.expect("the plugin is new");
        tx.observe_whatsapp(new.plugin, &[waba], &[phone_number]).await.expect("WABA and number are new");
        tx.commit().await.expect("commits");
        new
    }

    /// Makes the team of a tenant's Chakra keys unknown, as it is of keys that an earlier version stored.
    ///
    /// # Panics
    ///
    /// When Postgres refuses it.
    pub async fn forget_team(&self, tenant: TenantId) {
        let mut connection = self.database.inside().disable_statement_logging().connect().await.expect("connects");
        for statement in [
            "update chakra_keys set team_fingerprint = null, team_name = null where tenant_id = $1",
            "delete from chakra_teams where tenant_id = $1",
        ] {
            sqlx::query(statement).bind(tenant.uuid()).execute(&mut connection).await.expect("the owner may");
        }
        self.core.validity.changed(tenant);
    }

    /// Stores a Chakra key of unknown team, as an earlier version did; nothing opens it.
    ///
    /// # Panics
    ///
    /// When Postgres refuses it.
    pub async fn store_of_unknown_team(&self, tenant: TenantId) {
        let mut connection = self.database.inside().disable_statement_logging().connect().await.expect("connects");
        let statement = "insert into chakra_keys (tenant_id, chakra_key_id, name, access_token, fingerprint, last4)
            values ($1, $2, 'Old', '\\x00', '\\x00', 'abcd')";
        let insert = sqlx::query(statement).bind(tenant.uuid()).bind(Uuid::now_v7());
        insert.execute(&mut connection).await.expect("the owner may");
    }

    /// The log of a tenant's calls, newest first, once everything that waits has been written. Nothing that comes
    /// later is written any more. Not for a core whose tasks were started: its own writer has the queue.
    ///
    /// # Panics
    ///
    /// When Postgres refuses it.
    pub async fn request_log(&self, tenant: TenantId) -> Vec<RequestEntry> {
        self.core.write_behind.write_rest().await;
        let mut tx = self.core.db.begin_system(tenant).await.expect("a transaction begins");
        let page = Page { limit: 100, after: None };
        let rows =
            tx.requests(Reach::ALL.customers(), &RequestFilter::default(), page).await.expect("the log can be read");
        rows.data.into_iter().map(|(_, row)| row).collect()
    }
}

/// Fifteen digits that nobody else has.
fn digits() -> String {
    format!("{:015}", Uuid::new_v4().as_u128() % 1_000_000_000_000_000)
}

/// A database and the login role that acts on it; both are dropped with it.
#[derive(Debug)]
struct Database {
    /// Both have this name: lower-case letters, digits and underscores.
    name: String,
    maintenance: PgConnectOptions,
}

impl Database {
    /// Makes both, migrates, and gives the URL of the service.
    async fn create() -> (Self, SecretString) {
        let url = std::env::var("DATABASE_URL").expect("DATABASE_URL names a Postgres for tests");
        let maintenance = PgConnectOptions::from_str(&url).expect("DATABASE_URL is a Postgres URL");
        let database = Self { name: format!("portico_test_{}", Uuid::new_v4().simple()), maintenance };
        let (name, password) = (&database.name, Uuid::new_v4().simple().to_string());
        let role = format!("create role \"{name}\" login password '{password}'");
        let made = database.execute(&[role, format!("create database \"{name}\"")]).await;
        made.expect("the owner may make roles and databases");
        let inside = database.inside();
        let owner_url = SecretString::from(inside.to_url_lossy().to_string());
        migrate(&owner_url).await.expect("an empty database can be migrated");
        grant_service(&owner_url, name).await.expect("the owner may grant the service's role");
        let service_url = inside.username(name).password(&password).to_url_lossy().to_string();
        (database, service_url.into())
    }

    /// How the owner connects to it.
    fn inside(&self) -> PgConnectOptions {
        self.maintenance.clone().database(&self.name)
    }

    async fn execute(&self, statements: &[String]) -> Result<(), sqlx::Error> {
        let mut connection = self.maintenance.clone().disable_statement_logging().connect().await?;
        for statement in statements {
            sqlx::raw_sql(AssertSqlSafe(statement.clone())).execute(&mut connection).await?;
        }
        Ok(())
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let name = &self.name;
        let statements = [format!("drop database \"{name}\" with (force)"), format!("drop role \"{name}\"")];
        // The test's own runtime may be about to end, and cannot be waited for from within.
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                // What is left over harms nobody, and a test that fails must say why itself.
                let _ = runtime.map(|runtime| runtime.block_on(self.execute(&statements)));
            });
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_database_is_dropped_with_its_core() {
        let kit = TestCore::on_postgres().await;
        let tenant = kit.add_tenant().await;
        assert!(kit.request_log(tenant.id).await.is_empty());
        let (name, maintenance) = (kit.database.name.clone(), kit.database.maintenance.clone());
        drop(kit);
        let gone = maintenance.clone().database(&name).connect().await.expect_err("is dropped");
        assert_eq!(gone.as_database_error().and_then(sqlx::error::DatabaseError::code).as_deref(), Some("3D000"));
        maintenance.connect().await.expect("the server is still there");
    }
}
