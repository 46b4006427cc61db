//! Whose an id is: answered from memory for what is warm.

use portico_auth::TenantScope;
use portico_chakra::Kind;
use portico_domain::{PhoneNumberId, PluginId, TenantId, WabaId};
use portico_storage::OwnedId;

use crate::error::{Error, Thing};
use crate::start::App;

/// What is looked up.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct OwnedKey {
    tenant: TenantId,
    id: AnyId,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum AnyId {
    Plugin(PluginId),
    Waba(WabaId),
    PhoneNumber(PhoneNumberId),
}

impl App {
    /// Whose the id is, if it is within the caller's reach. Anything else — malformed, unknown, of
    /// another tenant, of a customer beyond the key's limits — is the same [`Error::Missing`].
    pub(crate) async fn owner(&self, scope: &TenantScope, kind: Kind, text: &str) -> Result<OwnedId, Error> {
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
        let owner = match self.shared.owned.get(&self.shared.freshness, &key) {
            Some(owner) => owner,
            None => self.load_owner(scope, key).await?.ok_or_else(missing)?,
        };
        if scope.reach().covers_customer(owner.customer) { Ok(owner) } else { Err(missing()) }
    }

    async fn load_owner(&self, scope: &TenantScope, key: OwnedKey) -> Result<Option<OwnedId>, Error> {
        let stamp = self.shared.freshness.stamp(scope.tenant());
        let mut tx = self.shared.db.begin(scope).await?;
        let owner = match &key.id {
            AnyId::Plugin(id) => tx.owner_of_plugin(*id).await?,
            AnyId::Waba(id) => tx.owner_of_waba(id).await?,
            AnyId::PhoneNumber(id) => tx.owner_of_phone_number(id).await?,
        };
        tx.commit().await?;
        if let Some(owner) = owner {
            self.shared.owned.put(key, stamp, owner);
        }
        Ok(owner)
    }
}

/// What is missing when an id of that kind is.
pub(crate) fn thing(kind: Kind) -> Thing {
    match kind {
        Kind::Plugin => Thing::Plugin,
        Kind::Waba => Thing::Waba,
        Kind::PhoneNumber => Thing::PhoneNumber,
        Kind::Learned(learned) => Thing::Resource(learned.as_str()),
    }
}
