//! Members' sessions in browsers, of which only the hash of the cookie's token is kept.

use portico_auth::{MemberRecord, SessionRecord};
use portico_domain::{BuiltInRole, MemberId, PermissionSet, SessionId};
use time::OffsetDateTime;

use crate::db::TenantTx;
use crate::error::StorageError;
use crate::role::permission_set;

/// A session to insert.
#[derive(Debug, Clone)]
pub struct NewSession {
    /// The id, which the caller generates.
    pub id: SessionId,
    /// The member who signed in.
    pub member: MemberId,
    /// The hash of the token in the cookie.
    pub token_hash: [u8; 32],
    /// When it ends at the latest.
    pub expires_at: OffsetDateTime,
}

/// What a member's role allows, built in or the tenant's own.
fn permissions(built_in: Option<&str>, own: Option<&[String]>) -> Result<PermissionSet, StorageError> {
    match built_in {
        Some(name) => {
            let role = name.parse::<BuiltInRole>();
            Ok(role.map_err(|error| StorageError::corrupt("members.built_in_role", error))?.permissions())
        }
        None => Ok(permission_set(own.unwrap_or_default())),
    }
}

impl TenantTx {
    /// Stores a session, and that its member signed in now.
    ///
    /// # Errors
    ///
    /// [`StorageError::Broken`] when the member is gone (`Reference`).
    pub async fn insert_session(&mut self, new: &NewSession) -> Result<(), StorageError> {
        sqlx::query!(
            r#"
            insert into member_sessions (tenant_id, session_id, member_id, token_hash, expires_at)
            values ($1, $2, $3, $4, $5)
            "#,
            self.tenant.uuid(),
            new.id.uuid(),
            new.member.uuid(),
            &new.token_hash[..],
            new.expires_at
        )
        .execute(&mut *self.tx)
        .await?;
        sqlx::query!(
            "update members set last_signed_in_at = now() where tenant_id = $1 and member_id = $2",
            self.tenant.uuid(),
            new.member.uuid()
        )
        .execute(&mut *self.tx)
        .await?;
        Ok(())
    }

    /// What authentication needs of a session; none when there is no such session. It may have expired.
    ///
    /// # Errors
    ///
    /// [`StorageError::Corrupt`] when a row cannot be read, else as [every call](crate#errors).
    pub async fn session_record(&mut self, id: SessionId) -> Result<Option<SessionRecord>, StorageError> {
        let row = sqlx::query!(
            r#"
            select
                s.member_id,
                s.last_seen_at,
                s.expires_at,
                t.status,
                m.built_in_role,
                m.tokens_not_before,
                r.permissions as "permissions?"
            from member_sessions s
            join members m on m.tenant_id = s.tenant_id and m.member_id = s.member_id
            join tenants t on t.tenant_id = s.tenant_id
            left join roles r on r.tenant_id = m.tenant_id and r.role_id = m.role_id
            where s.tenant_id = $1 and s.session_id = $2
            "#,
            self.tenant.uuid(),
            id.uuid()
        )
        .fetch_optional(&mut *self.tx)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let permissions = permissions(row.built_in_role.as_deref(), row.permissions.as_deref())?;
        Ok(Some(SessionRecord {
            id,
            member: MemberId::from_uuid(row.member_id),
            tenant: self.tenant,
            tenant_status: row.status.parse().map_err(|error| StorageError::corrupt("tenants.status", error))?,
            permissions,
            last_seen_at: row.last_seen_at,
            expires_at: row.expires_at,
            tokens_not_before: row.tokens_not_before,
        }))
    }

    /// What authentication needs of a member who acts without a session, through a token; none when there is
    /// no such member.
    ///
    /// # Errors
    ///
    /// [`StorageError::Corrupt`] when a row cannot be read, else as [every call](crate#errors).
    pub async fn member_record(&mut self, id: MemberId) -> Result<Option<MemberRecord>, StorageError> {
        let row = sqlx::query!(
            r#"
            select
                t.status,
                m.built_in_role,
                m.tokens_not_before,
                r.permissions as "permissions?"
            from members m
            join tenants t on t.tenant_id = m.tenant_id
            left join roles r on r.tenant_id = m.tenant_id and r.role_id = m.role_id
            where m.tenant_id = $1 and m.member_id = $2
            "#,
            self.tenant.uuid(),
            id.uuid()
        )
        .fetch_optional(&mut *self.tx)
        .await?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(MemberRecord {
            id,
            tenant: self.tenant,
            tenant_status: row.status.parse().map_err(|error| StorageError::corrupt("tenants.status", error))?,
            permissions: permissions(row.built_in_role.as_deref(), row.permissions.as_deref())?,
            tokens_not_before: row.tokens_not_before,
        }))
    }

    /// Records that a session is in use, at most once a minute.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn touch_session(&mut self, id: SessionId) -> Result<(), StorageError> {
        sqlx::query!(
            r#"
            update member_sessions set last_seen_at = now()
            where tenant_id = $1 and session_id = $2 and last_seen_at < now() - interval '1 minute'
            "#,
            self.tenant.uuid(),
            id.uuid()
        )
        .execute(&mut *self.tx)
        .await?;
        Ok(())
    }

    /// Deletes a session; false when there is none.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn delete_session(&mut self, id: SessionId) -> Result<bool, StorageError> {
        let done = sqlx::query!(
            "delete from member_sessions where tenant_id = $1 and session_id = $2",
            self.tenant.uuid(),
            id.uuid()
        )
        .execute(&mut *self.tx)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Deletes every session of a member.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn delete_sessions_of(&mut self, member: MemberId) -> Result<(), StorageError> {
        sqlx::query!(
            "delete from member_sessions where tenant_id = $1 and member_id = $2",
            self.tenant.uuid(),
            member.uuid()
        )
        .execute(&mut *self.tx)
        .await?;
        Ok(())
    }

    /// Deletes the sessions that have expired or were not seen since that moment, and gives how many.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn delete_dead_sessions(&mut self, unseen_since: OffsetDateTime) -> Result<u64, StorageError> {
        let done = sqlx::query!(
            "delete from member_sessions where tenant_id = $1 and (expires_at <= now() or last_seen_at <= $2)",
            self.tenant.uuid(),
            unseen_since
        )
        .execute(&mut *self.tx)
        .await?;
        Ok(done.rows_affected())
    }
}
