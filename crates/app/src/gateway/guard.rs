//! What a call names, and whether the caller owns it.

use std::borrow::Cow;

use portico_auth::{Denied, TenantScope};
use portico_chakra::{AnswerRule, At, BodyKind, ChosenPaths, Effect, Kind, Matched, Operation, scan::Found};
use portico_domain::{CustomerId, Permission, PhoneNumberId, PluginId};
use portico_storage::OwnedId;

use super::body::Received;
use super::{Headers, parameter};
use crate::error::{Error, Thing};
use crate::start::App;

/// The most that a JSON body may hold, in bytes.
pub(super) const JSON_LIMIT: usize = 1024 * 1024;
/// The most that a body with media may hold, in bytes.
pub(super) const MEDIA_LIMIT: usize = 100 * 1024 * 1024;

/// A query, decoded once.
#[derive(Debug, Default)]
pub(super) struct Query<'q> {
    raw: Option<&'q str>,
    pairs: Vec<(Cow<'q, str>, Cow<'q, str>)>,
}

impl<'q> Query<'q> {
    /// Reads a query. A parameter that decides about rights must stand once and be written plainly:
    /// other parsers would read `id[]` or a second `id` as the same parameter.
    pub(super) fn parse(raw: Option<&'q str>, operation: &Operation) -> Result<Self, Error> {
        let Some(raw) = raw.filter(|raw| !raw.is_empty()) else { return Ok(Self::default()) };
        if raw.bytes().any(|byte| byte == b'#' || byte.is_ascii_control()) {
            return Err(Error::Query("the query holds a character that must be percent-encoded".into()));
        }
        let pairs: Vec<_> = form_urlencoded::parse(raw.as_bytes()).collect();
        // What stands here goes on to Chakra.
        if pairs.iter().any(|(name, value)| name.contains("ptc_") || value.contains("ptc_")) {
            return Err(Error::Query("the query holds an API key; send it in the Authorization header only".into()));
        }
        // Meta reads nested fields and edges here: only plain names keep the call to what its path names.
        let plain = |value: &str| value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_,".contains(&byte));
        if pairs.iter().any(|(name, value)| name == "fields" && !plain(value)) {
            return Err(Error::Query("fields must be a comma list of plain field names, such as id,name".into()));
        }
        let watched = operation.owned.iter().filter_map(|owned| match owned.at {
            At::Query(name) => Some(name),
            At::Path(_) | At::Body(_) => None,
        });
        for name in watched.chain(operation.query_permission.map(|(name, _)| name)) {
            let like = |given: &str| given.split(['[', '.', ']']).any(|part| part.trim().eq_ignore_ascii_case(name));
            let mut alike = pairs.iter().filter(|(given, _)| like(given));
            if let Some((given, _)) = alike.next()
                && (given != name || alike.next().is_some())
            {
                return Err(Error::Query(format!("write the query parameter {name} once and exactly so")));
            }
        }
        Ok(Self { raw: Some(raw), pairs })
    }

    fn value(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_ref())
    }

    /// The permission that a parameter asks for beside the operation's own.
    pub(super) fn permission(&self, operation: &Operation) -> Option<Permission> {
        let (name, permission) = operation.query_permission?;
        self.value(name).map(|_| permission)
    }
}

/// The owned things that a call names. They belong together: all to one plugin.
#[derive(Debug, Default)]
pub(super) struct Named {
    first: Option<OwnedId>,
    phone_number: Option<PhoneNumberId>,
}

impl Named {
    pub(super) fn plugin(&self) -> Option<PluginId> {
        self.first.map(|owned| owned.plugin)
    }

    pub(super) fn customer(&self) -> Option<CustomerId> {
        self.first.map(|owned| owned.customer)
    }

    pub(super) fn owner(&self) -> Option<OwnedId> {
        self.first
    }

    pub(super) fn phone_number(&self) -> Option<&PhoneNumberId> {
        self.phone_number.as_ref()
    }

    fn add(&mut self, kind: Kind, owned: OwnedId) -> Result<(), Error> {
        match self.first {
            None => self.first = Some(owned),
            Some(first) if first.plugin == owned.plugin => {}
            Some(_) if kind == Kind::Plugin => {
                return Err(Error::Mismatch("the body or query names another plugin than the path".into()));
            }
            // Chakra would not find a number or account inside a plugin that it does not belong to.
            Some(_) => return Err(Error::Missing(crate::ownership::thing(kind))),
        }
        if owned.is_active { Ok(()) } else { Err(Error::InactiveNumber) }
    }
}

impl App {
    pub(super) async fn check_path_and_query(
        &self,
        scope: &TenantScope,
        matched: &Matched<'_, '_>,
        query: &Query<'_>,
        named: &mut Named,
    ) -> Result<(), Error> {
        // Operations on one route name the same ids in path and query.
        for owned in matched.route.usual().owned {
            let value = match owned.at {
                At::Path(name) => matched.parameter(name),
                At::Query(name) => query.value(name).filter(|value| !value.is_empty()),
                At::Body(_) => None,
            };
            if let Some(value) = value {
                self.check_id(scope, owned.kind, value, named).await?;
            }
        }
        Ok(())
    }

    pub(super) async fn check_body(
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
                let named = scanned.at(pointer).filter(|found| matches!(found, Found::Text(_))).count();
                if named < scanned.at(&pointer[..end + 2]).count() && !self.may_use_unlearned(scope).await? {
                    return Err(Error::Missing(Thing::Resource(kind.as_str())));
                }
            }
            for found in scanned.at(pointer) {
                match found {
                    Found::Unset => {}
                    Found::Text(text) => self.check_id(scope, owned.kind, text, named).await?,
                    Found::Other => return Err(Error::invalid(pointer, "must be an id, written as a string")),
                }
            }
        }
        Ok(())
    }

    /// What the ids together must be: a key that is limited to phone numbers names one of them in
    /// every call but lists, which are filtered; and what connects or disconnects names what.
    pub(super) fn check_whole(
        scope: &TenantScope,
        operation: &Operation,
        matched: &Matched<'_, '_>,
        received: &Received,
        named: &Named,
    ) -> Result<(), Error> {
        let filtered = matches!(operation.rule, AnswerRule::FilterRows(_));
        let free = operation.permission.is_none() || filtered || named.phone_number.is_some();
        if scope.reach().phone_numbers.is_some() && !free {
            return Err(Denied::Limited.into());
        }
        match operation.effect {
            Effect::BeginsConnect if named.plugin().is_none() && received.new_plugin(operation)?.is_none() => {
                Err(Error::invalid("/pluginId", "is required: a plugin's id, or newPluginName"))
            }
            Effect::DisconnectsWaba => match (matched.parameter("wabaId"), received.text("wabaId")) {
                (None, None) => Err(Error::invalid("/wabaId", "is required: the id of the WABA")),
                (Some(path), Some(body)) if path != body => {
                    Err(Error::Mismatch("the body names another WABA than the path".into()))
                }
                _ => Ok(()),
            },
            _ => Ok(()),
        }
    }

    async fn check_id(&self, scope: &TenantScope, kind: Kind, text: &str, named: &mut Named) -> Result<(), Error> {
        match kind {
            Kind::Learned(learned) => {
                if let Some(known) = self.learned_owner(scope, learned, text).await? {
                    if let Some(owner) = known.owner {
                        named.add(kind, owner)?;
                    }
                    named.phone_number = named.phone_number.take().or(known.phone_number);
                }
                Ok(())
            }
            Kind::Plugin | Kind::Waba | Kind::PhoneNumber => {
                let owned = self.owner(scope, kind, text).await?;
                if kind == Kind::PhoneNumber {
                    named.phone_number = text.parse().ok();
                }
                named.add(kind, owned)
            }
        }
    }

    /// The customer for whom a plugin is to be made: the one that `Portico-Customer` names, else the
    /// one whose external id is the plugin's name.
    pub(super) async fn customer_for(
        &self,
        scope: &TenantScope,
        operation: &Operation,
        headers: &dyn Headers,
        received: &Received,
    ) -> Result<Option<CustomerId>, Error> {
        let Some(wanted) = received.new_plugin(operation)? else { return Ok(None) };
        let given = headers.get("portico-customer").map(|value| {
            std::str::from_utf8(value).map_err(|_| Error::Header("Portico-Customer", "must be UTF-8 text".into()))
        });
        let given = given.transpose()?;
        let mut tx = self.shared.db.begin(scope).await?;
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
            return Err(Error::Header(
                "Portico-Customer",
                "names no customer: use a cus_… id or an external id".into(),
            ));
        }
        if scope.whole_tenant().is_err() {
            return Err(Denied::Limited.into());
        }
        let (id, _) = tx.ensure_customer(CustomerId::generate(), &wanted).await?;
        tx.commit().await?;
        Ok(Some(id))
    }
}

/// Refuses a body that is announced as too long or as something that the operation does not take.
pub(super) fn body_fits(
    operation: &Operation,
    headers: &dyn Headers,
    content_length: Option<u64>,
) -> Result<(), Error> {
    let limit = limit(operation);
    if content_length.is_some_and(|length| length > limit as u64) {
        return Err(Error::TooLarge(limit));
    }
    let given = headers.get("content-type").map(|value| value.split(|byte| *byte == b';').next().unwrap_or_default());
    let is = |name: &str| given.is_some_and(|given| given.trim_ascii().eq_ignore_ascii_case(name.as_bytes()));
    match operation.body {
        BodyKind::None => Ok(()),
        BodyKind::Json | BodyKind::JsonList if is("application/json") => Ok(()),
        BodyKind::Json | BodyKind::JsonList => Err(Error::ContentType("application/json")),
        BodyKind::JsonOrForm if is("application/json") || is("application/x-www-form-urlencoded") => Ok(()),
        BodyKind::JsonOrForm => Err(Error::ContentType("application/json or application/x-www-form-urlencoded")),
        BodyKind::JsonOrMultipart if is("application/json") || is("multipart/form-data") => Ok(()),
        BodyKind::JsonOrMultipart => Err(Error::ContentType("application/json or multipart/form-data")),
        BodyKind::Multipart if is("multipart/form-data") => Ok(()),
        BodyKind::Multipart => Err(Error::ContentType("multipart/form-data")),
    }
}

pub(super) fn limit(operation: &Operation) -> usize {
    match operation.body {
        BodyKind::Multipart | BodyKind::JsonOrMultipart => MEDIA_LIMIT,
        BodyKind::None | BodyKind::Json | BodyKind::JsonList | BodyKind::JsonOrForm => JSON_LIMIT,
    }
}

/// Where the call goes: the path that settings choose, else the first of the operation for which every
/// parameter is known.
pub(super) fn target(
    paths: &ChosenPaths,
    matched: &Matched<'_, '_>,
    operation: &Operation,
    query: &Query<'_>,
    received: &Received,
    named: &Named,
) -> String {
    let plugin = named.plugin().map(|plugin| plugin.to_string());
    let value = |name: &str| match parameter(matched, received, name) {
        None if name == "pluginId" => plugin.as_deref(),
        other => other,
    };
    let template = paths.template(operation, |name| value(name).is_some()).unwrap_or(matched.route.template);
    let mut target = portico_chakra::router::fill(template, value);
    if let Some(raw) = query.raw {
        target.push('?');
        target.push_str(raw);
    }
    target
}
