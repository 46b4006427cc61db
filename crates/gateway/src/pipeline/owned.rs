//! Everything that a call names is the caller's.

use std::collections::BTreeSet;

use bytes::Bytes;
use futures_util::Stream;
use portico_auth::{Denied, TenantScope};
use portico_chakra::body_scan::{FieldValue, ScannedBody};
use portico_chakra::{AnswerRule, At, BodyKind, Condition, Effect, Kind, Matched, Operation};
use portico_core::{Error as CoreError, Thing};
use portico_domain::CustomerId;
use portico_storage::OwnedId;

use super::permitted::Permitted;
use crate::Error;
use crate::body::{self, Received};
use crate::call::{BodyFailure, Headers};
use crate::headers;
use crate::named::Named;
use crate::own_pages::OwnPages;
use crate::record::CallRecord;
use crate::{Gateway, Services};

/// The largest whole number of which a parser that knows only doubles cannot make another one.
const EXACT: u64 = (1 << 53) - 1;

/// The most ids of one kind that a body may name, repeated ones counted once.
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
    /// Which page of their own rows the caller wants, where Portico pages the list.
    pub(crate) pages: Option<OwnPages>,
}

impl<'c> Owned<'c> {
    /// Checks what path and query name, reads the body, and checks what that names. A caller whose body was long
    /// in coming is judged once more.
    ///
    /// # Errors
    ///
    /// [`CoreError::Missing`] for what is not there or not the caller's; what is wrong with the body.
    pub(crate) async fn of<B>(
        mut permitted: Permitted<'c>,
        body: &mut B,
        gateway: &Gateway,
        record: &mut CallRecord,
    ) -> Result<Self, Error>
    where
        B: Stream<Item = Result<Bytes, BodyFailure>> + Unpin,
    {
        let (operation, head) = (permitted.matched().default_operation(), permitted.matched().head());
        headers::check(head.headers)?;
        body::fits(operation, head.headers, head.content_length)?;
        let check = Check(&gateway.services);
        let mut named = Named::default();
        check.fenced(&permitted, &mut named).await?;
        check.first_of_list(&permitted).await?;
        // A step of its own, because it asks Chakra. It comes first for what only the team tells the owner of.
        permitted.learn_team(gateway).await?;
        check.within_team(permitted.scope(), operation).await?;
        check.learned(&permitted, &mut named).await?;
        record.names(&named);

        // Whoever is long in sending a body keeps no other call of the tenant waiting.
        if operation.body != BodyKind::None {
            record.give_up_turn();
        }
        let received =
            body::receive(operation, permitted.matched().route(), head.headers, body, record.body_share()).await?;
        if operation.body != BodyKind::None {
            record.take_turn().await?;
        }
        if permitted.renew(gateway).await? {
            named = Named::default();
            check.fenced(&permitted, &mut named).await?;
            check.within_team(permitted.scope(), operation).await?;
            check.learned(&permitted, &mut named).await?;
        }
        let route = permitted.matched().route();
        let operation = received.operation(route);
        record.operation(operation);
        let scope = permitted.scope();
        check.body(scope, operation, route, &received, &mut named).await?;
        check_whole(scope, operation, route, &received, &named)?;
        record.names(&named);

        let customer = check.customer_for(scope, operation, head.headers, &received).await?;
        record.customer(customer);
        let pages = match operation.paging {
            Some(paging) if !gateway.services.learned.has_whole_team(scope).await? => {
                Some(OwnPages::of(paging, &received)?)
            }
            _ => None,
        };
        Ok(Self(OwnedParts { permitted, operation, received, named, customer, pages }))
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

    /// Refuses what reaches the whole team to a caller whose the whole team is not. All operations on a route are
    /// alike in that.
    async fn within_team(&self, scope: &TenantScope, operation: &Operation) -> Result<(), Error> {
        if !operation.team_wide {
            return Ok(());
        }
        scope.whole_tenant()?;
        if self.0.learned.has_whole_team(scope).await? { Ok(()) } else { Err(Error::TeamWide) }
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
                At::Body(_) | At::Anywhere(..) => None,
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
        matched: &Matched<'_, '_>,
        received: &Received,
        named: &mut Named,
    ) -> Result<(), Error> {
        let Received::Json { scanned, .. } = received else { return Ok(()) };
        self.closed(scope, operation, scanned).await?;
        let mut ids = BodyIds::default();
        for owned in operation.owned {
            let At::Body(pointer) = owned.at else { continue };
            decidable(matched, scanned, owned.when)?;
            if !scanned.holds(owned.when) {
                continue;
            }
            if let (Some(end), Kind::Learned(kind)) = (pointer.rfind("/*/"), owned.kind) {
                // A row without an id names its thing by a value, which nobody could tell the owner of.
                let named = scanned.values(pointer).filter(|found| found.text().is_some()).count();
                if named < scanned.values(&pointer[..end + 2]).count() && !self.0.learned.has_whole_team(scope).await? {
                    return Err(CoreError::Missing(Thing::Resource(kind.as_str())).into());
                }
            }
            if scanned.hides(pointer) {
                let detail = "must be reached through lists and objects, as the documentation writes them";
                return Err(CoreError::invalid(pointer, detail).into());
            }
            for found in scanned.values(pointer) {
                ids.add(owned.kind, self.text(scope, pointer, found).await?);
            }
        }
        for found in scanned.ids() {
            if let Some(kind) = found.kind {
                ids.add(kind, self.text(scope, &found.pointer, &found.value).await?);
            } else if !self.0.learned.has_whole_team(scope).await? {
                let detail = "is an id in a place where Portico cannot tell whose it is: a key that is limited, or whose \
                    Chakra team is shared, cannot send it";
                return Err(CoreError::invalid(found.pointer.as_str(), detail).into());
            }
        }
        for (kind, ids) in ids.bounded()? {
            self.ids(scope, kind, &ids, named).await?;
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

    /// The id that a field holds, if it holds something. Chakra reads JSON numbers as JavaScript does, which rounds long
    /// ones to other ids; and a caller who may only use what is known as theirs leaves no room for two readings.
    async fn text<'v>(
        &self,
        scope: &TenantScope,
        pointer: &str,
        value: &'v FieldValue,
    ) -> Result<Option<&'v str>, Error> {
        let exact = |digits: &str| digits.parse::<u64>().is_ok_and(|number| number <= EXACT);
        let text = match value {
            FieldValue::Unset => return Ok(None),
            FieldValue::Text(text) => Some(text.as_str()),
            FieldValue::Number(text) if !exact(text) => None,
            FieldValue::Number(text) => self.0.learned.has_whole_team(scope).await?.then_some(text.as_str()),
            FieldValue::Other => None,
        };
        let wrong = || CoreError::invalid(pointer, "must be an id, written as a string").into();
        text.map(Some).ok_or_else(wrong)
    }

    /// Refuses fields that the body of the operation must not have. A row may name its record by the value of its primary
    /// key, but only for callers to whom every record of the team is open.
    async fn closed(&self, scope: &TenantScope, operation: &Operation, scanned: &ScannedBody) -> Result<(), Error> {
        let unknown = scanned.unknown_fields();
        if unknown.is_empty() || operation.closed.is_none() {
            return Ok(());
        }
        let keys_count = unknown.iter().all(|field| field.may_be_key) && self.0.learned.has_whole_team(scope).await?;
        if keys_count {
            return Ok(());
        }
        let places: Vec<&str> = unknown.iter().map(|field| field.pointer.as_str()).take(5).collect();
        let known: Vec<&str> = operation.request.iter().map(|field| field.name).collect();
        let detail = format!("is no field of this call, which takes {}", known.join(", "));
        let detail = match places.split_first() {
            Some((_, [])) | None => detail,
            Some((_, others)) => format!("{detail}; nor is {}", others.join(", ")),
        };
        Err(CoreError::invalid(places.first().copied().unwrap_or_default(), detail).into())
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
                let owned = self.owner(scope, kind, text, named).await?;
                if kind == Kind::PhoneNumber {
                    named.add_phone_number(text.parse().ok());
                }
                named.add(kind, owned)
            }
        }
    }

    /// Whose a plugin, WABA or number is. One that nobody knows may have come by a sign-up that ended just now: then
    /// Chakra is asked what the plugins have, and that counts.
    async fn owner(&self, scope: &TenantScope, kind: Kind, text: &str, named: &Named) -> Result<OwnedId, Error> {
        let found = self.0.ownership.owner(scope, kind, text).await;
        let is_id = kind != Kind::Plugin && text.bytes().all(|byte| byte.is_ascii_digit());
        let may_be_new = is_id && matches!(found, Err(CoreError::Missing(_)));
        if may_be_new && self.0.plugins.look_again(scope, named.plugin()).await? {
            return Ok(self.0.ownership.owner(scope, kind, text).await?);
        }
        Ok(found?)
    }

    /// Has plugins read that may have something for a list of numbers or WABAs and have nothing yet.
    async fn first_of_list(&self, permitted: &Permitted<'_>) -> Result<(), Error> {
        let AnswerRule::FilterRows(rows) = permitted.matched().default_operation().rule else { return Ok(()) };
        if rows.iter().any(|row| matches!(row.kind, Kind::Waba | Kind::PhoneNumber)) {
            self.0.plugins.look_for_first(permitted.scope()).await?;
        }
        Ok(())
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

/// The ids that a body names, of each kind once.
#[derive(Debug, Default)]
struct BodyIds<'b>(Vec<(Kind, BTreeSet<&'b str>)>);

impl<'b> BodyIds<'b> {
    fn add(&mut self, kind: Kind, id: Option<&'b str>) {
        let Some(id) = id else { return };
        match self.0.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, ids)) => {
                ids.insert(id);
            }
            None => self.0.push((kind, BTreeSet::from([id]))),
        }
    }

    /// Refuses a body that names too many: each costs a look-up.
    fn bounded(self) -> Result<Vec<(Kind, BTreeSet<&'b str>)>, CoreError> {
        match self.0.iter().map(|(_, ids)| ids.len()).find(|count| *count > MOST_IDS) {
            Some(count) => Err(CoreError::invalid(
                "",
                format!("names {count} ids of one kind; send {MOST_IDS} at most in one call"),
            )),
            None => Ok(self.0),
        }
    }
}

/// Refuses a body of which two parsers could think differently whether the condition holds: its field must have one of
/// the values that the catalogue names, or none.
fn decidable(matched: &Matched<'_, '_>, scanned: &ScannedBody, when: Condition) -> Result<(), Error> {
    let (Condition::BodyIs(pointer, _) | Condition::BodyIsNot(pointer, _)) = when else { return Ok(()) };
    let Some(values) = matched.route.values_of(pointer) else { return Ok(()) };
    let fits = |value: &FieldValue| match value {
        FieldValue::Unset => true,
        FieldValue::Text(text) => values.contains(&text.as_str()),
        FieldValue::Number(_) | FieldValue::Other => false,
    };
    if scanned.values(pointer).all(fits) {
        return Ok(());
    }
    Err(CoreError::invalid(pointer, format!("must be {}", values.join(" or "))).into())
}

/// What the ids together must be: a key that is limited to phone numbers names one of them in
/// every call but lists, which are filtered; and what connects or disconnects names what.
fn check_whole(
    scope: &TenantScope,
    operation: &Operation,
    matched: &Matched<'_, '_>,
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
