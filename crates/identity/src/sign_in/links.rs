//! Links by which a member signs in once: for who lost the password, and for the first sign-in of `portico dev`.
//!
//! Nothing is stored when one is made: the link is a signed text that names the member and how it signed in then,
//! so a change of password or account makes it void. That it was used is kept for as long as it could be used again.

use portico_auth::{Origin, Scope};
use portico_core::audit::Change;
use portico_core::{Core, Error as CoreError, Thing};
use portico_domain::permission::perm;
use portico_domain::{MemberId, PermissionSet, SessionId, TenantId, TenantStatus};
use portico_vault::{HashedPassword, SecretString, check_password};
use serde::{Deserialize, Serialize};
use serde_json::json;
use time::{Duration, OffsetDateTime};

use super::error::SignInError;
use super::hashing::Hashing;
use super::session_opening::{Method, NewBrowserSession, SessionOpener, unchanged};
use super::throttle::LoginThrottle;
use super::tickets::{Means, Tickets};
use crate::Error;
use crate::grantor::Grantor;
use crate::members::find_member;
use crate::moments::rfc3339;
use crate::roles::role_to_give;

/// What tells a link's signature from others.
const LINK: &str = "sign-in link of a member";

/// How long a link can be used, unless said otherwise.
const LIFETIME: Duration = Duration::minutes(15);
/// And at the shortest and longest. That a link was used is forgotten after two hours.
const SHORTEST: Duration = Duration::minutes(1);
const LONGEST: Duration = Duration::hours(1);

/// What the signed text says.
#[derive(Debug, Serialize, Deserialize)]
struct Ticket {
    /// Tells it from others: it is used once.
    id: SessionId,
    tenant: TenantId,
    means: Means,
}

/// A new link, which nobody keeps.
#[derive(Debug)]
pub struct NewSignInLink {
    /// What the link's address ends with.
    pub ticket: SecretString,
    /// From when on it is worth nothing.
    pub expires_at: OffsetDateTime,
}

/// What a link's page shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkedMember {
    /// The tenant's name.
    pub tenant: String,
    /// The member's address.
    pub email: String,
}

/// Makes and redeems links. Cheap to clone.
#[derive(Debug, Clone)]
pub struct SignInLinks {
    core: Core,
    tickets: Tickets,
    throttle: LoginThrottle,
    hashing: Hashing,
    opener: SessionOpener,
}

impl SignInLinks {
    pub(super) fn new(core: &Core, hashing: Hashing, opener: SessionOpener) -> Self {
        let (tickets, throttle) = (Tickets::new(core), LoginThrottle::new(core));
        Self { core: core.clone(), tickets, throttle, hashing, opener }
    }

    /// Makes a link by which the member signs in once, and may set another password.
    ///
    /// Whoever sees the link can take the member's place, so only who may do everything in the tenant makes one.
    ///
    /// # Errors
    ///
    /// [`CoreError::Missing`]; [`CoreError::Invalid`] for the lifetime; [`Error::Lacks`] for who is no owner;
    /// [`Error::MoreThanOwn`] for a key that ends, is tied to addresses or has a rate limit.
    pub async fn create(
        &self,
        scope: &Scope<perm::MembersWrite>,
        id: MemberId,
        expires_in: Option<u32>,
    ) -> Result<NewSignInLink, Error> {
        let lifetime = lifetime(expires_in)?;
        let mut tx = self.core.db.begin(scope).await?;
        let own = Grantor::of(scope, &mut tx).await?;
        let missing = PermissionSet::TENANT.minus(own.permissions());
        if missing != PermissionSet::EMPTY {
            return Err(Error::Lacks { pointer: "path:id", missing });
        }
        own.may_empower_people()?;
        let member = find_member(&mut tx, id).await?;
        role_to_give(&own, &mut tx, &member.role).await?;
        let record = tx.sign_in_record(id).await?.ok_or(CoreError::Missing(Thing::Member))?;
        let means = Means { member: id, epoch: record.epoch };
        let ticket = Ticket { id: SessionId::generate(), tenant: scope.tenant(), means };
        let (ticket, expires_at) = self.tickets.issue_for(LINK, ticket, lifetime);
        let after = json!({ "expires_at": rfc3339(expires_at) });
        let change = Change::of("member.sign_in_link").to("member", id).into(&after);
        self.core.audit.record(&mut tx, scope, change).await?;
        tx.commit().await?;
        Ok(NewSignInLink { ticket: ticket.into(), expires_at })
    }

    /// Whom the link is for.
    ///
    /// # Errors
    ///
    /// [`SignInError::NoLink`] unless it can be used.
    pub async fn linked(&self, ticket: &str) -> Result<LinkedMember, SignInError> {
        let Ticket { tenant, means, .. } = self.tickets.read(LINK, ticket).ok_or(SignInError::NoLink)?;
        let mut tx = self.core.db.begin_system(tenant).await?;
        let row = tx.tenant_row().await?.filter(|row| row.status == TenantStatus::Active);
        let row = row.ok_or(SignInError::NoLink)?;
        unchanged(&mut tx, means).await.map_err(no_link)?;
        let email = find_member(&mut tx, means.member).await?.email;
        Ok(LinkedMember { tenant: row.name.to_string(), email: email.to_string() })
    }

    /// Signs in by the link, and sets a password if one is given: then every session and token that the member had
    /// is over, and so is the account that was bound.
    ///
    /// # Errors
    ///
    /// [`SignInError::NoLink`], [`SignInError::Weak`], [`SignInError::Busy`].
    pub async fn redeem(
        &self,
        ticket: &str,
        password: Option<SecretString>,
        origin: &Origin,
    ) -> Result<NewBrowserSession, SignInError> {
        let Ticket { id, tenant, means } = self.tickets.read(LINK, ticket).ok_or(SignInError::NoLink)?;
        let email = self.linked(ticket).await?.email;
        let hash = match password {
            Some(password) => {
                check_password(&password, &email)?;
                Some(self.hashing.run(move || HashedPassword::of(&password, &mut rand::rng())).await?)
            }
            None => None,
        };
        if !self.throttle.is_first_use("sign-in link", &id.to_string()).await? {
            return Err(SignInError::NoLink);
        }
        let mut tx = self.opener.served(tenant).await.map_err(no_link)?;
        unchanged(&mut tx, means).await.map_err(no_link)?;
        if let Some(hash) = hash {
            tx.forget_sign_in(means.member).await?;
            tx.set_member_password(means.member, hash.as_stored()).await?;
        }
        self.opener.open(tx, means.member, Method::Link, origin).await
    }
}

fn lifetime(expires_in: Option<u32>) -> Result<Duration, Error> {
    let lifetime = expires_in.map_or(LIFETIME, |seconds| Duration::seconds(seconds.into()));
    if (SHORTEST..=LONGEST).contains(&lifetime) {
        return Ok(lifetime);
    }
    let (shortest, longest) = (SHORTEST.whole_seconds(), LONGEST.whole_seconds());
    Err(CoreError::invalid("/expires_in", format!("must be {shortest} to {longest} seconds")).into())
}

/// What makes a sign-in void makes a link void.
fn no_link(error: SignInError) -> SignInError {
    match error {
        SignInError::Stale | SignInError::Refused => SignInError::NoLink,
        other => other,
    }
}
