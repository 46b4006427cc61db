//! WhatsApp Business Accounts of plugins.

use portico_auth::Scope;
use portico_core::{Core, Error, PageRequest, Paged, Thing, paged};
use portico_domain::permission::perm;
use portico_domain::{CustomerId, PluginId, Waba, WabaId};
use portico_storage::Page;

/// WhatsApp Business Accounts of plugins, as last observed.
#[derive(Debug)]
pub struct Wabas {
    core: Core,
}

impl Wabas {
    /// The service on that core.
    #[must_use]
    pub fn new(core: &Core) -> Self {
        Self { core: core.clone() }
    }

    /// A page of the WABAs within reach.
    ///
    /// # Errors
    ///
    /// [`Error::Database`].
    pub async fn list(
        &self,
        scope: &Scope<perm::WabasRead>,
        customer: Option<CustomerId>,
        plugin: Option<PluginId>,
        page: PageRequest<WabaId>,
    ) -> Result<Paged<Waba>, Error> {
        let mut tx = self.core.db.begin(scope).await?;
        let rows = tx.wabas(scope.reach(), customer, plugin, None, page.into()).await?;
        Ok(paged(rows, |waba| waba.id.to_string()))
    }

    /// One WABA within reach.
    ///
    /// # Errors
    ///
    /// [`Error::Missing`].
    pub async fn get(&self, scope: &Scope<perm::WabasRead>, id: WabaId) -> Result<Waba, Error> {
        let mut tx = self.core.db.begin(scope).await?;
        let page = Page { limit: 1, after: None };
        let mut rows = tx.wabas(scope.reach(), None, None, Some(&[id.to_string()]), page).await?;
        rows.data.pop().ok_or(Error::Missing(Thing::Waba))
    }
}
