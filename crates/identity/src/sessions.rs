//! The sessions that requests present.

use std::sync::Arc;

use ipnet::IpNet;
use portico_auth::{Actor, Origin, Party, Principal, Reach, SessionRecord};
use portico_domain::{CustomerId, Member, MemberId, PermissionSet, PhoneNumberId, PluginId, RoleName, TenantId};
use portico_storage::{Page, TenantTx};
use portico_vault::{BrowserToken, CsrfKey, SecretHash};

use portico_core::Core;
use portico_core::audit::Change;
use portico_core::cache::Cache;
use portico_core::{Error as CoreError, Thing};

use crate::Error;
use crate::api_keys::find as find_api_key;
use crate::browser::Browser;
use crate::members::find_member;
use crate::request_credentials::NotAdmitted;

/// What tells a session's token from others.
pub(crate) const SESSION: &str = "session";
/// What tells the counterpart of a session from others.
const CSRF: &str = "csrf";
/// And that of a form before there is a session.
const FORM: &str = "form";

/// The tenant in which somebody acts.
#[derive(Debug, Clone)]
pub struct WhoseTenant {
    /// Its id.
    pub id: TenantId,
    /// Its name.
    pub name: String,
}

/// Who calls, as the caller is told.
#[derive(Debug, Clone)]
pub struct WhoAmI {
    /// Who acts.
    pub actor: Actor,
    /// The tenant acted in, if any.
    pub tenant: Option<WhoseTenant>,
    /// The member, if it is one.
    pub member: Option<Member>,
    /// The name of the key's or the member's role; none for the operator.
    pub role: Option<RoleName>,
    /// What the caller may do.
    pub permissions: PermissionSet,
    /// What the caller is limited to; none: all of the tenant.
    pub reached: Option<Reached>,
    /// The addresses from which the key may be used; none: any.
    pub allowed_ips: Option<Vec<IpNet>>,
}

/// What a limited caller is limited to, by the ids of everything in it.
#[derive(Debug, Clone)]
pub struct Reached {
    /// The customers.
    pub customers: Vec<CustomerId>,
    /// Their plugins.
    pub plugins: Vec<PluginId>,
    /// The phone numbers within reach.
    pub phone_numbers: Vec<PhoneNumberId>,
}

/// How many plugins and phone numbers a limited caller is told of, each.
const MOST_TOLD: u16 = 1_000;

/// The sessions of signed-in browsers. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Sessions {
    core: Core,
    records: Arc<Cache<SecretHash, SessionRecord>>,
    csrf_key: Arc<CsrfKey>,
}

impl Sessions {
    /// The service on that core.
    #[must_use]
    pub fn new(core: &Core) -> Self {
        let records = core.caches.add("sessions");
        Self { core: core.clone(), records, csrf_key: Arc::new(core.mac_key.csrf_key()) }
    }

    /// Who the browser's member is.
    pub(crate) async fn authenticate(&self, browser: Browser<'_>, origin: Origin) -> Result<Principal, NotAdmitted> {
        let token = BrowserToken::parse(browser.session).ok_or(Error::NoSession)?;
        let record = self.session(&token).await?.ok_or(Error::NoSession)?;
        let party = Some(record.party());
        if browser.changes && !(browser.same_origin && self.is_csrf_token(&token, browser.csrf.unwrap_or_default())) {
            return Err(NotAdmitted { error: Error::Csrf, party });
        }
        record.admit(origin).map_err(|refused| NotAdmitted { error: refused.into(), party })
    }

    /// A session that has not ended. Whoever looks it up anew, once a minute on each replica, notes that
    /// it is in use.
    async fn session(&self, token: &BrowserToken) -> Result<Option<SessionRecord>, CoreError> {
        let core = &self.core;
        let hash = token.hash(SESSION);
        if let Some(record) = self.records.get(&core.validity, &hash) {
            return Ok(Some(record).filter(|record| !record.has_ended(core.clock.now())));
        }
        core.metrics.key_lookups.inc();
        core.validity.read(&self.records, hash, async || self.read_session(hash).await).await
    }

    async fn read_session(&self, hash: SecretHash) -> Result<Option<(TenantId, SessionRecord)>, CoreError> {
        let Some((tenant, id)) = self.core.db.resolve_session(&hash.0).await? else { return Ok(None) };
        let mut tx = self.core.db.begin_system(tenant).await?;
        let record = tx.session_record(id).await?.filter(|record| !record.has_ended(self.core.clock.now()));
        if record.is_some() {
            tx.touch_session(id).await?;
        }
        tx.commit().await?;
        Ok(record.map(|record| (tenant, record)))
    }

    /// What a session's requests that change something send as `X-CSRF-Token`; none for what is no token.
    #[must_use]
    pub fn csrf_token(&self, session: &str) -> Option<String> {
        let token = BrowserToken::parse(session)?;
        Some(self.csrf_key.token(CSRF, token.expose()))
    }

    /// Whether that is the session's.
    #[must_use]
    pub fn is_csrf_token_of(&self, session: &str, presented: &str) -> bool {
        BrowserToken::parse(session).is_some_and(|token| self.is_csrf_token(&token, presented))
    }

    fn is_csrf_token(&self, token: &BrowserToken, presented: &str) -> bool {
        self.csrf_key.is_token(CSRF, token.expose(), presented)
    }

    /// A new value of the cookie that forms need before there is a session.
    #[must_use]
    pub fn new_form_cookie(&self) -> String {
        BrowserToken::generate(&mut rand::rng()).expose().to_owned()
    }

    /// What a form holds beside the cookie; none for a cookie that is not ours.
    #[must_use]
    pub fn form_token(&self, cookie: &str) -> Option<String> {
        let cookie = BrowserToken::parse(cookie)?;
        Some(self.csrf_key.token(FORM, cookie.expose()))
    }

    /// Whether a form holds what belongs to the cookie.
    #[must_use]
    pub fn is_form_token(&self, cookie: &str, presented: &str) -> bool {
        let fits = |cookie: &BrowserToken| self.csrf_key.is_token(FORM, cookie.expose(), presented);
        BrowserToken::parse(cookie).is_some_and(|cookie| fits(&cookie))
    }

    /// Who calls.
    ///
    /// # Errors
    ///
    /// [`CoreError::Database`].
    pub async fn who_am_i(&self, principal: &Principal) -> Result<WhoAmI, Error> {
        let mut who = WhoAmI {
            actor: principal.actor(),
            tenant: None,
            member: None,
            role: None,
            permissions: principal.permissions(),
            reached: None,
            allowed_ips: None,
        };
        if let Some(tenant) = principal.tenant() {
            let mut tx = self.core.db.begin_system(tenant).await?;
            let row = tx.tenant_row().await?.ok_or(CoreError::Missing(Thing::Tenant))?;
            who.tenant = Some(WhoseTenant { id: tenant, name: row.name.to_string() });
            match who.actor {
                Actor::Member(id) => {
                    let member = find_member(&mut tx, id).await?;
                    who.role = Some(member.role.clone());
                    who.member = Some(member);
                }
                Actor::ApiKey(id) => {
                    let key = find_api_key(&mut tx, id).await?.ok_or(Error::UnknownKey)?;
                    (who.role, who.allowed_ips) = (Some(key.role), key.allowed_ips);
                }
                Actor::Operator => {}
            }
            if !principal.reach().is_whole_tenant() {
                who.reached = Some(reached(&mut tx, principal.reach()).await?);
            }
        }
        Ok(who)
    }

    /// Ends a session, and the tokens that its member minted; every replica knows within a second.
    ///
    /// # Errors
    ///
    /// [`CoreError::Missing`] when there is none.
    pub async fn sign_out(&self, session: &str, origin: &Origin) -> Result<(), Error> {
        let token = BrowserToken::parse(session).ok_or(CoreError::Missing(Thing::Session))?;
        let found = self.core.db.resolve_session(&token.hash(SESSION).0).await?;
        let (tenant, id) = found.ok_or(CoreError::Missing(Thing::Session))?;
        let mut tx = self.core.db.begin_system(tenant).await?;
        let record = tx.session_record(id).await?.ok_or(CoreError::Missing(Thing::Session))?;
        tx.delete_session(id).await?;
        tx.end_tokens_of(record.member).await?;
        let party = Some(party(tenant, record.member));
        self.core.audit.record_by(&mut tx, party, origin, Change::of("member.sign_out").to("session", id)).await?;
        tx.commit().await?;
        self.core.validity.changed(tenant);
        Ok(())
    }
}

/// The ids of everything within reach.
async fn reached(tx: &mut TenantTx, reach: &Reach) -> Result<Reached, CoreError> {
    let plugins = tx.plugins(reach.customers(), None, Page { limit: MOST_TOLD, after: None }).await?;
    let numbers = tx.phone_numbers(reach, None, None, None, Page { limit: MOST_TOLD, after: None }).await?;
    Ok(Reached {
        customers: reach.customers.clone().unwrap_or_default(),
        plugins: plugins.data.into_iter().map(|plugin| plugin.id).collect(),
        phone_numbers: numbers.data.into_iter().map(|number| number.id).collect(),
    })
}

const fn party(tenant: TenantId, member: MemberId) -> Party {
    Party { tenant, actor: Actor::Member(member), token: None }
}
