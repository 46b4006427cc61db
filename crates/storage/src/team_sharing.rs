//! Which tenants may share whose Chakra team, by leave of the operator.

use portico_domain::{TeamSharing, TenantId};

use crate::db::TenantTx;
use crate::error::StorageError;
use crate::page::{Page, PageRows};

impl TenantTx {
    /// Lets the tenant store keys of teams that the other one holds; false when it may already.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn allow_team_sharing(&mut self, with: TenantId) -> Result<bool, StorageError> {
        let done = sqlx::query!(
            "insert into team_sharing (tenant_id, with_tenant_id) values ($1, $2) on conflict do nothing",
            self.tenant.uuid(),
            with.uuid()
        )
        .execute(&mut *self.tx)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Whose teams the tenant may share, in order of their ids.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn team_sharing(&mut self, page: Page<TenantId>) -> Result<PageRows<TeamSharing>, StorageError> {
        let rows = sqlx::query!(
            r#"
            select
                with_tenant_id,
                created_at
            from team_sharing
            where tenant_id = $1 and ($2::uuid is null or with_tenant_id > $2)
            order by with_tenant_id
            limit $3
            "#,
            self.tenant.uuid(),
            page.after.map(TenantId::uuid),
            page.fetch()
        )
        .fetch_all(&mut *self.tx)
        .await?;
        let shown = |with, created_at| TeamSharing { with: TenantId::from_uuid(with), created_at };
        Ok(page.cut(rows.into_iter().map(|row| shown(row.with_tenant_id, row.created_at)).collect()))
    }

    /// Takes the leave back; false when there is none.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn end_team_sharing(&mut self, with: TenantId) -> Result<bool, StorageError> {
        let done = sqlx::query!(
            "delete from team_sharing where tenant_id = $1 and with_tenant_id = $2",
            self.tenant.uuid(),
            with.uuid()
        )
        .execute(&mut *self.tx)
        .await?;
        Ok(done.rows_affected() == 1)
    }
}

#[cfg(test)]
mod tests {
    use portico_domain::ChakraKeyId;
    use sqlx::PgPool;
    use sqlx::postgres::PgPoolOptions;

    use super::*;
    use crate::{ChakraTeam, Db, NewChakraKey};

    const TEAM: [u8; 32] = [1; 32];
    const OTHER: [u8; 32] = [2; 32];

    struct Fixture {
        owner: PgPool,
        db: Db,
    }

    impl Fixture {
        async fn new(owner: PgPool) -> Self {
            let pool = PgPoolOptions::new().max_connections(2).after_connect(|connection, _| {
                Box::pin(async move { sqlx::query("set role portico_service").execute(connection).await.map(|_| ()) })
            });
            let pool = pool.connect_with((*owner.connect_options()).clone()).await;
            Self { owner, db: Db::of(pool.expect("the service's role can be taken")) }
        }

        async fn tenant(&self) -> TenantId {
            let tenant = TenantId::generate();
            let insert = sqlx::query("insert into tenants (tenant_id, name) values ($1, 'T')").bind(tenant.uuid());
            insert.execute(&self.owner).await.expect("a tenant can be made");
            tenant
        }

        async fn store(&self, tenant: TenantId, team: [u8; 32]) -> ChakraKeyId {
            let id = ChakraKeyId::generate();
            let new = NewChakraKey {
                id,
                name: id.to_string().parse().expect("is a name"),
                description: None,
                access_token: vec![0],
                fingerprint: std::array::from_fn(|at| id.uuid().as_bytes()[at % 16]),
                last4: "abcd".to_owned(),
                is_default: false,
                team: ChakraTeam { fingerprint: team, name: None },
            };
            let mut tx = self.db.begin_system(tenant).await.expect("begins");
            tx.insert_chakra_key(&new).await.expect("is written");
            tx.commit().await.expect("commits");
            id
        }

        async fn is_shared(&self, tenant: TenantId, team: [u8; 32]) -> bool {
            self.db.begin_system(tenant).await.expect("begins").team_is_shared(&team).await.expect("is asked")
        }

        async fn is_taken(&self, tenant: TenantId, team: [u8; 32]) -> bool {
            self.db.begin_system(tenant).await.expect("begins").team_is_taken(&team).await.expect("is asked")
        }

        async fn leave(&self, tenant: TenantId, with: TenantId, given: bool) {
            let mut tx = self.db.begin_system(tenant).await.expect("begins");
            let changed = if given { tx.allow_team_sharing(with).await } else { tx.end_team_sharing(with).await };
            assert!(changed.expect("is written"));
            tx.commit().await.expect("commits");
        }
    }

    #[sqlx::test(migrator = "crate::migrate::MIGRATOR")]
    async fn a_team_is_its_first_holders_and_others_need_leave_for_that_pair(owner: PgPool) {
        let fixture = Fixture::new(owner).await;
        let (first, second, third) = (fixture.tenant().await, fixture.tenant().await, fixture.tenant().await);
        assert!(!fixture.is_taken(second, TEAM).await, "nobody holds it");
        fixture.store(first, TEAM).await;
        assert!(!fixture.is_taken(first, TEAM).await && !fixture.is_taken(second, OTHER).await);
        assert!(fixture.is_taken(second, TEAM).await);
        fixture.leave(second, third, true).await;
        fixture.leave(first, second, true).await;
        assert!(fixture.is_taken(second, TEAM).await, "leave for another pair, and the other way round");
        fixture.leave(second, first, true).await;
        assert!(!fixture.is_taken(second, TEAM).await && fixture.is_taken(third, TEAM).await);
        fixture.store(second, TEAM).await;
        fixture.leave(third, first, true).await;
        assert!(fixture.is_taken(third, TEAM).await, "leave to share with one of two holders");
        fixture.leave(second, first, false).await;
        fixture.leave(first, second, false).await;
        assert!(fixture.is_taken(second, TEAM).await, "the leave was taken back");
        assert!(!fixture.is_taken(first, TEAM).await, "who came first needs no leave");
    }

    #[sqlx::test(migrator = "crate::migrate::MIGRATOR")]
    async fn a_team_is_shared_with_whoever_may_be_in_it(owner: PgPool) {
        let fixture = Fixture::new(owner).await;
        let (ours, theirs) = (fixture.tenant().await, fixture.tenant().await);
        fixture.store(ours, TEAM).await;
        assert!(!fixture.is_shared(ours, TEAM).await);
        let unknown = fixture.store(theirs, OTHER).await;
        assert!(!fixture.is_shared(ours, TEAM).await && !fixture.is_shared(theirs, OTHER).await);
        // A key of an earlier version may be of any team.
        let forget = sqlx::query("update chakra_keys set team_fingerprint = null where chakra_key_id = $1");
        forget.bind(unknown.uuid()).execute(&fixture.owner).await.expect("the owner may");
        assert!(fixture.is_shared(ours, TEAM).await);
        let mut tx = fixture.db.begin_system(theirs).await.expect("begins");
        let fingerprint: [u8; 32] = std::array::from_fn(|at| unknown.uuid().as_bytes()[at % 16]);
        let known = ChakraTeam { fingerprint: OTHER, name: None };
        assert!(tx.mark_chakra_key_verified(unknown, &fingerprint, Some(&known)).await.expect("runs"));
        // What Chakra does not tell stays as it was known.
        assert!(tx.mark_chakra_key_verified(unknown, &fingerprint, None).await.expect("runs"));
        tx.commit().await.expect("commits");
        assert!(!fixture.is_shared(ours, TEAM).await);

        let left = fixture.store(theirs, TEAM).await;
        assert!(fixture.is_shared(ours, TEAM).await && fixture.is_shared(theirs, TEAM).await);
        let mut tx = fixture.db.begin_system(theirs).await.expect("begins");
        assert!(tx.delete_chakra_key(left).await.expect("runs"));
        tx.commit().await.expect("commits");
        assert!(fixture.is_shared(ours, TEAM).await, "what it made is still in the team");
        let mut tx = fixture.db.begin_system(theirs).await.expect("begins");
        assert!(tx.erase_tenant().await.expect("runs"));
        tx.commit().await.expect("commits");
        assert!(!fixture.is_shared(ours, TEAM).await, "an erased tenant is in no team");
    }
}
