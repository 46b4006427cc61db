//! The procedures that migrations call instead of repeating what the first ones wrote out.

use serde_json::Value;
use sqlx::{PgConnection, PgPool};

static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!("../../migrations");

/// What the catalog says of a table's fence: security, policies, rights, triggers.
async fn fence(connection: &mut PgConnection, table: &str) -> Value {
    sqlx::query_scalar(
        "select jsonb_build_object(
            'security', array[c.relrowsecurity, c.relforcerowsecurity],
            'policies', (
                select jsonb_agg(jsonb_build_array(p.polname, p.polcmd, p.polpermissive, p.polroles::regrole[]::text[],
                    pg_get_expr(p.polqual, c.oid), pg_get_expr(p.polwithcheck, c.oid)))
                from pg_policy p where p.polrelid = c.oid
            ),
            'rights', (
                select jsonb_agg(jsonb_build_array(a.grantee::regrole, a.privilege_type) order by a.grantee::regrole::text, a.privilege_type)
                from aclexplode(c.relacl) a where a.grantee <> c.relowner
            ),
            'triggers', (
                select jsonb_agg(replace(pg_get_triggerdef(t.oid), c.relname, 'the_table'))
                from pg_trigger t where t.tgrelid = c.oid and not t.tgisinternal
            )
        ) from pg_class c where c.oid = $1::regclass",
    )
    .bind(table)
    .fetch_one(connection)
    .await
    .expect("the catalog can be read")
}

async fn run(connection: &mut PgConnection, statements: &'static str) {
    sqlx::raw_sql(statements).execute(connection).await.unwrap_or_else(|error| panic!("{statements}: {error}"));
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_table_is_fenced_as_those_that_wrote_it_out(owner: PgPool) {
    let mut tx = owner.begin().await.expect("begins");
    // Nothing may come from the rights that new tables have anyway.
    run(&mut tx, "alter default privileges in schema public revoke select, delete on tables from portico_eraser").await;
    run(&mut tx, "create table changing (tenant_id uuid not null); call portico_fence('changing'); call portico_announce('changing')").await;
    run(&mut tx, "create table growing (tenant_id uuid not null); call portico_fence('growing', 'select, insert')")
        .await;
    run(&mut tx, "create table seen (tenant_id uuid not null); call portico_fence('seen'); call portico_announce('seen', 'delete')").await;
    for (new, old) in [("changing", "customers"), ("growing", "audit_log"), ("seen", "member_sessions")] {
        let mut expected = fence(&mut tx, old).await;
        // The ways across tenants are beside the point.
        expected["policies"].as_array_mut().expect("has policies").retain(|policy| policy[0] == "tenant");
        assert_eq!(fence(&mut tx, new).await, expected, "{new} and {old}");
        assert!(expected["rights"].as_array().is_some_and(|rights| rights.len() >= 4), "{expected}");
    }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn functions_are_given_away_by_an_owner_who_is_no_superuser_and_keeps_nothing(owner: PgPool) {
    // Roles belong to the whole server; none outlives this transaction.
    let mut tx = owner.begin().await.expect("begins");
    run(
        &mut tx,
        "create role portico_test_migrator createrole;
         grant usage, create on schema public to portico_test_migrator with grant option;
         grant execute on all procedures in schema public to portico_test_migrator;
         grant usage on schema public to portico_test_migrator;
         set local role portico_test_migrator;
         create role portico_test_owner;
         create function one() returns integer language sql security definer set search_path = public, pg_temp as 'select 1';
         create function \"Two\"(a integer, b text) returns integer language sql as 'select 2';
         call portico_own_functions('portico_test_owner', 'one()', '\"Two\"(integer, text)')",
    )
    .await;
    let owners = "select array_agg(proowner::regrole::text || ':' || array_to_string(array(
            select a.grantee::regrole::text from aclexplode(proacl) a order by 1), ',') order by proname)
         from pg_proc where proname in ('one', 'Two')";
    let owners: Vec<String> = sqlx::query_scalar(owners).fetch_one(&mut *tx).await.expect("asks");
    assert_eq!(owners, ["portico_test_owner:portico_service,portico_test_owner"; 2]);

    // Replacing one later.
    run(
        &mut tx,
        "call portico_as_member('portico_test_owner', $sql$
            create or replace function one() returns integer language sql security definer set search_path = public, pg_temp as 'select 11';
         $sql$)",
    )
    .await;
    let kept: (String, bool, bool, bool) = sqlx::query_as(
        "select current_user::text, pg_has_role('portico_test_owner', 'usage'),
            has_schema_privilege('portico_test_owner', 'public', 'create'), prosrc = 'select 11'
         from pg_proc where proname = 'one'",
    )
    .fetch_one(&mut *tx)
    .await
    .expect("asks");
    assert_eq!(kept, ("portico_test_migrator".to_owned(), false, false, true));
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn nobody_but_the_owner_may_call_them(owner: PgPool) {
    let callable: Vec<String> = sqlx::query_scalar(
        "select p.oid::regprocedure::text || ' by ' || r.rolname
         from pg_proc p, pg_roles r
         where p.pronamespace = 'public'::regnamespace and p.prokind = 'p'
            and r.rolname in ('portico_service', 'portico_resolver', 'portico_eraser')
            and (p.prosecdef or has_function_privilege(r.oid, p.oid, 'execute'))",
    )
    .fetch_all(&owner)
    .await
    .expect("the catalog can be read");
    assert_eq!(callable, Vec::<String>::new());
}
