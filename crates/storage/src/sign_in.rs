//! What looks across tenants for people who sign in: from a token or a proved identity to its rows,
//! each through one of the schema's `resolve_…` functions; and the count of their attempts, which is
//! nobody's rows.

use portico_domain::{Email, InvitationId, MemberId, SessionId, TenantId};
use sqlx::postgres::types::PgInterval;
use time::{Duration, OffsetDateTime};

use crate::db::Db;
use crate::error::StorageError;
use crate::member::OidcAccount;

/// How many attempts are free, and how long the next one has to wait then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttemptLimit {
    /// So many attempts in a row cost no wait.
    pub free: i32,
    /// The first wait; each further attempt doubles it.
    pub first_wait: Duration,
    /// The longest wait.
    pub longest_wait: Duration,
    /// After such a time without an attempt the count begins anew.
    pub memory: Duration,
}

fn interval(duration: Duration) -> PgInterval {
    let microseconds = i64::try_from(duration.whole_microseconds()).unwrap_or(i64::MAX);
    PgInterval { months: 0, days: 0, microseconds }
}

impl Db {
    /// Whose session has this hash.
    ///
    /// # Errors
    ///
    /// [`StorageError`] when the database fails.
    pub async fn resolve_session(&self, hash: &[u8; 32]) -> Result<Option<(TenantId, SessionId)>, StorageError> {
        let row = sqlx::query!(
            r#"select tenant_id as "tenant_id!", session_id as "session_id!" from resolve_session($1)"#,
            &hash[..]
        )
        .fetch_optional(&mut *self.connection().await?)
        .await?;
        Ok(row.map(|row| (TenantId::from_uuid(row.tenant_id), SessionId::from_uuid(row.session_id))))
    }

    /// Whose invitation has this hash.
    ///
    /// # Errors
    ///
    /// [`StorageError`] when the database fails.
    pub async fn resolve_invitation(&self, hash: &[u8; 32]) -> Result<Option<(TenantId, InvitationId)>, StorageError> {
        let row = sqlx::query!(
            r#"select tenant_id as "tenant_id!", invitation_id as "invitation_id!" from resolve_invitation($1)"#,
            &hash[..]
        )
        .fetch_optional(&mut *self.connection().await?)
        .await?;
        Ok(row.map(|row| (TenantId::from_uuid(row.tenant_id), InvitationId::from_uuid(row.invitation_id))))
    }

    /// Who signs in with this address: at most 50 members, of as many tenants.
    ///
    /// # Errors
    ///
    /// [`StorageError`] when the database fails.
    pub async fn resolve_members_by_email(&self, email: &Email) -> Result<Vec<(TenantId, MemberId)>, StorageError> {
        let rows = sqlx::query!(
            r#"select tenant_id as "tenant_id!", member_id as "member_id!" from resolve_members_by_email($1)"#,
            email.as_str()
        )
        .fetch_all(&mut *self.connection().await?)
        .await?;
        Ok(rows
            .into_iter()
            .map(|row| (TenantId::from_uuid(row.tenant_id), MemberId::from_uuid(row.member_id)))
            .collect())
    }

    /// Who is bound to this account: at most 50 members, of as many tenants.
    ///
    /// # Errors
    ///
    /// [`StorageError`] when the database fails.
    pub async fn resolve_members_by_identity(
        &self,
        account: &OidcAccount,
    ) -> Result<Vec<(TenantId, MemberId)>, StorageError> {
        let rows = sqlx::query!(
            r#"select tenant_id as "tenant_id!", member_id as "member_id!" from resolve_members_by_identity($1, $2)"#,
            account.issuer,
            account.subject
        )
        .fetch_all(&mut *self.connection().await?)
        .await?;
        Ok(rows
            .into_iter()
            .map(|row| (TenantId::from_uuid(row.tenant_id), MemberId::from_uuid(row.member_id)))
            .collect())
    }

    /// Which open invitations wait for this address: at most 50.
    ///
    /// # Errors
    ///
    /// [`StorageError`] when the database fails.
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
        .fetch_all(&mut *self.connection().await?)
        .await?;
        Ok(rows
            .into_iter()
            .map(|row| (TenantId::from_uuid(row.tenant_id), InvitationId::from_uuid(row.invitation_id)))
            .collect())
    }

    /// In which tenants are sessions that ended or were not seen for so long.
    ///
    /// # Errors
    ///
    /// [`StorageError`] when the database fails.
    pub async fn tenants_with_dead_sessions(&self, idle: Duration) -> Result<Vec<TenantId>, StorageError> {
        let ids =
            sqlx::query_scalar!(r#"select tenant_id as "tenant_id!" from resolve_dead_sessions($1)"#, interval(idle))
                .fetch_all(&mut *self.connection().await?)
                .await?;
        Ok(ids.into_iter().map(TenantId::from_uuid).collect())
    }

    /// Counts an attempt before it is made, so that attempts at the same moment are counted too. Gives
    /// the time from which on it may be made, if that is not now: then it was not counted.
    ///
    /// # Errors
    ///
    /// [`StorageError`] when the database fails.
    pub async fn count_attempt(
        &self,
        bucket: &[u8; 32],
        limit: AttemptLimit,
    ) -> Result<Option<OffsetDateTime>, StorageError> {
        let mut connection = self.connection().await?;
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
        .fetch_optional(&mut *connection)
        .await?;
        if counted.is_some() {
            return Ok(None);
        }
        let until = sqlx::query_scalar!("select blocked_until from sign_in_attempts where bucket = $1", &bucket[..])
            .fetch_optional(&mut *connection)
            .await?;
        Ok(until.flatten())
    }

    /// Takes back an attempt that succeeded: forgets all of them, or that one only.
    ///
    /// # Errors
    ///
    /// [`StorageError`] when the database fails.
    pub async fn attempt_succeeded(&self, bucket: &[u8; 32], forget_all: bool) -> Result<(), StorageError> {
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
        .execute(&mut *self.connection().await?)
        .await?;
        Ok(())
    }

    /// Deletes the counts to which nothing was added for so long; how many.
    ///
    /// # Errors
    ///
    /// [`StorageError`] when the database fails.
    pub async fn forget_attempts(&self, older_than: Duration) -> Result<u64, StorageError> {
        let done =
            sqlx::query!("delete from sign_in_attempts where last_at < now() - $1::interval", interval(older_than))
                .execute(&mut *self.connection().await?)
                .await?;
        Ok(done.rows_affected())
    }
}
