//! Whose an id is: answered from memory for what is warm.

use std::sync::Arc;

use portico_auth::TenantScope;
use portico_chakra::Kind;
use portico_domain::{PhoneNumberId, PluginId, TenantId, WabaId};
use portico_storage::OwnedId;

use portico_core::Core;
use portico_core::cache::Cache;
use portico_core::{Error, Thing};

/// What is looked up.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct OwnedKey {
    tenant: TenantId,
    id: AnyId,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum AnyId {
    Plugin(PluginId),
    Waba(WabaId),
    PhoneNumber(PhoneNumberId),
}

/// Whose plugins, WABAs and phone numbers are. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Ownership {
    core: Core,
    owned: Arc<Cache<OwnedKey, OwnedId>>,
}

impl Ownership {
    /// The service on that core.
    #[must_use]
    pub fn new(core: &Core) -> Self {
        let owned = core.caches.add("owners");
        Self { core: core.clone(), owned }
    }

    /// Whose the id is, if it is within the caller's reach. Anything else — malformed, unknown, of
    /// another tenant, of a customer beyond the key's limits — is the same [`Error::Missing`].
    ///
    /// # Errors
    ///
    /// [`Error::Missing`]; [`Error::Database`].
    pub async fn owner(&self, scope: &TenantScope, kind: Kind, text: &str) -> Result<OwnedId, Error> {
        let missing = || Error::Missing(thing(kind));
        let id = match kind {
            Kind::Plugin => AnyId::Plugin(text.parse().map_err(|_| missing())?),
            Kind::Waba => AnyId::Waba(text.parse().map_err(|_| missing())?),
            Kind::PhoneNumber => AnyId::PhoneNumber(text.parse().map_err(|_| missing())?),
            Kind::Learned(_) => return Err(missing()),
        };
        if let AnyId::PhoneNumber(id) = &id
            && !scope.reach().covers_phone_number(id)
        {
            return Err(missing());
        }
        let key = OwnedKey { tenant: scope.tenant(), id };
        let owner = match self.owned.get(&self.core.validity, &key) {
            Some(owner) => owner,
            None => self.load_owner(scope, key).await?.ok_or_else(missing)?,
        };
        if scope.reach().covers_customer(owner.customer) { Ok(owner) } else { Err(missing()) }
    }

    async fn load_owner(&self, scope: &TenantScope, key: OwnedKey) -> Result<Option<OwnedId>, Error> {
        let stamp = self.core.validity.stamp(scope.tenant());
        let mut tx = self.core.db.begin(scope).await?;
        let owner = match &key.id {
            AnyId::Plugin(id) => tx.owner_of_plugin(*id).await?,
            AnyId::Waba(id) => tx.owner_of_waba(id).await?,
            AnyId::PhoneNumber(id) => tx.owner_of_phone_number(id).await?,
        };
        tx.commit().await?;
        if let Some(owner) = owner {
            self.owned.put(key, stamp, owner);
        }
        Ok(owner)
    }
}

/// What is missing when an id of that kind is.
#[must_use]
pub fn thing(kind: Kind) -> Thing {
    match kind {
        Kind::Plugin => Thing::Plugin,
        Kind::Waba => Thing::Waba,
        Kind::PhoneNumber => Thing::PhoneNumber,
        Kind::Learned(learned) => Thing::Resource(learned.as_str()),
    }
}
