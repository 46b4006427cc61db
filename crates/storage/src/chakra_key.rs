//! Chakra keys: their sealed tokens, and what Chakra last said of them.

use portico_domain::{ChakraKey, ChakraKeyId, ChakraKeyStatus, Description, Name};
use portico_vault::Fingerprint;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::db::TenantTx;
use crate::error::StorageError;
use crate::page::{Page, PageRows};

/// A Chakra key to insert.
#[derive(Debug, Clone)]
pub struct NewChakraKey {
    /// The id, which the caller generates; the sealed token is bound to it.
    pub id: ChakraKeyId,
    /// What people call the key, unique within the tenant.
    pub name: Name,
    /// What the key is for, in the words of whoever stores it.
    pub description: Option<Description>,
    /// The token, sealed with the tenant's data key.
    pub access_token: Vec<u8>,
    /// The keyed fingerprint of the token, by which it is found when it is stored again.
    pub fingerprint: [u8; 32],
    /// The last four characters of the token, for people to recognise it by.
    pub last4: String,
    /// Whether calls use it from now on, in place of the tenant's default until now.
    pub is_default: bool,
    /// The team that the token opens, as Chakra said just now.
    pub team: ChakraTeam,
}

/// A Chakra team, as Chakra tells it of an access token.
#[derive(Debug, Clone)]
pub struct ChakraTeam {
    /// The keyed fingerprint of its id.
    pub fingerprint: [u8; 32],
    /// Its name at Chakra.
    pub name: Option<String>,
}

/// What is needed to open a Chakra key and to judge what it may reach.
#[derive(Debug, Clone)]
pub struct SealedChakraKey {
    /// The key; the sealed token is bound to this id.
    pub id: ChakraKeyId,
    /// The token, sealed with the tenant's data key.
    pub access_token: Vec<u8>,
    /// The keyed fingerprint of the token.
    pub fingerprint: Vec<u8>,
    /// The keyed fingerprint of the Chakra team; none for a key of an earlier version that Chakra was not asked about.
    pub team_fingerprint: Option<Vec<u8>>,
    /// Whether Chakra refused the token, and accepted it at no call since.
    pub is_refused: bool,
}

#[derive(Debug)]
struct ChakraKeyRow {
    chakra_key_id: Uuid,
    name: String,
    description: Option<String>,
    fingerprint: Vec<u8>,
    last4: String,
    is_default: bool,
    status: String,
    team_name: Option<String>,
    verified_at: Option<OffsetDateTime>,
    refused_at: Option<OffsetDateTime>,
    created_at: OffsetDateTime,
    updated_at: OffsetDateTime,
}

/// The fingerprint as people compare it: its first 16 hexadecimal digits.
fn short(fingerprint: &[u8]) -> String {
    fingerprint.try_into().map(|bytes| Fingerprint(bytes).short()).unwrap_or_default()
}

impl TryFrom<ChakraKeyRow> for ChakraKey {
    type Error = StorageError;

    fn try_from(row: ChakraKeyRow) -> Result<Self, StorageError> {
        let description = row.description.map(Description::try_from).transpose();
        Ok(Self {
            id: ChakraKeyId::from_uuid(row.chakra_key_id),
            name: row.name.parse().map_err(|error| StorageError::corrupt("chakra_keys.name", error))?,
            description: description.map_err(|error| StorageError::corrupt("chakra_keys.description", error))?,
            fingerprint: short(&row.fingerprint),
            last4: row.last4,
            is_default: row.is_default,
            status: row.status.parse().map_err(|error| StorageError::corrupt("chakra_keys.status", error))?,
            team_name: row.team_name,
            verified_at: row.verified_at,
            refused_at: row.refused_at,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

impl TenantTx {
    /// Stores a key that Chakra accepted just now. The first one of a tenant becomes its default.
    ///
    /// # Errors
    ///
    /// [`StorageError::Broken`] when the tenant has a key with that name (`ChakraKeyName`) or that token
    /// (`ChakraKeyToken`).
    pub async fn insert_chakra_key(&mut self, new: &NewChakraKey) -> Result<(), StorageError> {
        if new.is_default {
            self.clear_default().await?;
        }
        sqlx::query!(
            r#"
            insert into chakra_keys
                (tenant_id, chakra_key_id, name, description, access_token, fingerprint, last4, is_default,
                    status, team_fingerprint, team_name, verified_at)
            values
                ($1, $2, $3, $4, $5, $6, $7, $8 or not exists (select 1 from chakra_keys where tenant_id = $1 and is_default),
                    'verified', $9, $10, now())
            "#,
            self.tenant.uuid(),
            new.id.uuid(),
            new.name.as_str(),
            new.description.as_ref().map(Description::as_str),
            new.access_token,
            &new.fingerprint[..],
            new.last4,
            new.is_default,
            &new.team.fingerprint[..],
            new.team.name
        )
        .execute(&mut *self.tx)
        .await?;
        Ok(())
    }

    /// Gives a key another token, which Chakra accepted just now; false when there is no such key.
    ///
    /// # Errors
    ///
    /// [`StorageError::Broken`] when another key of the tenant has the token (`ChakraKeyToken`).
    pub async fn replace_chakra_key(
        &mut self,
        id: ChakraKeyId,
        access_token: &[u8],
        fingerprint: &[u8; 32],
        last4: &str,
        team: &ChakraTeam,
    ) -> Result<bool, StorageError> {
        let done = sqlx::query!(
            r#"
            update chakra_keys set
                access_token = $3,
                fingerprint = $4,
                last4 = $5,
                status = 'verified',
                team_fingerprint = $6,
                team_name = $7,
                verified_at = now(),
                refused_at = null,
                updated_at = now()
            where tenant_id = $1 and chakra_key_id = $2
            "#,
            self.tenant.uuid(),
            id.uuid(),
            access_token,
            &fingerprint[..],
            last4,
            &team.fingerprint[..],
            team.name
        )
        .execute(&mut *self.tx)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Locks a key's row against other changes until the transaction ends; false when there is none.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn lock_chakra_key(&mut self, id: ChakraKeyId) -> Result<bool, StorageError> {
        let row = sqlx::query!(
            r#"select 1 as "one!" from chakra_keys where tenant_id = $1 and chakra_key_id = $2 for no key update"#,
            self.tenant.uuid(),
            id.uuid()
        )
        .fetch_optional(&mut *self.tx)
        .await?;
        Ok(row.is_some())
    }

    /// Changes name and description of a key; false when there is none. `Some(None)` removes the description.
    ///
    /// # Errors
    ///
    /// [`StorageError::Broken`] when another key of the tenant has the name (`ChakraKeyName`).
    pub async fn patch_chakra_key(
        &mut self,
        id: ChakraKeyId,
        name: Option<&Name>,
        description: Option<Option<&Description>>,
    ) -> Result<bool, StorageError> {
        let done = sqlx::query!(
            r#"
            update chakra_keys set
                name = coalesce($3, name),
                description = case when $4 then $5 else description end,
                updated_at = now()
            where tenant_id = $1 and chakra_key_id = $2
            "#,
            self.tenant.uuid(),
            id.uuid(),
            name.map(Name::as_str),
            description.is_some(),
            description.flatten().map(Description::as_str)
        )
        .execute(&mut *self.tx)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// A page of the tenant's keys, oldest first.
    ///
    /// # Errors
    ///
    /// [`StorageError::Corrupt`] when a row cannot be read, else as [every call](crate#errors).
    pub async fn chakra_keys(&mut self, page: Page<ChakraKeyId>) -> Result<PageRows<ChakraKey>, StorageError> {
        let rows = sqlx::query_as!(
            ChakraKeyRow,
            r#"
            select
                chakra_key_id,
                name,
                description,
                fingerprint,
                last4,
                is_default,
                status,
                team_name,
                verified_at,
                refused_at,
                created_at,
                updated_at
            from chakra_keys
            where tenant_id = $1 and ($2::uuid is null or chakra_key_id > $2)
            order by chakra_key_id
            limit $3
            "#,
            self.tenant.uuid(),
            page.after.map(ChakraKeyId::uuid),
            page.fetch()
        )
        .fetch_all(&mut *self.tx)
        .await?;
        Ok(page.cut(rows.into_iter().map(ChakraKey::try_from).collect::<Result<_, _>>()?))
    }

    /// The key with that id, if the tenant has it.
    ///
    /// # Errors
    ///
    /// [`StorageError::Corrupt`] when a row cannot be read, else as [every call](crate#errors).
    pub async fn chakra_key(&mut self, id: ChakraKeyId) -> Result<Option<ChakraKey>, StorageError> {
        sqlx::query_as!(
            ChakraKeyRow,
            r#"
            select
                chakra_key_id,
                name,
                description,
                fingerprint,
                last4,
                is_default,
                status,
                team_name,
                verified_at,
                refused_at,
                created_at,
                updated_at
            from chakra_keys
            where tenant_id = $1 and chakra_key_id = $2
            "#,
            self.tenant.uuid(),
            id.uuid()
        )
        .fetch_optional(&mut *self.tx)
        .await?
        .map(ChakraKey::try_from)
        .transpose()
    }

    /// The sealed token of a key, or of the tenant's default one when no id is given.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn sealed_chakra_key(
        &mut self,
        id: Option<ChakraKeyId>,
    ) -> Result<Option<SealedChakraKey>, StorageError> {
        let row = sqlx::query!(
            r#"
            select
                chakra_key_id,
                access_token,
                fingerprint,
                team_fingerprint,
                status = 'refused' as "is_refused!"
            from chakra_keys
            where tenant_id = $1 and ($2::uuid is null and is_default or chakra_key_id = $2)
            "#,
            self.tenant.uuid(),
            id.map(ChakraKeyId::uuid)
        )
        .fetch_optional(&mut *self.tx)
        .await?;
        Ok(row.map(|row| SealedChakraKey {
            id: ChakraKeyId::from_uuid(row.chakra_key_id),
            access_token: row.access_token,
            fingerprint: row.fingerprint,
            team_fingerprint: row.team_fingerprint,
            is_refused: row.is_refused,
        }))
    }

    /// Makes a key the tenant's default; false when there is no such key, and then there is no default: roll
    /// back.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn set_default_chakra_key(&mut self, id: ChakraKeyId) -> Result<bool, StorageError> {
        self.clear_default().await?;
        let done = sqlx::query!(
            "update chakra_keys set is_default = true, updated_at = now() where tenant_id = $1 and chakra_key_id = $2",
            self.tenant.uuid(),
            id.uuid()
        )
        .execute(&mut *self.tx)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    async fn clear_default(&mut self) -> Result<(), StorageError> {
        sqlx::query!(
            "update chakra_keys set is_default = false where tenant_id = $1 and is_default",
            self.tenant.uuid()
        )
        .execute(&mut *self.tx)
        .await?;
        Ok(())
    }

    /// Marks a key as verified, and its team, because Chakra accepted the token with that fingerprint. A team that
    /// Chakra does not tell stays as it was known. False when the key is gone or has another token by now, of which
    /// Chakra's answer says nothing.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn mark_chakra_key_verified(
        &mut self,
        id: ChakraKeyId,
        fingerprint: &[u8],
        team: Option<&ChakraTeam>,
    ) -> Result<bool, StorageError> {
        let done = sqlx::query!(
            r#"
            update chakra_keys set
                status = 'verified',
                team_fingerprint = coalesce($3, team_fingerprint),
                team_name = case when $3::bytea is null then team_name else $4 end,
                verified_at = now(),
                refused_at = null,
                updated_at = now()
            where tenant_id = $1 and chakra_key_id = $2 and fingerprint = $5
            "#,
            self.tenant.uuid(),
            id.uuid(),
            team.map(|team| &team.fingerprint[..]),
            team.and_then(|team| team.name.as_deref()),
            fingerprint
        )
        .execute(&mut *self.tx)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Locks a key against other changes until the transaction ends, if its token is the one with that
    /// fingerprint; false otherwise.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn lock_chakra_token(&mut self, id: ChakraKeyId, fingerprint: &[u8]) -> Result<bool, StorageError> {
        let row = sqlx::query!(
            r#"
            select 1 as "one!" from chakra_keys
            where tenant_id = $1 and chakra_key_id = $2 and fingerprint = $3
            for no key update
            "#,
            self.tenant.uuid(),
            id.uuid(),
            fingerprint
        )
        .fetch_optional(&mut *self.tx)
        .await?;
        Ok(row.is_some())
    }

    /// Marks a key as refused, because Chakra refused the token with that fingerprint. True when it was not
    /// marked before; false also when the key is gone or has another token by now.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn mark_chakra_key_refused(&mut self, id: ChakraKeyId, fingerprint: &[u8]) -> Result<bool, StorageError> {
        let done = sqlx::query!(
            r#"
            update chakra_keys set status = $3, refused_at = now(), updated_at = now()
            where tenant_id = $1 and chakra_key_id = $2 and status <> $3 and fingerprint = $4
            "#,
            self.tenant.uuid(),
            id.uuid(),
            ChakraKeyStatus::Refused.as_str(),
            fingerprint
        )
        .execute(&mut *self.tx)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Takes the mark from a key, because Chakra accepted a call with the token of that fingerprint. True when it was
    /// marked; false also when the key is gone or has another token by now.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn mark_chakra_key_accepted(
        &mut self,
        id: ChakraKeyId,
        fingerprint: &[u8],
    ) -> Result<bool, StorageError> {
        let done = sqlx::query!(
            r#"
            update chakra_keys set status = 'verified', verified_at = now(), refused_at = null, updated_at = now()
            where tenant_id = $1 and chakra_key_id = $2 and status = 'refused' and fingerprint = $3
            "#,
            self.tenant.uuid(),
            id.uuid(),
            fingerprint
        )
        .execute(&mut *self.tx)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Whether the tenant has a Chakra key besides that one.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn has_chakra_key_beside(&mut self, id: Option<ChakraKeyId>) -> Result<bool, StorageError> {
        Ok(sqlx::query_scalar!(
            r#"
            select exists (
                select 1 from chakra_keys where tenant_id = $1 and ($2::uuid is null or chakra_key_id <> $2)
            ) as "exists!"
            "#,
            self.tenant.uuid(),
            id.map(ChakraKeyId::uuid)
        )
        .fetch_one(&mut *self.tx)
        .await?)
    }

    /// Deletes a key; false when there is none.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn delete_chakra_key(&mut self, id: ChakraKeyId) -> Result<bool, StorageError> {
        let done = sqlx::query!(
            "delete from chakra_keys where tenant_id = $1 and chakra_key_id = $2",
            self.tenant.uuid(),
            id.uuid()
        )
        .execute(&mut *self.tx)
        .await?;
        Ok(done.rows_affected() == 1)
    }
}
