//! A tenant's customers, within the reach of whoever asks.

use portico_auth::CustomerReach;
use portico_domain::{Customer, CustomerId, CustomerStatus, ExternalId, Metadata, Name};
use sqlx::types::Json;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::db::TenantTx;
use crate::error::StorageError;
use crate::page::{Page, PageRows};
use crate::system::uuids;

/// A customer to insert.
#[derive(Debug, Clone)]
pub struct NewCustomer {
    /// The tenant's own id of the customer, unique within the tenant.
    pub external_id: ExternalId,
    /// What people call the customer.
    pub name: Name,
    /// The tenant's own notes about the customer.
    pub metadata: Metadata,
}

/// What changes of a customer; `None` leaves a field as it is.
#[derive(Debug, Clone, Default)]
pub struct CustomerPatch {
    /// Another external id.
    pub external_id: Option<ExternalId>,
    /// Another name.
    pub name: Option<Name>,
    /// Other notes, as a whole.
    pub metadata: Option<Metadata>,
}

#[derive(Debug)]
struct CustomerRow {
    customer_id: Uuid,
    external_id: String,
    name: String,
    metadata: serde_json::Value,
    connected: bool,
    disconnected: bool,
    created_at: OffsetDateTime,
    updated_at: OffsetDateTime,
}

impl TryFrom<CustomerRow> for Customer {
    type Error = StorageError;

    fn try_from(row: CustomerRow) -> Result<Self, StorageError> {
        Ok(Self {
            id: CustomerId::from_uuid(row.customer_id),
            external_id: row
                .external_id
                .parse()
                .map_err(|error| StorageError::corrupt("customers.external_id", error))?,
            name: row.name.parse().map_err(|error| StorageError::corrupt("customers.name", error))?,
            metadata: serde_json::from_value(row.metadata)
                .map_err(|error| StorageError::corrupt("customers.metadata", error))?,
            status: match (row.connected, row.disconnected) {
                (true, _) => CustomerStatus::Connected,
                (false, true) => CustomerStatus::Disconnected,
                (false, false) => CustomerStatus::New,
            },
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

impl TenantTx {
    /// Stores a customer.
    ///
    /// # Errors
    ///
    /// [`StorageError::Broken`] when another customer of the tenant has the external id
    /// (`CustomerExternalId`).
    pub async fn insert_customer(&mut self, id: CustomerId, new: &NewCustomer) -> Result<(), StorageError> {
        sqlx::query!(
            "insert into customers (tenant_id, customer_id, external_id, name, metadata) values ($1, $2, $3, $4, $5)",
            self.tenant.uuid(),
            id.uuid(),
            new.external_id.as_str(),
            new.name.as_str(),
            Json(&new.metadata) as _
        )
        .execute(&mut *self.tx)
        .await?;
        Ok(())
    }

    /// The customer with that external id, created with `id` if there is none, however many ask at once. True
    /// when it was created.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn ensure_customer(
        &mut self,
        id: CustomerId,
        new: &NewCustomer,
    ) -> Result<(CustomerId, bool), StorageError> {
        let done = sqlx::query!(
            r#"
            insert into customers (tenant_id, customer_id, external_id, name, metadata)
            values ($1, $2, $3, $4, $5)
            on conflict on constraint customers_external_id do nothing
            "#,
            self.tenant.uuid(),
            id.uuid(),
            new.external_id.as_str(),
            new.name.as_str(),
            Json(&new.metadata) as _
        )
        .execute(&mut *self.tx)
        .await?;
        if done.rows_affected() == 1 {
            return Ok((id, true));
        }
        let existing = sqlx::query_scalar!(
            "select customer_id from customers where tenant_id = $1 and external_id = $2",
            self.tenant.uuid(),
            new.external_id.as_str()
        )
        .fetch_one(&mut *self.tx)
        .await?;
        Ok((CustomerId::from_uuid(existing), false))
    }

    /// The customer to whom the tenant gave that external id.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn customer_by_external_id(&mut self, external_id: &str) -> Result<Option<CustomerId>, StorageError> {
        let id = sqlx::query_scalar!(
            "select customer_id from customers where tenant_id = $1 and external_id = $2",
            self.tenant.uuid(),
            external_id
        )
        .fetch_optional(&mut *self.tx)
        .await?;
        Ok(id.map(CustomerId::from_uuid))
    }

    /// A page of the customers within reach, oldest first; with an external id only the one that has it.
    ///
    /// # Errors
    ///
    /// [`StorageError::Corrupt`] when a row cannot be read, else as [every call](crate#errors).
    pub async fn customers(
        &mut self,
        reach: CustomerReach<'_>,
        external_id: Option<&str>,
        page: Page<CustomerId>,
    ) -> Result<PageRows<Customer>, StorageError> {
        let reached = uuids(reach, CustomerId::uuid);
        let rows = sqlx::query_as!(
            CustomerRow,
            r#"
            select
                c.customer_id,
                c.external_id,
                c.name,
                c.metadata,
                exists (
                    select 1 from plugins p
                    where p.tenant_id = c.tenant_id and p.customer_id = c.customer_id and p.status = 'connected'
                ) as "connected!",
                exists (
                    select 1 from plugins p
                    where p.tenant_id = c.tenant_id and p.customer_id = c.customer_id and p.status = 'disconnected'
                ) as "disconnected!",
                c.created_at,
                c.updated_at
            from customers c
            where c.tenant_id = $1
                and ($2::uuid[] is null or c.customer_id = any($2))
                and ($3::text is null or c.external_id = $3)
                and ($4::uuid is null or c.customer_id > $4)
            order by c.customer_id
            limit $5
            "#,
            self.tenant.uuid(),
            reached.as_deref(),
            external_id,
            page.after.map(CustomerId::uuid),
            page.fetch()
        )
        .fetch_all(&mut *self.tx)
        .await?;
        Ok(page.cut(rows.into_iter().map(Customer::try_from).collect::<Result<_, _>>()?))
    }

    /// The customer with that id, if it is within reach.
    ///
    /// # Errors
    ///
    /// [`StorageError::Corrupt`] when a row cannot be read, else as [every call](crate#errors).
    pub async fn customer(
        &mut self,
        reach: CustomerReach<'_>,
        id: CustomerId,
    ) -> Result<Option<Customer>, StorageError> {
        if reach.is_some_and(|all| !all.contains(&id)) {
            return Ok(None);
        }
        let page = Page { limit: 1, after: None };
        Ok(self.customers(Some(&[id]), None, page).await?.data.pop())
    }

    /// Changes a customer; false when there is none.
    ///
    /// # Errors
    ///
    /// [`StorageError::Broken`] when another customer of the tenant has the external id
    /// (`CustomerExternalId`).
    pub async fn patch_customer(&mut self, id: CustomerId, patch: &CustomerPatch) -> Result<bool, StorageError> {
        let done = sqlx::query!(
            r#"
            update customers set
                external_id = coalesce($3, external_id),
                name = coalesce($4, name),
                metadata = coalesce($5, metadata),
                updated_at = now()
            where tenant_id = $1 and customer_id = $2
            "#,
            self.tenant.uuid(),
            id.uuid(),
            patch.external_id.as_ref().map(ExternalId::as_str),
            patch.name.as_ref().map(Name::as_str),
            patch.metadata.as_ref().map(Json) as _
        )
        .execute(&mut *self.tx)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Deletes a customer with the records of its plugins; false when there is none.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn delete_customer(&mut self, id: CustomerId) -> Result<bool, StorageError> {
        let done = sqlx::query!(
            "delete from customers where tenant_id = $1 and customer_id = $2",
            self.tenant.uuid(),
            id.uuid()
        )
        .execute(&mut *self.tx)
        .await?;
        Ok(done.rows_affected() == 1)
    }
}
