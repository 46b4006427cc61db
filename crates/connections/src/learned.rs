//! Ids that name no owner by themselves, and whose they were learned to be.
//!
//! Whoever sees such an id in an answer or event of a plugin calls [`LearnedIds::learn`]. A caller that is
//! limited to customers may use only what was learned as theirs. A caller of the whole tenant may also
//! use an id that nobody learned, unless another tenant may be in the same Chakra team: Chakra
//! would not tell the two apart.

use std::collections::HashMap;
use std::sync::Arc;

use portico_auth::{Reach, TenantScope};
use portico_chakra::LearnedKind;
use portico_domain::TenantId;
use portico_storage::{Learned, NewLearned, OwnedId};

use portico_core::Core;
use portico_core::cache::Cache;
use portico_core::{Error as CoreError, Thing};

use crate::Error;
use crate::chakra_keys::ChakraCredentials;

/// What is looked up.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct LearnedKey {
    tenant: TenantId,
    kind: &'static str,
    id: String,
}

/// The longest id that is learned, in bytes.
const LONGEST: usize = 512;

/// Whose ids are that name no owner by themselves. Cheap to clone.
#[derive(Debug, Clone)]
pub struct LearnedIds {
    core: Core,
    credentials: ChakraCredentials,
    known: Arc<Cache<LearnedKey, Learned>>,
}

impl LearnedIds {
    /// The service on that core.
    #[must_use]
    pub fn new(core: &Core, credentials: &ChakraCredentials) -> Self {
        let known = core.caches.add("learned_ids");
        Self { core: core.clone(), credentials: credentials.clone(), known }
    }

    /// Writes whose ids are.
    ///
    /// # Errors
    ///
    /// [`CoreError::Database`].
    pub async fn learn(&self, scope: &TenantScope, all: &[NewLearned]) -> Result<(), Error> {
        for part in all.chunks(1_000) {
            let mut tx = self.core.db.begin(scope).await?;
            tx.learn(part).await?;
            tx.commit().await?;
        }
        Ok(())
    }

    /// Keeps whose an id is until it is written with the log of its call.
    pub fn keep_pending(&self, scope: &TenantScope, learned: &NewLearned, owner: Option<OwnedId>) {
        self.core.write_behind.keep_pending(scope, learned, owner);
    }

    /// Whose the id is, if the caller may use it; none when nobody knows and the caller may all the same.
    /// Anything else is the same [`CoreError::Missing`].
    ///
    /// # Errors
    ///
    /// [`CoreError::Missing`]; [`Error::NoChakraKey`] when that decides.
    pub async fn owner(&self, scope: &TenantScope, kind: LearnedKind, id: &str) -> Result<Option<Learned>, Error> {
        let missing = || CoreError::Missing(Thing::Resource(kind.as_str())).into();
        if id.len() > LONGEST || id.contains('\0') {
            return Err(missing());
        }
        match self.load_learned(scope, kind, id).await? {
            Some(learned) => {
                if covers(scope.reach(), &learned) {
                    Ok(Some(learned))
                } else {
                    Err(missing())
                }
            }
            None => {
                if self.has_whole_team(scope).await? {
                    Ok(None)
                } else {
                    Err(missing())
                }
            }
        }
    }

    async fn load_learned(&self, scope: &TenantScope, kind: LearnedKind, id: &str) -> Result<Option<Learned>, Error> {
        let key = LearnedKey { tenant: scope.tenant(), kind: kind.as_str(), id: id.to_owned() };
        let pending = || self.core.write_behind.pending_owner(key.tenant, key.kind, id);
        if let Some(known) = self.known.get(&self.core.validity, &key).or_else(pending) {
            return Ok(Some(known));
        }
        let stamp = self.core.validity.stamp(scope.tenant());
        let mut tx = self.core.db.begin(scope).await?;
        let found = tx.learned(kind.as_str(), std::slice::from_ref(&key.id)).await?.pop().map(|(_, learned)| learned);
        tx.commit().await?;
        if let Some(learned) = &found {
            self.known.put(key, stamp, learned.clone());
        }
        Ok(found)
    }

    /// Whose those ids are, for the ones that the caller may use: an id that nobody knows counts when
    /// the caller may use such ids.
    ///
    /// # Errors
    ///
    /// [`CoreError::Database`]; [`Error::NoChakraKey`].
    pub async fn owners(
        &self,
        scope: &TenantScope,
        kind: LearnedKind,
        ids: &[String],
    ) -> Result<HashMap<String, Option<OwnedId>>, Error> {
        let mut tx = self.core.db.begin(scope).await?;
        let known: HashMap<_, _> = tx.learned(kind.as_str(), ids).await?.into_iter().collect();
        tx.commit().await?;
        let unlearned = self.has_whole_team(scope).await?;
        let usable = |id: &String| match known.get(id) {
            Some(learned) => covers(scope.reach(), learned).then_some(learned.owner),
            None => unlearned.then_some(None),
        };
        Ok(ids.iter().filter_map(|id| Some((id.clone(), usable(id)?))).collect())
    }

    /// Whether the caller may use ids of which nobody knows whose they are, and calls that reach the whole Chakra
    /// team: it is fenced by nothing, and the team is known to be its tenant's alone. Asks nobody over the network: a
    /// team that is not known yet counts as shared.
    ///
    /// # Errors
    ///
    /// [`Error::NoChakraKey`]; [`CoreError::Database`].
    pub async fn has_whole_team(&self, scope: &TenantScope) -> Result<bool, Error> {
        Ok(scope.whole_tenant().is_ok() && self.credentials.default(scope).await?.team_is_own)
    }
}

fn covers(reach: &Reach, learned: &Learned) -> bool {
    let customer = match learned.owner {
        Some(owner) => reach.covers_customer(owner.customer),
        None => reach.is_whole_tenant(),
    };
    let number = match &learned.phone_number {
        Some(number) => reach.covers_phone_number(number),
        None => reach.phone_numbers.is_none(),
    };
    customer && number
}

#[cfg(test)]
mod tests {
    use portico_domain::{CustomerId, PluginId};

    use super::*;

    fn learned(customer: Option<CustomerId>, number: Option<&str>) -> Learned {
        let owner = customer.map(|customer| OwnedId {
            customer,
            plugin: PluginId::from_uuid(uuid::Uuid::nil()),
            is_active: true,
        });
        Learned { owner, phone_number: number.map(|id| id.parse().expect("is digits")) }
    }

    #[test]
    fn a_limited_caller_reaches_only_what_was_learned_as_theirs() {
        let mine = CustomerId::generate();
        let customers = Reach { customers: Some(vec![mine]), phone_numbers: None };
        assert!(covers(&customers, &learned(Some(mine), None)));
        assert!(!covers(&customers, &learned(Some(CustomerId::generate()), None)));
        assert!(!covers(&customers, &learned(None, None)));
        let numbers = Reach { customers: None, phone_numbers: Some(vec!["1".parse().expect("is digits")]) };
        assert!(covers(&numbers, &learned(Some(mine), Some("1"))));
        assert!(!covers(&numbers, &learned(Some(mine), Some("2"))));
        assert!(!covers(&numbers, &learned(Some(mine), None)));
        assert!(covers(&Reach::ALL, &learned(None, None)));
    }
}
