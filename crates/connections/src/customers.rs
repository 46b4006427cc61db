//! Customers and their connections.

use portico_auth::Scope;
use portico_chakra::CallError;
use portico_domain::permission::perm;
use portico_domain::{
    Customer, CustomerId, CustomerStatus, ExternalId, Metadata, Name, PhoneNumber, Plugin, PluginStatus, Waba,
};
use portico_storage::{CustomerPatch, NewCustomer, Page, TenantTx};
use serde::Serialize;
use serde_json::json;

use portico_core::Core;
use portico_core::audit::Change;
use portico_core::{Error as CoreError, Thing, code};
use portico_core::{PageRequest, Paged, paged};

use crate::Error;
use crate::chakra_calls::{ChakraCalls, Named};

/// A customer to get or make.
#[derive(Debug, Clone)]
pub struct EnsureCustomer {
    /// The tenant's own id of it.
    pub external_id: ExternalId,
    /// Its name; when it is made and none is given, the external id.
    pub name: Option<Name>,
    /// The tenant's own notes.
    pub metadata: Option<Metadata>,
}

/// How a customer is connected.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct Connection {
    /// The customer.
    pub customer_id: CustomerId,
    /// How far it is.
    pub status: CustomerStatus,
    /// Its plugins.
    pub plugins: Vec<Plugin>,
    /// Its WABAs.
    pub wabas: Vec<Waba>,
    /// Its phone numbers.
    pub phone_numbers: Vec<PhoneNumber>,
}

/// A customer has few of these; a page holds them all.
const ALL: u16 = 200;

/// Customers and their connections.
#[derive(Debug)]
pub struct Customers {
    core: Core,
    chakra: ChakraCalls,
}

impl Customers {
    /// The service on that core, which calls Chakra through `calls`.
    #[must_use]
    pub(crate) fn new(core: &Core, chakra: &ChakraCalls) -> Self {
        Self { core: core.clone(), chakra: chakra.clone() }
    }

    /// Creates a customer.
    ///
    /// # Errors
    ///
    /// [`CoreError::Conflict`] when the external id is taken; [`CoreError::Denied`] for a limited key.
    pub async fn create(&self, scope: &Scope<perm::CustomersWrite>, new: NewCustomer) -> Result<Customer, Error> {
        scope.whole_tenant()?;
        let id = CustomerId::generate();
        let mut tx = self.core.db.begin(scope).await?;
        tx.tenant_row().await?.ok_or(CoreError::Missing(Thing::Tenant))?;
        tx.insert_customer(id, &new).await?;
        let customer = customer_within(&mut tx, scope, id).await?;
        self.core
            .audit
            .record(&mut tx, scope, Change::of("customer.create").to("customer", id).into(&customer))
            .await?;
        tx.commit().await?;
        Ok(customer)
    }

    /// The customer with that external id, made if there is none; a name or notes given are written
    /// either way. True when it was made.
    ///
    /// # Errors
    ///
    /// [`CoreError::Missing`] when it exists beyond the key's reach; [`CoreError::Denied`] when a limited key
    /// would have to make it.
    pub async fn ensure(
        &self,
        scope: &Scope<perm::CustomersWrite>,
        ensure: EnsureCustomer,
    ) -> Result<(Customer, bool), Error> {
        let mut tx = self.core.db.begin(scope).await?;
        tx.tenant_row().await?.ok_or(CoreError::Missing(Thing::Tenant))?;
        let (id, created) = if scope.whole_tenant().is_ok() {
            let name = match &ensure.name {
                Some(name) => name.clone(),
                None => name_from(&ensure.external_id)?,
            };
            let new = NewCustomer {
                external_id: ensure.external_id.clone(),
                name,
                metadata: ensure.metadata.clone().unwrap_or_default(),
            };
            tx.ensure_customer(CustomerId::generate(), &new).await?
        } else {
            let found = tx.customer_by_external_id(ensure.external_id.as_str()).await?;
            // The same answer for one beyond reach and for none: a limited key cannot tell them apart.
            let within = found.filter(|id| scope.reach().covers_customer(*id));
            (within.ok_or(portico_auth::Denied::Limited)?, false)
        };
        let before = if created { None } else { Some(customer_within(&mut tx, scope, id).await?) };
        if !created && (ensure.name.is_some() || ensure.metadata.is_some()) {
            let patch = CustomerPatch { external_id: None, name: ensure.name, metadata: ensure.metadata };
            tx.patch_customer(id, &patch).await?;
        }
        let customer = customer_within(&mut tx, scope, id).await?;
        let action = if created { "customer.create" } else { "customer.ensure" };
        self.core
            .audit
            .record(&mut tx, scope, Change::of(action).to("customer", id).from(&before).into(&customer))
            .await?;
        tx.commit().await?;
        Ok((customer, created))
    }

    /// A page of the customers within reach, or the one with an external id.
    ///
    /// # Errors
    ///
    /// [`CoreError::Database`].
    pub async fn list(
        &self,
        scope: &Scope<perm::CustomersRead>,
        external_id: Option<ExternalId>,
        page: PageRequest<CustomerId>,
    ) -> Result<Paged<Customer>, Error> {
        let mut tx = self.core.db.begin(scope).await?;
        let external_id = external_id.as_ref().map(ExternalId::as_str);
        let rows = tx.customers(scope.reach().customers(), external_id, page.into()).await?;
        Ok(paged(rows, |customer| customer.id.to_string()))
    }

    /// One customer within reach.
    ///
    /// # Errors
    ///
    /// [`CoreError::Missing`].
    pub async fn get(&self, scope: &Scope<perm::CustomersRead>, id: CustomerId) -> Result<Customer, Error> {
        customer_within(&mut self.core.db.begin(scope).await?, scope, id).await
    }

    /// Changes a customer.
    ///
    /// # Errors
    ///
    /// [`CoreError::Missing`]; [`CoreError::Conflict`] when the external id is taken; [`CoreError::Denied`] when a
    /// limited key changes the external id.
    pub async fn patch(
        &self,
        scope: &Scope<perm::CustomersWrite>,
        id: CustomerId,
        patch: CustomerPatch,
    ) -> Result<Customer, Error> {
        scope.not_only_numbers()?;
        if patch.external_id.is_some() {
            // That a name is taken would tell of a customer beyond reach.
            scope.whole_tenant()?;
        }
        let mut tx = self.core.db.begin(scope).await?;
        let before = customer_within(&mut tx, scope, id).await?;
        tx.patch_customer(id, &patch).await?;
        let customer = customer_within(&mut tx, scope, id).await?;
        let change = Change::of("customer.change").to("customer", id).from(&before).into(&customer);
        self.core.audit.record(&mut tx, scope, change).await?;
        tx.commit().await?;
        Ok(customer)
    }

    /// Deletes a customer that has no plugin: what Chakra still holds must be let go first.
    ///
    /// # Errors
    ///
    /// [`CoreError::Missing`]; [`CoreError::Conflict`] while it has plugins.
    pub async fn delete(&self, scope: &Scope<perm::CustomersWrite>, id: CustomerId) -> Result<(), Error> {
        scope.not_only_numbers()?;
        let mut tx = self.core.db.begin(scope).await?;
        let before = customer_within(&mut tx, scope, id).await?;
        let plugins = tx.plugins(None, Some(id), Page { limit: 1, after: None }).await?;
        if !plugins.data.is_empty() {
            return Err(CoreError::Conflict {
                code: code::CUSTOMER_CONNECTED,
                pointer: None,
                detail: "the customer still has plugins at Chakra; delete them first with DELETE /api/v1/plugins/{plugin_id}",
            }.into());
        }
        tx.delete_customer(id).await?;
        self.core.audit.record(&mut tx, scope, Change::of("customer.delete").to("customer", id).from(&before)).await?;
        tx.commit().await?;
        self.core.validity.changed(scope.tenant());
        Ok(())
    }

    /// How a customer is connected, as last observed.
    ///
    /// # Errors
    ///
    /// [`CoreError::Missing`].
    pub async fn connection(&self, scope: &Scope<perm::ConnectionsRead>, id: CustomerId) -> Result<Connection, Error> {
        let mut tx = self.core.db.begin(scope).await?;
        connection(&mut tx, scope, id).await
    }

    /// Disconnects every WABA of a customer at Chakra. The plugins stay, for a reconnect. What is
    /// done stays done when a later step fails: repeat the call.
    ///
    /// # Errors
    ///
    /// [`CoreError::Missing`]; [`Error::Upstream`], [`Error::Rejected`] and the like when Chakra fails.
    pub async fn disconnect(&self, scope: &Scope<perm::ConnectionsWrite>, id: CustomerId) -> Result<Connection, Error> {
        scope.not_only_numbers()?;
        let mut tx = self.core.db.begin(scope).await?;
        let before = connection(&mut tx, scope, id).await?;
        tx.commit().await?;
        let key = self.chakra.key(scope).await?;
        for waba in &before.wabas {
            let plugin = waba.plugin_id.to_string();
            let body = json!({ "wabaId": waba.id });
            let named = Named { path: &[("pluginId", &plugin)], ..Named::default() };
            match self.chakra.call(scope, &key, "disconnect_waba_account", named, Some(&body)).await {
                Ok(_) | Err(CallError::NotFound) => {}
                Err(error) => return Err(self.chakra.failed(scope, &key, error)),
            }
            let mut tx = self.core.db.begin(scope).await?;
            tx.delete_waba(&waba.id).await?;
            if tx.count_wabas(waba.plugin_id).await? == 0 {
                tx.set_plugin_status(waba.plugin_id, PluginStatus::Disconnected).await?;
            }
            self.core
                .audit
                .record(&mut tx, scope, Change::of("waba.disconnect").to("waba", &waba.id).from(waba))
                .await?;
            tx.commit().await?;
            self.core.validity.changed(scope.tenant());
        }
        let mut tx = self.core.db.begin(scope).await?;
        connection(&mut tx, scope, id).await
    }
}

/// A name for a customer of which only the external id is known.
///
/// # Errors
///
/// [`CoreError::Invalid`] when nothing of it can be a name.
pub fn name_from(external_id: &ExternalId) -> Result<Name, Error> {
    let short: String = external_id.as_str().chars().take(100).collect();
    short.trim().parse().map_err(|_| CoreError::invalid("/name", "is required").into())
}

/// The customer, if it is within reach.
async fn customer_within(
    tx: &mut TenantTx,
    scope: &portico_auth::TenantScope,
    id: CustomerId,
) -> Result<Customer, Error> {
    tx.customer(scope.reach().customers(), id).await?.ok_or(CoreError::Missing(Thing::Customer).into())
}

async fn connection(tx: &mut TenantTx, scope: &portico_auth::TenantScope, id: CustomerId) -> Result<Connection, Error> {
    let customer = customer_within(tx, scope, id).await?;
    Ok(Connection {
        customer_id: id,
        status: customer.status,
        plugins: tx.plugins(None, Some(id), Page { limit: ALL, after: None }).await?.data,
        wabas: tx.wabas(scope.reach(), Some(id), None, None, Page { limit: ALL, after: None }).await?.data,
        phone_numbers: tx
            .phone_numbers(scope.reach(), Some(id), None, None, Page { limit: ALL, after: None })
            .await?
            .data,
    })
}
