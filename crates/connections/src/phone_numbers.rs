//! Phone numbers of WhatsApp Business Accounts.

use portico_auth::{Scope, TenantScope};
use portico_core::audit::Change;
use portico_core::{Core, Error, PageRequest, Paged, Thing, paged};
use portico_domain::permission::perm;
use portico_domain::{CustomerId, PhoneNumber, PhoneNumberId, PluginId};
use portico_storage::{Page, TenantTx};

/// Phone numbers of WhatsApp Business Accounts, as last observed.
#[derive(Debug)]
pub struct PhoneNumbers {
    core: Core,
}

impl PhoneNumbers {
    /// The service on that core.
    #[must_use]
    pub fn new(core: &Core) -> Self {
        Self { core: core.clone() }
    }

    /// A page of the phone numbers within reach.
    ///
    /// # Errors
    ///
    /// [`Error::Database`].
    pub async fn list(
        &self,
        scope: &Scope<perm::PhoneNumbersRead>,
        customer: Option<CustomerId>,
        plugin: Option<PluginId>,
        page: PageRequest<PhoneNumberId>,
    ) -> Result<Paged<PhoneNumber>, Error> {
        let mut tx = self.core.db.begin(scope).await?;
        let rows = tx.phone_numbers(scope.reach(), customer, plugin, None, page.into()).await?;
        Ok(paged(rows, |number| number.id.to_string()))
    }

    /// One phone number within reach.
    ///
    /// # Errors
    ///
    /// [`Error::Missing`].
    pub async fn get(&self, scope: &Scope<perm::PhoneNumbersRead>, id: PhoneNumberId) -> Result<PhoneNumber, Error> {
        one(&mut self.core.db.begin(scope).await?, scope, &id).await
    }

    /// Switches a phone number on or off for calls through Portico.
    ///
    /// # Errors
    ///
    /// [`Error::Missing`].
    pub async fn set_active(
        &self,
        scope: &Scope<perm::PhoneNumbersWrite>,
        id: PhoneNumberId,
        active: bool,
    ) -> Result<PhoneNumber, Error> {
        let mut tx = self.core.db.begin(scope).await?;
        tx.lock_phone_number(&id).await?;
        let before = one(&mut tx, scope, &id).await?;
        let after = PhoneNumber { is_active: active, ..before.clone() };
        tx.set_phone_number_active(&id, active).await?;
        let change = Change::of("phone_number.change").to("phone_number", &id).from(&before).into(&after);
        self.core.audit.record(&mut tx, scope, change).await?;
        tx.commit().await?;
        self.core.validity.changed(scope.tenant());
        Ok(after)
    }
}

async fn one(tx: &mut TenantTx, scope: &TenantScope, id: &PhoneNumberId) -> Result<PhoneNumber, Error> {
    let page = Page { limit: 1, after: None };
    let mut rows = tx.phone_numbers(scope.reach(), None, None, Some(&[id.to_string()]), page).await?;
    rows.data.pop().ok_or(Error::Missing(Thing::PhoneNumber))
}
