//! Everything that a call names is the caller's.

use std::collections::BTreeSet;

use bytes::Bytes;
use futures_util::Stream;
use portico_auth::{Denied, TenantScope};
use portico_chakra::body_scan::FieldValue;
use portico_chakra::{AnswerRule, At, BodyKind, Effect, Kind, Operation};
use portico_core::{Error as CoreError, Thing};
use portico_domain::CustomerId;

use super::permitted::Permitted;
use crate::Error;
use crate::body::{self, Received};
use crate::call::{BodyFailure, Headers};
use crate::named::Named;
use crate::record::CallRecord;
use crate::{Gateway, Services};

/// The most ids that a body may name in one place, repeated ones counted once.
const MOST_IDS: usize = 1000;

/// A call that names nothing but what is the caller's, with its body as far as it had to be read for that.
#[derive(Debug)]
pub(crate) struct Owned<'c>(OwnedParts<'c>);

/// What an owned call consists of.
#[derive(Debug)]
pub(crate) struct OwnedParts<'c> {
    pub(crate) permitted: Permitted<'c>,
    pub(crate) operation: &'static Operation,
    pub(crate) received: Received,
    pub(crate) named: Named,
    /// The customer for whom the call makes a plugin.
    pub(crate) customer: Option<CustomerId>,
}

impl<'c> Owned<'c> {
    /// Checks what path and query name, reads the body, and checks what that names. A caller whose body was long
    /// in coming is judged once more.
    ///
    /// # Errors
    ///
    /// [`CoreError::Missing`] for what is not there or not the caller's; what is wrong with the body.
    pub(crate) async fn of<B>(
        permitted: Permitted<'c>,
        body: &mut B,
        gateway: &Gateway,
        record: &mut CallRecord,
    ) -> Result<Self, Error>
    where
        B: Stream<Item = Result<Bytes, BodyFailure>> + Unpin,
    {
        let (operation, head) = (permitted.matched().default_operation(), permitted.matched().head());
        body::fits(operation, head.headers, head.content_length)?;
        let check = Check(&gateway.services);
        let mut named = Named::default();
        check.fenced(&permitted, &mut named).await?;
        // A step of its own: no check asks Chakra. It comes first for what only the team tells the owner of.
        permitted.learn_team(gateway).await?;
        check.learned(&permitted, &mut named).await?;
        record.names(&named);

        // Whoever is long in sending a body keeps no other call of the tenant waiting.
        if operation.body != BodyKind::None {
            record.give_up_turn();
        }
        let received = body::receive(operation, permitted.matched().route(), head.headers, body).await?;
        if operation.body != BodyKind::None {
            record.take_turn().await?;
        }
        let (permitted, is_renewed) = permitted.renewed(gateway).await?;
        if is_renewed {
            named = Named::default();
            check.fenced(&permitted, &mut named).await?;
            check.learned(&permitted, &mut named).await?;
        }
        let route = permitted.matched().route();
        let operation = received.operation(route);
        record.operation(operation);
        let scope = permitted.scope();
        check.body(scope, operation, &received, &mut named).await?;
        check_whole(scope, operation, route, &received, &named)?;
        record.names(&named);

        let customer = check.customer_for(scope, operation, head.headers, &received).await?;
        record.customer(customer);
        Ok(Self(OwnedParts { permitted, operation, received, named, customer }))
    }

    /// Ends the evidence: the next stage takes what it consists of.
    pub(super) fn into_parts(self) -> OwnedParts<'c> {
        self.0
    }
}

/// Asks whose things are.
struct Check<'s>(&'s Services);

impl Check<'_> {
    /// Adds the plugins, WABAs and numbers that path and query name, if they are the caller's.
    async fn fenced(&self, permitted: &Permitted<'_>, named: &mut Named) -> Result<(), Error> {
        self.path_and_query(permitted, |kind| !matches!(kind, Kind::Learned(_)), named).await
    }

    /// Adds what else path and query name, whose owner was learned.
    async fn learned(&self, permitted: &Permitted<'_>, named: &mut Named) -> Result<(), Error> {
        self.path_and_query(permitted, |kind| matches!(kind, Kind::Learned(_)), named).await
    }

    async fn path_and_query(
        &self,
        permitted: &Permitted<'_>,
        concerns: impl Fn(Kind) -> bool,
        named: &mut Named,
    ) -> Result<(), Error> {
        for owned in permitted.matched().default_operation().owned.iter().filter(|owned| concerns(owned.kind)) {
            let value = match owned.at {
                At::Path(name) => permitted.matched().route().parameter(name),
                At::Query(name) => permitted.query().value(name).filter(|value| !value.is_empty()),
                At::Body(_) => None,
            };
            if let Some(value) = value {
                self.id(permitted.scope(), owned.kind, value, named).await?;
            }
        }
        Ok(())
    }

    /// Adds what the body names, if it is the caller's.
    async fn body(
        &self,
        scope: &TenantScope,
        operation: &Operation,
        received: &Received,
        named: &mut Named,
    ) -> Result<(), Error> {
        let Received::Json { scanned, .. } = received else { return Ok(()) };
        for owned in operation.owned {
            let At::Body(pointer) = owned.at else { continue };
            if !scanned.holds(owned.when) {
                continue;
            }
            if let (Some(end), Kind::Learned(kind)) = (pointer.rfind("/*/"), owned.kind) {
                // A row without an id names its thing by a value, which nobody could tell the owner of.
                let named = scanned.values(pointer).filter(|found| matches!(found, FieldValue::Text(_))).count();
                if named < scanned.values(&pointer[..end + 2]).count()
                    && !self.0.learned.may_use_unlearned(scope).await?
                {
                    return Err(CoreError::Missing(Thing::Resource(kind.as_str())).into());
                }
            }
            let mut ids = BTreeSet::new();
            for found in scanned.values(pointer) {
                match found {
                    FieldValue::Unset => {}
                    FieldValue::Text(text) => {
                        ids.insert(text.as_str());
                    }
                    FieldValue::Other => {
                        return Err(CoreError::invalid(pointer, "must be an id, written as a string").into());
                    }
                }
            }
            if ids.len() > MOST_IDS {
                let detail = format!("names {} ids; send {MOST_IDS} at most in one call", ids.len());
                return Err(CoreError::invalid(pointer, detail).into());
            }
            self.ids(scope, owned.kind, &ids, named).await?;
        }
        Ok(())
    }

    /// Adds ids of one kind, which are looked up together where there are several.
    async fn ids(&self, scope: &TenantScope, kind: Kind, ids: &BTreeSet<&str>, named: &mut Named) -> Result<(), Error> {
        match kind {
            Kind::Learned(learned) if ids.len() > 1 => {
                for known in self.0.learned.owners_of_all(scope, learned, ids).await? {
                    if let Some(owner) = known.owner {
                        named.add(kind, owner)?;
                    }
                    named.suggest_phone_number(known.phone_number);
                }
            }
            _ => {
                for id in ids {
                    self.id(scope, kind, id, named).await?;
                }
            }
        }
        Ok(())
    }

    async fn id(&self, scope: &TenantScope, kind: Kind, text: &str, named: &mut Named) -> Result<(), Error> {
        match kind {
            Kind::Learned(learned) => {
                if let Some(known) = self.0.learned.owner(scope, learned, text).await? {
                    if let Some(owner) = known.owner {
                        named.add(kind, owner)?;
                    }
                    named.suggest_phone_number(known.phone_number);
                }
                Ok(())
            }
            Kind::Plugin | Kind::Waba | Kind::PhoneNumber => {
                let owned = self.0.ownership.owner(scope, kind, text).await?;
                if kind == Kind::PhoneNumber {
                    named.add_phone_number(text.parse().ok());
                }
                named.add(kind, owned)
            }
        }
    }

    /// The customer for whom a plugin is to be made: the one that `Portico-Customer` names, else the
    /// one whose external id is the plugin's name.
    async fn customer_for(
        &self,
        scope: &TenantScope,
        operation: &Operation,
        headers: &dyn Headers,
        received: &Received,
    ) -> Result<Option<CustomerId>, Error> {
        let Some(wanted) = received.new_plugin(operation)? else { return Ok(None) };
        let given = headers.get("portico-customer").map(|value| {
            std::str::from_utf8(value).map_err(|_| CoreError::Header("Portico-Customer", "must be UTF-8 text".into()))
        });
        let given = given.transpose()?;
        let mut tx = self.0.core.db.begin(scope).await?;
        let reach = scope.reach().customers();
        let found = match given {
            Some(text) => match text.parse::<CustomerId>() {
                Ok(id) => Some(id),
                Err(_) => tx.customer_by_external_id(text).await?,
            },
            None => tx.customer_by_external_id(wanted.external_id.as_str()).await?,
        };
        if let Some(id) = found
            && tx.customer(reach, id).await?.is_some()
        {
            return Ok(Some(id));
        }
        if given.is_some() {
            return Err(CoreError::Header(
                "Portico-Customer",
                "names no customer: use a cus_… id or an external id".into(),
            )
            .into());
        }
        if scope.whole_tenant().is_err() {
            return Err(Denied::Limited.into());
        }
        let (id, _) = tx.ensure_customer(CustomerId::generate(), &wanted).await?;
        tx.commit().await?;
        Ok(Some(id))
    }
}

/// What the ids together must be: a key that is limited to phone numbers names one of them in
/// every call but lists, which are filtered; and what connects or disconnects names what.
fn check_whole(
    scope: &TenantScope,
    operation: &Operation,
    matched: &portico_chakra::Matched<'_, '_>,
    received: &Received,
    named: &Named,
) -> Result<(), Error> {
    let filtered = matches!(operation.rule, AnswerRule::FilterRows(_));
    let free = operation.permission.is_none() || filtered || named.phone_number().is_some();
    if scope.reach().phone_numbers.is_some() && !free {
        return Err(Denied::Limited.into());
    }
    match operation.effect {
        Effect::BeginsConnect if named.plugin().is_none() && received.new_plugin(operation)?.is_none() => {
            Err(CoreError::invalid("/pluginId", "is required: a plugin's id, or newPluginName").into())
        }
        Effect::DisconnectsWaba => match (matched.parameter("wabaId"), received.text("wabaId")) {
            (None, None) => Err(CoreError::invalid("/wabaId", "is required: the id of the WABA").into()),
            (Some(path), Some(body)) if path != body => {
                Err(Error::Mismatch("the body names another WABA than the path".into()))
            }
            _ => Ok(()),
        },
        _ => Ok(()),
    }
}
