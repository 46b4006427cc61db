//! Whether a tenant has an owner, and the lock under which rights in a tenant change one after the other.

use crate::db::TenantTx;
use crate::error::StorageError;

/// For how long a tenant has an owner whose rights are not limited. Ordered: more is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ownership {
    /// There is none.
    None,
    /// There are some, but all of them expire one day.
    Ending,
    /// There is one that does not expire.
    Lasting,
}

impl TenantTx {
    /// Locks, until the transaction ends, what anybody in the tenant may do: keys, roles and owners change
    /// one after the other, so that what is read after this is still true when the transaction commits. Call
    /// it before anything else, and `append_audit` last.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn lock_grants(&mut self) -> Result<(), StorageError> {
        sqlx::query!(
            "select pg_advisory_xact_lock(hashtextextended('grants ' || $1, 0))",
            self.tenant.uuid().to_string()
        )
        .fetch_one(&mut *self.tx)
        .await?;
        Ok(())
    }

    /// For how long the tenant has an owner: a member with role owner, or an API key with it that is neither
    /// revoked nor expired nor limited to customers, phone numbers or addresses.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn ownership(&mut self) -> Result<Ownership, StorageError> {
        let row = sqlx::query!(
            r#"
            select
                count(*) as "all!",
                count(*) filter (where expires_at is null) as "lasting!"
            from (
                select k.expires_at
                from api_keys k
                where k.tenant_id = $1
                    and k.built_in_role = 'owner'
                    and k.revoked_at is null
                    and not k.is_limited
                    and k.phone_numbers is null
                    and k.allowed_ips is null
                    and (k.expires_at is null or k.expires_at > now())
                union all
                select null
                from members m
                where m.tenant_id = $1 and m.built_in_role = 'owner'
            ) owners
            "#,
            self.tenant.uuid()
        )
        .fetch_one(&mut *self.tx)
        .await?;
        Ok(match (row.all, row.lasting) {
            (0, _) => Ownership::None,
            (_, 0) => Ownership::Ending,
            _ => Ownership::Lasting,
        })
    }
}
