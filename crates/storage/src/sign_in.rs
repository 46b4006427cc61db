//! Reading across tenants for people who sign in: from a token or a proved identity to its rows, each
//! through one of the schema's `resolve_…` functions; and the counts of attempts, which belong to no tenant.

use portico_domain::{Email, InvitationId, MemberId, SessionId, TenantId};
use sqlx::postgres::types::PgInterval;
use time::{Duration, OffsetDateTime};

use crate::db::Db;
use crate::error::StorageError;
use crate::member::OidcAccount;

/// How many attempts are free, and how long the next ones have to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttemptLimit {
    /// How many attempts in a row cost no wait.
    pub free: i32,
    /// The first wait; each further attempt doubles it.
    pub first_wait: Duration,
    /// The longest wait.
    pub longest_wait: Duration,
    /// After this time without an attempt the count begins anew.
    pub memory: Duration,
}

fn interval(duration: Duration) -> PgInterval {
    let microseconds = i64::try_from(duration.whole_microseconds()).unwrap_or(i64::MAX);
    PgInterval { months: 0, days: 0, microseconds }
}

impl Db {
    /// The tenant and the id of the session whose cookie's token has this hash.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn resolve_session(&self, hash: &[u8; 32]) -> Result<Option<(TenantId, SessionId)>, StorageError> {
        let row = sqlx::query!(
            r#"select tenant_id as "tenant_id!", session_id as "session_id!" from resolve_session($1)"#,
            &hash[..]
        )
        .fetch_optional(&mut *self.reading().await?)
        .await?;
        Ok(row.map(|row| (TenantId::from_uuid(row.tenant_id), SessionId::from_uuid(row.session_id))))
    }

    /// The tenant and the id of the invitation whose link's token has this hash.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn resolve_invitation(&self, hash: &[u8; 32]) -> Result<Option<(TenantId, InvitationId)>, StorageError> {
        let row = sqlx::query!(
            r#"select tenant_id as "tenant_id!", invitation_id as "invitation_id!" from resolve_invitation($1)"#,
            &hash[..]
        )
        .fetch_optional(&mut *self.reading().await?)
        .await?;
        Ok(row.map(|row| (TenantId::from_uuid(row.tenant_id), InvitationId::from_uuid(row.invitation_id))))
    }

    /// The members with this address, in all tenants: at most 50.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn resolve_members_by_email(&self, email: &Email) -> Result<Vec<(TenantId, MemberId)>, StorageError> {
        let rows = sqlx::query!(
            r#"select tenant_id as "tenant_id!", member_id as "member_id!" from resolve_members_by_email($1)"#,
            email.as_str()
        )
        .fetch_all(&mut *self.reading().await?)
        .await?;
        Ok(rows
            .into_iter()
            .map(|row| (TenantId::from_uuid(row.tenant_id), MemberId::from_uuid(row.member_id)))
            .collect())
    }

    /// The members that are bound to this account, in all tenants: at most 50.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn resolve_members_by_identity(
        &self,
        account: &OidcAccount,
    ) -> Result<Vec<(TenantId, MemberId)>, StorageError> {
        let rows = sqlx::query!(
            r#"select tenant_id as "tenant_id!", member_id as "member_id!" from resolve_members_by_identity($1, $2)"#,
            account.issuer,
            account.subject
        )
        .fetch_all(&mut *self.reading().await?)
        .await?;
        Ok(rows
            .into_iter()
            .map(|row| (TenantId::from_uuid(row.tenant_id), MemberId::from_uuid(row.member_id)))
            .collect())
    }

    /// The open invitations for this address, in all tenants: at most 50.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn resolve_invitations_by_email(
        &self,
        email: &Email,
    ) -> Result<Vec<(TenantId, InvitationId)>, StorageError> {
        let rows = sqlx::query!(
            r#"
            select tenant_id as "tenant_id!", invitation_id as "invitation_id!"
            from resolve_invitations_by_email($1)
            "#,
            email.as_str()
        )
        .fetch_all(&mut *self.reading().await?)
        .await?;
        Ok(rows
            .into_iter()
            .map(|row| (TenantId::from_uuid(row.tenant_id), InvitationId::from_uuid(row.invitation_id)))
            .collect())
    }

    /// The tenants with sessions that have expired or were not seen for this time.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn tenants_with_dead_sessions(&self, idle: Duration) -> Result<Vec<TenantId>, StorageError> {
        let ids =
            sqlx::query_scalar!(r#"select tenant_id as "tenant_id!" from resolve_dead_sessions($1)"#, interval(idle))
                .fetch_all(&mut *self.reading().await?)
                .await?;
        Ok(ids.into_iter().map(TenantId::from_uuid).collect())
    }

    /// Counts an attempt before it is made, so that attempts at the same moment are counted too. Gives none
    /// when it may be made now, else the time from which on one may be made; then it was not counted.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn count_attempt(
        &self,
        bucket: &[u8; 32],
        limit: AttemptLimit,
    ) -> Result<Option<OffsetDateTime>, StorageError> {
        let mut tx = self.writing().await?;
        let counted = sqlx::query_scalar!(
            r#"
            insert into sign_in_attempts as a (bucket, attempts) values ($1, 1)
            on conflict (bucket) do update set
                attempts = case when a.last_at < now() - $5::interval then 1 else least(a.attempts + 1, 1000000) end,
                last_at = now(),
                blocked_until = case
                    when a.last_at >= now() - $5::interval and a.attempts + 1 >= $2
                    then now() + least($3::interval * power(2, least(a.attempts + 1 - $2, 20)), $4::interval)
                end
            where a.blocked_until is null or a.blocked_until <= now()
            returning attempts
            "#,
            &bucket[..],
            limit.free,
            interval(limit.first_wait),
            interval(limit.longest_wait),
            interval(limit.memory)
        )
        .fetch_optional(&mut *tx)
        .await?;
        if counted.is_some() {
            tx.commit().await?;
            return Ok(None);
        }
        let until = sqlx::query_scalar!("select blocked_until from sign_in_attempts where bucket = $1", &bucket[..])
            .fetch_optional(&mut *tx)
            .await?;
        Ok(until.flatten())
    }

    /// Takes an attempt that succeeded out of the count, or with `forget_all` all of them, and ends the wait.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn attempt_succeeded(&self, bucket: &[u8; 32], forget_all: bool) -> Result<(), StorageError> {
        let mut tx = self.writing().await?;
        sqlx::query!(
            r#"
            update sign_in_attempts set
                attempts = case when $2 then 0 else greatest(attempts - 1, 0) end,
                blocked_until = null
            where bucket = $1
            "#,
            &bucket[..],
            forget_all
        )
        .execute(&mut *tx)
        .await?;
        Ok(tx.commit().await?)
    }

    /// Records that something which can be used once is used; false when it was used before. The record is
    /// deleted with the counts of attempts.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn use_once(&self, bucket: &[u8; 32]) -> Result<bool, StorageError> {
        let mut tx = self.writing().await?;
        let done = sqlx::query!(
            "insert into sign_in_attempts (bucket, attempts) values ($1, 1) on conflict (bucket) do nothing",
            &bucket[..]
        )
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(done.rows_affected() == 1)
    }

    /// Deletes the counts to which nothing was added for this time, and gives how many.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn forget_attempts(&self, older_than: Duration) -> Result<u64, StorageError> {
        let mut tx = self.writing().await?;
        let done =
            sqlx::query!("delete from sign_in_attempts where last_at < now() - $1::interval", interval(older_than))
                .execute(&mut *tx)
                .await?;
        tx.commit().await?;
        Ok(done.rows_affected())
    }
}

#[cfg(test)]
mod tests {
    use portico_domain::{BuiltInRole, Email};
    use sqlx::PgPool;
    use sqlx::postgres::PgPoolOptions;

    use super::*;
    use crate::api_key::StoredRole;
    use crate::invitation::NewInvitation;
    use crate::member::NewMember;
    use crate::member_session::NewSession;
    use crate::{Constraint, Page};

    static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!("../../migrations");

    const LIMIT: AttemptLimit = AttemptLimit {
        free: 3,
        first_wait: Duration::seconds(10),
        longest_wait: Duration::seconds(15),
        memory: Duration::hours(1),
    };

    /// The database as the service sees it.
    async fn db(owner: &PgPool) -> Db {
        let pool = PgPoolOptions::new()
            .max_connections(4)
            .after_connect(|connection, _| {
                Box::pin(async move { sqlx::query("set role portico_service").execute(connection).await.map(|_| ()) })
            })
            .connect_with((*owner.connect_options()).clone())
            .await;
        Db::of(pool.expect("the service's role can be taken"))
    }

    async fn tenant(owner: &PgPool) -> TenantId {
        let tenant = TenantId::generate();
        let insert = sqlx::query("insert into tenants (tenant_id, name) values ($1, 'T')").bind(tenant.uuid());
        insert.execute(owner).await.expect("the owner writes");
        tenant
    }

    fn email(text: &str) -> Email {
        text.parse().expect("is an address")
    }

    #[sqlx::test(migrator = "MIGRATOR")]
    async fn attempts_wait_longer_and_longer_and_a_success_forgets_them(owner: PgPool) {
        let db = db(&owner).await;
        let bucket = [1; 32];
        let attempt = async || db.count_attempt(&bucket, LIMIT).await.expect("counts");
        for _ in 0..3 {
            assert_eq!(attempt().await, None);
        }
        let wait = async || {
            let until = attempt().await.expect("waits");
            (until - OffsetDateTime::now_utc()).whole_seconds()
        };
        assert!((8..=10).contains(&wait().await), "the first wait");
        let over = async || {
            let past = "update sign_in_attempts set blocked_until = now() where bucket = $1";
            sqlx::query(past).bind(&bucket[..]).execute(&owner).await.expect("the owner writes");
        };
        over().await;
        assert_eq!(attempt().await, None, "after the wait there is one attempt");
        assert!((13..=15).contains(&wait().await), "the second wait, at its longest");
        over().await;
        db.attempt_succeeded(&bucket, true).await.expect("writes");
        for _ in 0..3 {
            assert_eq!(attempt().await, None, "all is forgotten");
        }
        assert!(attempt().await.is_some());
        assert_eq!(db.count_attempt(&[2; 32], LIMIT).await.expect("counts"), None, "others are not meant");
        let old = "update sign_in_attempts set last_at = now() - interval '2 hours', blocked_until = null";
        sqlx::query(old).execute(&owner).await.expect("the owner writes");
        assert_eq!(attempt().await, None, "an hour of rest begins anew");
        assert_eq!(db.forget_attempts(Duration::hours(1)).await.expect("deletes"), 1, "the other one");
    }

    #[sqlx::test(migrator = "MIGRATOR")]
    async fn attempts_at_the_same_moment_are_all_counted(owner: PgPool) {
        let db = db(&owner).await;
        let attempts = (0..12).map(|_| {
            let db = db.clone();
            tokio::spawn(async move { db.count_attempt(&[1; 32], LIMIT).await.expect("counts").is_none() })
        });
        let mut let_through = 0;
        for attempt in attempts.collect::<Vec<_>>() {
            let_through += usize::from(attempt.await.expect("does not panic"));
        }
        assert_eq!(let_through, 3);
    }

    #[sqlx::test(migrator = "MIGRATOR")]
    async fn what_can_be_used_once_is_used_once(owner: PgPool) {
        let db = db(&owner).await;
        assert!(db.use_once(&[1; 32]).await.expect("writes") && db.use_once(&[2; 32]).await.expect("writes"));
        assert!(!db.use_once(&[1; 32]).await.expect("writes"));
    }

    #[sqlx::test(migrator = "MIGRATOR")]
    async fn every_change_of_how_one_signs_in_is_another_epoch(owner: PgPool) {
        let (db, tenant) = (db(&owner).await, tenant(&owner).await);
        let id = MemberId::generate();
        let account = OidcAccount { issuer: "https://id.example.com".into(), subject: "1".into() };
        let role = StoredRole::BuiltIn(BuiltInRole::Viewer);
        let mut tx = db.begin_for(tenant).await.expect("begins");
        tx.insert_member(&NewMember { id, email: email("a@example.com"), name: None, role }).await.expect("stores");
        let mut epochs = Vec::new();
        for step in 0..4 {
            match step {
                1 => assert!(tx.set_member_password(id, "$argon2id$").await.expect("writes")),
                2 => assert!(tx.bind_member(id, &account).await.expect("writes")),
                3 => tx.forget_sign_in(id).await.expect("writes"),
                _ => {}
            }
            epochs.push(tx.sign_in_record(id).await.expect("reads").expect("is there").epoch);
        }
        assert_eq!(epochs, [0, 1, 2, 3]);
    }

    #[sqlx::test(migrator = "MIGRATOR")]
    async fn tokens_end_with_a_new_beginning_and_when_told(owner: PgPool) {
        let (db, tenant) = (db(&owner).await, tenant(&owner).await);
        let id = MemberId::generate();
        let role = StoredRole::BuiltIn(BuiltInRole::Viewer);
        let mut tx = db.begin_for(tenant).await.expect("begins");
        tx.insert_member(&NewMember { id, email: email("a@example.com"), name: None, role }).await.expect("stores");
        let until = async |tx: &mut crate::TenantTx| {
            tx.member_record(id).await.expect("reads").expect("is there").tokens_not_before
        };
        assert_eq!(until(&mut tx).await, None);
        tx.end_tokens_of(id).await.expect("writes");
        let first = until(&mut tx).await.expect("is set");
        tx.forget_sign_in(id).await.expect("writes");
        assert!(until(&mut tx).await.expect("is set") > first);
    }

    #[sqlx::test(migrator = "MIGRATOR")]
    async fn an_invitation_is_open_until_it_is_not(owner: PgPool) {
        let (db, tenant) = (db(&owner).await, tenant(&owner).await);
        let new = |hash: u8, days: i64| NewInvitation {
            id: InvitationId::generate(),
            email: email("a@example.com"),
            name: None,
            role: StoredRole::BuiltIn(BuiltInRole::Viewer),
            role_name: "viewer".parse().expect("is a name"),
            token_hash: [hash; 32],
            invited_by: "operator".to_owned(),
            expires_at: OffsetDateTime::now_utc() + Duration::days(days),
        };
        let (expired, open) = (new(1, -1), new(2, 1));
        let mut tx = db.begin_for(tenant).await.expect("begins");
        tx.insert_invitation(&expired).await.expect("is stored");
        assert_eq!(tx.open_invitation(expired.id).await.expect("reads"), None);
        tx.insert_invitation(&open).await.expect("an expired one is in nobody's way");
        assert!(tx.open_invitation(open.id).await.expect("reads").is_some_and(|grant| grant.by_operator));
        tx.commit().await.expect("commits");
        assert_eq!(db.resolve_invitation(&[2; 32]).await.expect("reads"), Some((tenant, open.id)));
        let waiting = db.resolve_invitations_by_email(&email("a@example.com")).await.expect("reads");
        assert_eq!(waiting, [(tenant, open.id)]);
        let mut tx = db.begin_for(tenant).await.expect("begins");
        let second = tx.insert_invitation(&new(3, 1)).await;
        assert!(matches!(second, Err(StorageError::Broken(Constraint::InvitationOpen))), "{second:?}");
        let mut tx = db.begin_for(tenant).await.expect("begins");
        tx.accept_invitation(open.id).await.expect("writes");
        assert_eq!(tx.open_invitation(open.id).await.expect("reads"), None);
        assert!(!tx.revoke_invitation(open.id).await.expect("writes"), "what was accepted is not taken back");
        let all = tx.invitations(None, Page { limit: 10, after: None }).await.expect("reads").data;
        assert_eq!(all.len(), 2);
    }

    #[sqlx::test(migrator = "MIGRATOR")]
    async fn a_session_leads_to_its_member_until_the_member_is_gone(owner: PgPool) {
        let (db, tenant) = (db(&owner).await, tenant(&owner).await);
        let member = MemberId::generate();
        let role = StoredRole::BuiltIn(BuiltInRole::Owner);
        let account = OidcAccount { issuer: "https://id.example.com".into(), subject: "1".into() };
        let session = NewSession {
            id: SessionId::generate(),
            member,
            token_hash: [4; 32],
            expires_at: OffsetDateTime::now_utc() + Duration::days(1),
        };
        let mut tx = db.begin_for(tenant).await.expect("begins");
        let new = NewMember { id: member, email: email("a@example.com"), name: None, role };
        tx.insert_member(&new).await.expect("is stored");
        tx.bind_member(member, &account).await.expect("is bound");
        tx.insert_session(&session).await.expect("is stored");
        assert_eq!(tx.ownership().await.expect("asks"), crate::Ownership::Lasting);
        tx.commit().await.expect("commits");
        assert_eq!(db.resolve_session(&[4; 32]).await.expect("reads"), Some((tenant, session.id)));
        assert_eq!(db.resolve_members_by_identity(&account).await.expect("reads"), [(tenant, member)]);
        assert_eq!(db.resolve_members_by_email(&new.email).await.expect("reads"), [(tenant, member)]);
        let mut tx = db.begin_for(tenant).await.expect("begins");
        let record = tx.session_record(session.id).await.expect("reads").expect("is there");
        assert_eq!((record.member, record.permissions), (member, BuiltInRole::Owner.permissions()));
        assert!(tx.delete_member(member).await.expect("deletes"));
        tx.commit().await.expect("commits");
        assert_eq!(db.resolve_session(&[4; 32]).await.expect("reads"), None);
    }

    #[sqlx::test(migrator = "MIGRATOR")]
    async fn ended_and_idle_sessions_are_thrown_away(owner: PgPool) {
        let (db, tenant) = (db(&owner).await, tenant(&owner).await);
        let member = MemberId::generate();
        let mut tx = db.begin_for(tenant).await.expect("begins");
        let role = StoredRole::BuiltIn(BuiltInRole::Viewer);
        tx.insert_member(&NewMember { id: member, email: email("a@example.com"), name: None, role })
            .await
            .expect("stores");
        for (hash, hours) in [(1, 1), (2, -1)] {
            let expires_at = OffsetDateTime::now_utc() + Duration::hours(hours);
            let session = NewSession { id: SessionId::generate(), member, token_hash: [hash; 32], expires_at };
            tx.insert_session(&session).await.expect("is stored");
        }
        tx.commit().await.expect("commits");
        assert_eq!(db.resolve_session(&[2; 32]).await.expect("reads"), None, "what ended leads nowhere");
        let dead = async || db.tenants_with_dead_sessions(Duration::hours(12)).await.expect("reads");
        assert_eq!(dead().await, [tenant]);
        let mut tx = db.begin_for(tenant).await.expect("begins");
        let since = OffsetDateTime::now_utc() - Duration::hours(12);
        assert_eq!(tx.delete_dead_sessions(since).await.expect("deletes"), 1);
        tx.commit().await.expect("commits");
        assert!(dead().await.is_empty() && db.resolve_session(&[1; 32]).await.expect("reads").is_some());
    }
}
