//! Invitations, of which only the hash of the token is kept.

use portico_domain::{BuiltInRole, Email, Invitation, InvitationId, InvitationStatus, Name, RoleId, RoleName};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::api_key::{StoredRole, role_columns};
use crate::db::TenantTx;
use crate::error::StorageError;
use crate::page::{Page, PageRows};

/// `invited_by` of invitations that the operator made.
const OPERATOR: &str = "operator";

/// An invitation to insert.
#[derive(Debug, Clone)]
pub struct NewInvitation {
    /// The id, which the caller generates.
    pub id: InvitationId,
    /// The address of the person who is invited.
    pub email: Email,
    /// What people call that person.
    pub name: Option<Name>,
    /// The role that the member gets.
    pub role: StoredRole,
    /// The name of that role now; it is shown when the role is gone.
    pub role_name: RoleName,
    /// The hash of the token in the link.
    pub token_hash: [u8; 32],
    /// Who invites: `operator`, or the id of an API key or a member.
    pub invited_by: String,
    /// Until when it can be accepted.
    pub expires_at: OffsetDateTime,
}

/// What accepting an open invitation gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvitationGrant {
    /// The address that is invited.
    pub email: Email,
    /// What people call the person.
    pub name: Option<Name>,
    /// The role that the member gets.
    pub role: StoredRole,
    /// Whether the operator invited: only then a member may be given a new way to sign in.
    pub by_operator: bool,
}

#[derive(Debug)]
struct InvitationRow {
    invitation_id: Uuid,
    email: String,
    name: Option<String>,
    role: String,
    is_expired: bool,
    invited_by: String,
    created_at: OffsetDateTime,
    expires_at: OffsetDateTime,
    accepted_at: Option<OffsetDateTime>,
    revoked_at: Option<OffsetDateTime>,
}

impl TryFrom<InvitationRow> for Invitation {
    type Error = StorageError;

    fn try_from(row: InvitationRow) -> Result<Self, StorageError> {
        let status = match (row.accepted_at, row.revoked_at) {
            (Some(_), _) => InvitationStatus::Accepted,
            (None, Some(_)) => InvitationStatus::Revoked,
            (None, None) if row.is_expired => InvitationStatus::Expired,
            (None, None) => InvitationStatus::Open,
        };
        Ok(Self {
            id: InvitationId::from_uuid(row.invitation_id),
            email: email(&row.email)?,
            name: name(row.name)?,
            role: row.role.parse().map_err(|error| StorageError::corrupt("invitations.role_name", error))?,
            status,
            invited_by: row.invited_by,
            created_at: row.created_at,
            expires_at: row.expires_at,
            accepted_at: row.accepted_at,
            revoked_at: row.revoked_at,
        })
    }
}

fn email(text: &str) -> Result<Email, StorageError> {
    text.parse().map_err(|error| StorageError::corrupt("invitations.email", error))
}

fn name(text: Option<String>) -> Result<Option<Name>, StorageError> {
    text.map(Name::try_from).transpose().map_err(|error| StorageError::corrupt("invitations.name", error))
}

impl TenantTx {
    /// Stores an invitation. An expired one for the same address is revoked.
    ///
    /// # Errors
    ///
    /// [`StorageError::Broken`] when one for this address is open (`InvitationOpen`).
    pub async fn insert_invitation(&mut self, new: &NewInvitation) -> Result<(), StorageError> {
        sqlx::query!(
            r#"
            update invitations set revoked_at = now(), role_id = null
            where tenant_id = $1 and email = $2 and accepted_at is null and revoked_at is null and expires_at <= now()
            "#,
            self.tenant.uuid(),
            new.email.as_str()
        )
        .execute(&mut *self.tx)
        .await?;
        let (built_in, own) = role_columns(new.role);
        sqlx::query!(
            r#"
            insert into invitations
                (tenant_id, invitation_id, email, name, built_in_role, role_id, role_name, token_hash, invited_by, expires_at)
            values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
            "#,
            self.tenant.uuid(),
            new.id.uuid(),
            new.email.as_str(),
            new.name.as_ref().map(Name::as_str),
            built_in,
            own,
            new.role_name.as_str(),
            &new.token_hash[..],
            new.invited_by,
            new.expires_at
        )
        .execute(&mut *self.tx)
        .await?;
        Ok(())
    }

    /// A page of the tenant's invitations, oldest first; with an id only that one.
    ///
    /// # Errors
    ///
    /// [`StorageError::Corrupt`] when a row cannot be read, else as [every call](crate#errors).
    pub async fn invitations(
        &mut self,
        only: Option<InvitationId>,
        page: Page<InvitationId>,
    ) -> Result<PageRows<Invitation>, StorageError> {
        let rows = sqlx::query_as!(
            InvitationRow,
            r#"
            select
                i.invitation_id,
                i.email,
                i.name,
                coalesce(i.built_in_role, r.name, i.role_name) as "role!",
                i.expires_at <= now() as "is_expired!",
                i.invited_by,
                i.created_at,
                i.expires_at,
                i.accepted_at,
                i.revoked_at
            from invitations i
            left join roles r on r.tenant_id = i.tenant_id and r.role_id = i.role_id
            where i.tenant_id = $1
                and ($2::uuid is null or i.invitation_id = $2)
                and ($3::uuid is null or i.invitation_id > $3)
            order by i.invitation_id
            limit $4
            "#,
            self.tenant.uuid(),
            only.map(InvitationId::uuid),
            page.after.map(InvitationId::uuid),
            page.fetch()
        )
        .fetch_all(&mut *self.tx)
        .await?;
        Ok(page.cut(rows.into_iter().map(Invitation::try_from).collect::<Result<_, _>>()?))
    }

    /// Revokes an open or expired invitation; false when there is none.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn revoke_invitation(&mut self, id: InvitationId) -> Result<bool, StorageError> {
        let done = sqlx::query!(
            r#"
            update invitations set revoked_at = now(), role_id = null
            where tenant_id = $1 and invitation_id = $2 and accepted_at is null and revoked_at is null
            "#,
            self.tenant.uuid(),
            id.uuid()
        )
        .execute(&mut *self.tx)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// What an invitation gives, if it is open. Locks it until the transaction ends, so that it is accepted
    /// once.
    ///
    /// # Errors
    ///
    /// [`StorageError::Corrupt`] when a row cannot be read, else as [every call](crate#errors).
    pub async fn open_invitation(&mut self, id: InvitationId) -> Result<Option<InvitationGrant>, StorageError> {
        let row = sqlx::query!(
            r#"
            select email, name, built_in_role, role_id, invited_by
            from invitations
            where tenant_id = $1 and invitation_id = $2
                and accepted_at is null and revoked_at is null and expires_at > now()
            for update
            "#,
            self.tenant.uuid(),
            id.uuid()
        )
        .fetch_optional(&mut *self.tx)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let built_in = row.built_in_role.map(|name| name.parse::<BuiltInRole>().map(StoredRole::BuiltIn));
        let built_in =
            built_in.transpose().map_err(|error| StorageError::corrupt("invitations.built_in_role", error))?;
        let role = built_in.or_else(|| row.role_id.map(|id| StoredRole::Own(RoleId::from_uuid(id))));
        Ok(Some(InvitationGrant {
            email: email(&row.email)?,
            name: name(row.name)?,
            role: role.ok_or_else(|| StorageError::corrupt("invitations.role_id", "an open invitation has a role"))?,
            by_operator: row.invited_by == OPERATOR,
        }))
    }

    /// Marks an invitation as accepted.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn accept_invitation(&mut self, id: InvitationId) -> Result<(), StorageError> {
        sqlx::query!(
            "update invitations set accepted_at = now(), role_id = null where tenant_id = $1 and invitation_id = $2",
            self.tenant.uuid(),
            id.uuid()
        )
        .execute(&mut *self.tx)
        .await?;
        Ok(())
    }
}
