//! Backups: they hold the rows of every table, say so, and can be put back by an owner who is no superuser.

use portico_storage::{BackupError, RestoreError, backup, grant_backup, migrate, restore};
use secrecy::SecretString;
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, PgConnection};

use super::*;

/// A database beside that of the test, and its owner; both go with [`Beside::drop`].
struct Beside {
    name: String,
    maintenance: PgConnectOptions,
    owner: PgConnectOptions,
}

impl Beside {
    /// A new database that belongs to a new role, which may make roles and is no superuser.
    async fn create(owner: &PgPool) -> Self {
        let name = format!("portico_restored_{}", Uuid::new_v4().simple());
        let maintenance = (*owner.connect_options()).clone();
        execute(owner, format!("create role \"{name}\" login createrole password 'restores'")).await;
        execute(owner, format!("create database \"{name}\" owner \"{name}\"")).await;
        let options = maintenance.clone().database(&name);
        Self { owner: options.username(&name).password("restores"), name, maintenance }
    }

    fn owner_url(&self) -> SecretString {
        url(&self.owner)
    }

    /// Connects as the superuser of the test.
    async fn connect(&self) -> PgConnection {
        self.maintenance.clone().database(&self.name).connect().await.expect("connects")
    }

    async fn drop(self) {
        let mut connection = self.maintenance.connect().await.expect("connects");
        for statement in ["drop database", "drop role"] {
            let statement = AssertSqlSafe(format!("{statement} \"{}\"", self.name));
            sqlx::raw_sql(statement).execute(&mut connection).await.expect("is dropped");
        }
    }
}

fn url(options: &PgConnectOptions) -> SecretString {
    options.to_url_lossy().to_string().into()
}

async fn execute(owner: &PgPool, statement: String) {
    sqlx::raw_sql(AssertSqlSafe(statement.clone())).execute(owner).await.unwrap_or_else(|e| panic!("{statement}: {e}"));
}

/// Every row of every table but those of migrations and of processes, as texts in order.
async fn rows(connection: &mut PgConnection) -> Vec<(String, Vec<String>)> {
    let tables: Vec<String> = sqlx::query_scalar(
        "select relname::text from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')
            and relname not in ('_sqlx_migrations', 'partitioned_tables', 'replicas', 'schema_support', 'table_registry') order by 1",
    )
    .fetch_all(&mut *connection)
    .await
    .expect("the catalog can be read");
    let mut all = Vec::new();
    for table in tables {
        let select = AssertSqlSafe(format!("select t::text from {table} t order by 1"));
        let rows = sqlx::query_scalar(select).fetch_all(&mut *connection).await.expect("superusers see all");
        all.push((table, rows));
    }
    all
}

/// Force of row-level security and state of triggers of every table.
async fn fences(connection: &mut PgConnection) -> Vec<(String, bool, bool, Option<String>)> {
    sqlx::query_as(
        "select c.relname::text, c.relrowsecurity, c.relforcerowsecurity,
            string_agg(t.tgname || t.tgenabled::text, ',' order by t.tgname)
         from pg_class c left join pg_trigger t on t.tgrelid = c.oid and not t.tgisinternal
         where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
         group by c.oid order by 1",
    )
    .fetch_all(connection)
    .await
    .expect("the catalog can be read")
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_backup_holds_every_row_and_is_put_back_by_an_owner_who_is_no_superuser(owner: PgPool) {
    let owner_url = url(&owner.connect_options());
    migrate(&owner_url).await.expect("backups are let in");
    seed(&owner).await;
    seed(&owner).await;
    execute(&owner, "insert into operator (canary, fingerprint_key) values ('\\x01026b31', '\\x00')".to_owned()).await;
    let awkward = "update outbox set event_type = E'tab\\t line\\n back\\\\slash \\U0001F600 \\\\.'";
    execute(&owner, awkward.to_owned()).await;
    let role = format!("portico_reads_{}", Uuid::new_v4().simple());
    execute(&owner, format!("create role \"{role}\" login password 'reads'")).await;
    let reader = url(&owner.connect_options().as_ref().clone().username(&role).password("reads"));

    // Whoever would not see every row gets no backup.
    let refused = backup(&reader, false, &mut Vec::new()).await.expect_err("the role was not let in");
    assert!(matches!(&refused, BackupError::NotReader(name) if *name == role), "{refused:?}");
    grant_backup(&owner_url, &role).await.expect("the owner may grant");
    execute(&owner, "drop policy backup on customers; create table later (tenant_id uuid)".to_owned()).await;
    let refused = backup(&reader, false, &mut Vec::new()).await.expect_err("two tables are closed");
    assert!(matches!(&refused, BackupError::Hidden(tables) if tables == &["customers", "later"]), "{refused:?}");
    execute(&owner, "drop table later".to_owned()).await;
    migrate(&owner_url).await.expect("what is new is opened");

    let mut file = Vec::new();
    let held = backup(&reader, false, &mut file).await.expect("the role sees every row");
    let mut here = owner.acquire().await.expect("connects").detach();
    let expected = rows(&mut here).await;
    for (table, rows) in &expected {
        assert_eq!(held.rows(table), rows.len() as u64, "{table}");
    }
    assert!(expected.iter().filter(|(_, rows)| !rows.is_empty()).count() >= 22, "{held:?}");
    assert_eq!((held.rows("tenants"), held.tables.len()), (2, expected.len()));
    assert!(held.master_keys.iter().any(|id| id.as_str() == "k1"), "{held:?}");

    // One that is cut off is not put back, not even in part; a whole one is, once.
    let beside = Beside::create(&owner).await;
    for length in [0, file.len() / 2, file.len() - 1] {
        let cut = restore(&beside.owner_url(), &mut &file[..length]).await.expect_err("it is cut off");
        assert!(matches!(cut, RestoreError::Malformed(_)), "{cut:?}");
    }
    let put_back = restore(&beside.owner_url(), &mut file.as_slice()).await.expect("is put back");
    assert_eq!(put_back, held);
    let mut there = beside.connect().await;
    assert_eq!(rows(&mut there).await, expected);
    assert_eq!(fences(&mut there).await, fences(&mut here).await);
    let again = restore(&beside.owner_url(), &mut file.as_slice()).await.expect_err("it holds rows");
    assert!(matches!(again, RestoreError::NotEmpty(_)), "{again:?}");
    there.close().await.expect("closes");
    beside.drop().await;

    execute(&owner, "truncate tenants cascade".to_owned()).await;
    let empty = backup(&reader, false, &mut Vec::new()).await.expect_err("there is no tenant");
    assert!(matches!(empty, BackupError::Empty("tenant")), "{empty:?}");
    assert_eq!(backup(&reader, true, &mut Vec::new()).await.expect("is allowed").rows("tenants"), 0);
    execute(&owner, format!("drop owned by \"{role}\"; drop role \"{role}\"")).await;
}
