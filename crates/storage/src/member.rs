//! Members: people of a tenant and how they prove who they are.

use portico_domain::{Email, Member, MemberId, Name, RoleName};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::api_key::{StoredRole, role_columns};
use crate::db::TenantTx;
use crate::error::StorageError;
use crate::page::{Page, PageRows};

/// An account at an identity provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OidcAccount {
    /// The provider's issuer URL, exactly as it writes it.
    pub issuer: String,
    /// The account's `sub`, unique at that issuer.
    pub subject: String,
}

/// A member to insert.
#[derive(Debug, Clone)]
pub struct NewMember {
    /// The id, which the caller generates.
    pub id: MemberId,
    /// The address by which the person signs in, unique within the tenant.
    pub email: Email,
    /// What people call the person.
    pub name: Option<Name>,
    /// What the member may do.
    pub role: StoredRole,
}

/// What changes of a member; `None` leaves a field as it is.
#[derive(Debug, Clone, Default)]
pub struct MemberPatch {
    /// Another name, or none.
    pub name: Option<Option<Name>>,
    /// Another role.
    pub role: Option<StoredRole>,
}

/// How a member signs in. The password's hash is neither shown nor logged.
#[derive(Clone)]
pub struct SignInRecord {
    /// The password, hashed by [`portico_vault::HashedPassword`]; none: no password is set.
    pub password_hash: Option<String>,
    /// The account at the identity provider that the member is bound to.
    pub account: Option<OidcAccount>,
    /// Counts changes of password and account: a sign-in that began in another epoch is over.
    pub epoch: i64,
}

impl std::fmt::Debug for SignInRecord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SignInRecord").field("account", &self.account).finish_non_exhaustive()
    }
}

#[derive(Debug)]
struct MemberRow {
    member_id: Uuid,
    email: String,
    name: Option<String>,
    role: Option<String>,
    has_password: bool,
    has_identity: bool,
    created_at: OffsetDateTime,
    last_signed_in_at: Option<OffsetDateTime>,
}

impl TryFrom<MemberRow> for Member {
    type Error = StorageError;

    fn try_from(row: MemberRow) -> Result<Self, StorageError> {
        let role = row.role.ok_or_else(|| StorageError::corrupt("members.role_id", "no such role"))?;
        Ok(Self {
            id: MemberId::from_uuid(row.member_id),
            email: row.email.parse().map_err(|error| StorageError::corrupt("members.email", error))?,
            name: name(row.name)?,
            role: role.parse::<RoleName>().map_err(|error| StorageError::corrupt("roles.name", error))?,
            has_password: row.has_password,
            has_identity: row.has_identity,
            created_at: row.created_at,
            last_signed_in_at: row.last_signed_in_at,
        })
    }
}

fn name(text: Option<String>) -> Result<Option<Name>, StorageError> {
    text.map(Name::try_from).transpose().map_err(|error| StorageError::corrupt("members.name", error))
}

impl TenantTx {
    /// Stores a member, who cannot sign in yet.
    ///
    /// # Errors
    ///
    /// [`StorageError::Broken`] when another member of the tenant has the address (`MemberEmail`).
    pub async fn insert_member(&mut self, new: &NewMember) -> Result<(), StorageError> {
        let (built_in, own) = role_columns(new.role);
        sqlx::query!(
            "insert into members (tenant_id, member_id, email, name, built_in_role, role_id) values ($1, $2, $3, $4, $5, $6)",
            self.tenant.uuid(),
            new.id.uuid(),
            new.email.as_str(),
            new.name.as_ref().map(Name::as_str),
            built_in,
            own
        )
        .execute(&mut *self.tx)
        .await?;
        Ok(())
    }

    /// A page of the tenant's members, oldest first; with an id only that one.
    ///
    /// # Errors
    ///
    /// [`StorageError::Corrupt`] when a row cannot be read, else as [every call](crate#errors).
    pub async fn members(
        &mut self,
        only: Option<MemberId>,
        page: Page<MemberId>,
    ) -> Result<PageRows<Member>, StorageError> {
        let rows = sqlx::query_as!(
            MemberRow,
            r#"
            select
                m.member_id,
                m.email,
                m.name,
                coalesce(m.built_in_role, r.name) as role,
                m.password_hash is not null as "has_password!",
                m.oidc_subject is not null as "has_identity!",
                m.created_at,
                m.last_signed_in_at
            from members m
            left join roles r on r.tenant_id = m.tenant_id and r.role_id = m.role_id
            where m.tenant_id = $1
                and ($2::uuid is null or m.member_id = $2)
                and ($3::uuid is null or m.member_id > $3)
            order by m.member_id
            limit $4
            "#,
            self.tenant.uuid(),
            only.map(MemberId::uuid),
            page.after.map(MemberId::uuid),
            page.fetch()
        )
        .fetch_all(&mut *self.tx)
        .await?;
        Ok(page.cut(rows.into_iter().map(Member::try_from).collect::<Result<_, _>>()?))
    }

    /// The member of the tenant with this address.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn member_by_email(&mut self, email: &Email) -> Result<Option<MemberId>, StorageError> {
        let id = sqlx::query_scalar!(
            "select member_id from members where tenant_id = $1 and email = $2",
            self.tenant.uuid(),
            email.as_str()
        )
        .fetch_optional(&mut *self.tx)
        .await?;
        Ok(id.map(MemberId::from_uuid))
    }

    /// Changes a member; false when there is none.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn patch_member(&mut self, id: MemberId, patch: &MemberPatch) -> Result<bool, StorageError> {
        let (built_in, own) = patch.role.map_or((None, None), role_columns);
        let done = sqlx::query!(
            r#"
            update members set
                name = case when $3 then $4 else name end,
                built_in_role = case when $5 then $6 else built_in_role end,
                role_id = case when $5 then $7 else role_id end,
                updated_at = now()
            where tenant_id = $1 and member_id = $2
            "#,
            self.tenant.uuid(),
            id.uuid(),
            patch.name.is_some(),
            patch.name.as_ref().and_then(Option::as_ref).map(Name::as_str),
            patch.role.is_some(),
            built_in,
            own
        )
        .execute(&mut *self.tx)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Removes a member and its sessions; false when there is none.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn delete_member(&mut self, id: MemberId) -> Result<bool, StorageError> {
        let done =
            sqlx::query!("delete from members where tenant_id = $1 and member_id = $2", self.tenant.uuid(), id.uuid())
                .execute(&mut *self.tx)
                .await?;
        Ok(done.rows_affected() == 1)
    }

    /// How a member signs in; none when there is no such member. Locks it against changes until the
    /// transaction ends.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn sign_in_record(&mut self, id: MemberId) -> Result<Option<SignInRecord>, StorageError> {
        let row = sqlx::query!(
            r#"
            select
                password_hash,
                oidc_issuer,
                oidc_subject,
                sign_in_epoch
            from members
            where tenant_id = $1 and member_id = $2
            for no key update
            "#,
            self.tenant.uuid(),
            id.uuid()
        )
        .fetch_optional(&mut *self.tx)
        .await?;
        Ok(row.map(|row| SignInRecord {
            password_hash: row.password_hash,
            account: row.oidc_issuer.zip(row.oidc_subject).map(|(issuer, subject)| OidcAccount { issuer, subject }),
            epoch: row.sign_in_epoch,
        }))
    }

    /// Sets the hash of a member's password; false when there is no such member. Begins another epoch.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn set_member_password(&mut self, id: MemberId, hash: &str) -> Result<bool, StorageError> {
        let done = sqlx::query!(
            r#"
            update members set password_hash = $3, sign_in_epoch = sign_in_epoch + 1, updated_at = now()
            where tenant_id = $1 and member_id = $2
            "#,
            self.tenant.uuid(),
            id.uuid(),
            hash
        )
        .execute(&mut *self.tx)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Binds a member to an account at the identity provider, in place of another one; false when there is no
    /// such member. Begins another epoch.
    ///
    /// # Errors
    ///
    /// [`StorageError::Broken`] when another member of the tenant is bound to the account (`MemberIdentity`).
    pub async fn bind_member(&mut self, id: MemberId, account: &OidcAccount) -> Result<bool, StorageError> {
        let done = sqlx::query!(
            r#"
            update members set
                oidc_issuer = $3,
                oidc_subject = $4,
                sign_in_epoch = sign_in_epoch + 1,
                updated_at = now()
            where tenant_id = $1 and member_id = $2
            "#,
            self.tenant.uuid(),
            id.uuid(),
            account.issuer,
            account.subject
        )
        .execute(&mut *self.tx)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Removes password and account of a member, and ends what they led to: sign-ins in progress (by another
    /// epoch), sessions and tokens.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn forget_sign_in(&mut self, id: MemberId) -> Result<(), StorageError> {
        sqlx::query!(
            r#"
            update members set
                password_hash = null,
                oidc_issuer = null,
                oidc_subject = null,
                sign_in_epoch = sign_in_epoch + 1,
                tokens_not_before = clock_timestamp(),
                updated_at = now()
            where tenant_id = $1 and member_id = $2
            "#,
            self.tenant.uuid(),
            id.uuid()
        )
        .execute(&mut *self.tx)
        .await?;
        self.delete_sessions_of(id).await
    }

    /// Ends the tokens that a member minted until now.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn end_tokens_of(&mut self, id: MemberId) -> Result<(), StorageError> {
        sqlx::query!(
            "update members set tokens_not_before = clock_timestamp() where tenant_id = $1 and member_id = $2",
            self.tenant.uuid(),
            id.uuid()
        )
        .execute(&mut *self.tx)
        .await?;
        Ok(())
    }
}
