//! Signing in: from a password, an account at an identity provider or an invitation to a session.
//!
//! [`SignIn`] judges passwords and opens a session where there is one tenant to act in, else asks which.
//! [`ProviderSignIn`] does so with an account at the identity provider, `acceptance` turns an invitation into a
//! member, `links` are for who lost the password. `throttle` slows down those who guess, `pace` keeps the time of an
//! answer from telling anything.

mod acceptance;
mod error;
mod hashing;
mod links;
mod pace;
mod provider;
mod session_opening;
mod throttle;
mod tickets;
mod upkeep;

use portico_auth::{Actor, Origin, Party};
use portico_domain::{Email, MemberId, SessionId, TenantId, TenantStatus};
use portico_storage::OidcAccount;
use portico_vault::{HashedPassword, SecretString};

use hashing::Hashing;
use pace::{Pace, evenly};
use session_opening::{Method, SessionOpener, bind, unchanged};
use throttle::{Known, LoginThrottle};
use tickets::{Candidate, MOST, Means, Proof, Ticket, Tickets};

pub use acceptance::{InvitationAcceptance, Invited};
pub use error::SignInError;
pub use links::{LinkedMember, NewSignInLink, SignInLinks};
pub use provider::{ProviderSignIn, Returned};
pub use session_opening::NewBrowserSession;
pub use tickets::{Choice, TICKET_LIFETIME};

use portico_core::Core;

/// What tells a choice's signature from others.
const CHOICE: &str = "choice of a tenant";

/// What comes of proving who one is.
#[derive(Debug)]
pub enum SignedIn {
    /// A session in the only tenant that there is to act in.
    Session(NewBrowserSession),
    /// A choice between tenants: what the cookie holds until it is made.
    Choose(String),
}

/// Signing in with a password, and choosing a tenant. Cheap to clone.
#[derive(Debug, Clone)]
pub struct SignIn {
    core: Core,
    throttle: LoginThrottle,
    hashing: Hashing,
    tickets: Tickets,
    opener: SessionOpener,
    acceptance: InvitationAcceptance,
    links: SignInLinks,
}

impl SignIn {
    /// The service on that core; a task throws away what nobody needs any more.
    #[must_use]
    pub fn new(core: &Core) -> Self {
        upkeep::register(core);
        let (hashing, opener) = (Hashing::default(), SessionOpener::new(core));
        Self {
            core: core.clone(),
            throttle: LoginThrottle::new(core),
            tickets: Tickets::new(core),
            acceptance: InvitationAcceptance::new(core, hashing.clone(), opener.clone()),
            links: SignInLinks::new(core, hashing.clone(), opener.clone()),
            hashing,
            opener,
        }
    }

    /// Accepting invitations.
    #[must_use]
    pub const fn acceptance(&self) -> &InvitationAcceptance {
        &self.acceptance
    }

    /// Links by which a member signs in once.
    #[must_use]
    pub const fn links(&self) -> &SignInLinks {
        &self.links
    }

    /// Signs somebody in with an address and a password.
    ///
    /// An unknown address, a wrong password, a member without one and a suspended tenant are told in the
    /// same words, after the same work and at even times: see [`pace`](self::pace).
    ///
    /// # Errors
    ///
    /// [`SignInError::Refused`], [`SignInError::Throttled`], [`SignInError::Busy`].
    pub async fn with_password(
        &self,
        email: &str,
        password: SecretString,
        origin: &Origin,
    ) -> Result<SignedIn, SignInError> {
        let pace = Pace::start();
        let outcome = self.unpaced(email, password, origin).await;
        pace.keep().await;
        outcome
    }

    async fn unpaced(&self, email: &str, password: SecretString, origin: &Origin) -> Result<SignedIn, SignInError> {
        let attempt = self.throttle.count(origin.address).await?;
        let Ok(email) = email.trim().parse::<Email>() else { return Err(SignInError::Refused) };
        let members = self.core.db.resolve_members_by_email(&email).await?;
        let free = self.throttle.count_at(&email, &members).await?;
        let hashes = evenly(self.hashes(&free).await?, members.len());
        let tried = move || hashes.into_iter().map(|(who, hash)| (who, hash.is(&password))).collect::<Vec<_>>();
        let tried = self.hashing.run(tried).await?;
        let proved: Vec<_> = tried.into_iter().filter_map(|(who, fits)| who.filter(|_| fits)).collect();
        if proved.is_empty() {
            self.note_failures(members, origin);
            return Err(SignInError::Refused);
        }
        self.throttle.succeeded(&attempt).await?;
        for (tenant, means) in &proved {
            self.throttle.member_proved((*tenant, means.member)).await?;
        }
        let candidates = proved.into_iter().map(|(tenant, means)| (tenant, Candidate::Member(means))).collect();
        self.settle(Proof::Password, candidates, origin).await
    }

    /// The password of each member of a tenant that is served.
    async fn hashes(&self, members: &[Known]) -> Result<Vec<(Option<(TenantId, Means)>, HashedPassword)>, SignInError> {
        let mut hashes = Vec::new();
        for &(tenant, member) in members {
            let mut tx = self.core.db.begin_system(tenant).await?;
            let served = tx.tenant_row().await?.is_some_and(|tenant| tenant.status == TenantStatus::Active);
            let record = tx.sign_in_record(member).await?.filter(|_| served);
            tx.commit().await?;
            let Some(record) = record else { continue };
            if let Some(hash) = record.password_hash {
                let means = Means { member, epoch: record.epoch };
                hashes.push((Some((tenant, means)), HashedPassword::from_stored(hash)));
            }
        }
        Ok(hashes)
    }

    /// Writes a failure into the audit log of each tenant that knows the address, after the answer: how
    /// long it takes tells nothing. The limit on attempts bounds how many there can be.
    fn note_failures(&self, members: Vec<(TenantId, MemberId)>, origin: &Origin) {
        let (refusals, origin) = (self.core.refusals.clone(), origin.clone());
        tokio::spawn(async move {
            for (tenant, member) in members {
                let party = Party { tenant, actor: Actor::Member(member), token: None };
                refusals.record(party, &origin, "member.sign_in".to_owned(), "sign_in_refused").await;
            }
        });
    }

    /// Opens a session where there is one tenant to act in, else asks which. Nobody joins a tenant, nor
    /// has an account bound, without being asked.
    async fn settle(
        &self,
        proof: Proof,
        mut candidates: Vec<(TenantId, Candidate)>,
        origin: &Origin,
    ) -> Result<SignedIn, SignInError> {
        if let [(tenant, who @ Candidate::Member(_))] = *candidates.as_slice() {
            return Ok(SignedIn::Session(self.enter(tenant, who, &proof, origin).await?));
        }
        candidates.truncate(MOST);
        let ticket = Ticket { id: SessionId::generate(), proof, candidates };
        Ok(SignedIn::Choose(self.tickets.issue(CHOICE, ticket)))
    }

    /// The tenants between which the bearer of a ticket may choose.
    ///
    /// # Errors
    ///
    /// [`SignInError::Stale`].
    pub async fn choices(&self, ticket: &str) -> Result<Vec<Choice>, SignInError> {
        let ticket: Ticket = self.tickets.read(CHOICE, ticket).ok_or(SignInError::Stale)?;
        let mut choices = Vec::new();
        for (tenant, who) in ticket.candidates {
            let mut tx = self.core.db.begin_system(tenant).await?;
            let Some(row) = tx.tenant_row().await? else { continue };
            let joins_as = match who {
                Candidate::Member(_) | Candidate::Unbound(_) => None,
                Candidate::Invited(id) => {
                    let page = portico_storage::Page { limit: 1, after: None };
                    tx.invitations(Some(id), page).await?.data.pop().map(|invitation| invitation.role.to_string())
                }
            };
            choices.push(Choice {
                tenant,
                name: row.name.to_string(),
                joins_as,
                binds: matches!(who, Candidate::Unbound(_)),
            });
        }
        Ok(choices)
    }

    /// Opens a session in the chosen tenant.
    ///
    /// # Errors
    ///
    /// [`SignInError::Stale`], also for a tenant that was not offered, a ticket that was used, and a
    /// member whose password or account is not the one that was proved any more.
    pub async fn choose(&self, ticket: &str, tenant: &str, origin: &Origin) -> Result<NewBrowserSession, SignInError> {
        let ticket: Ticket = self.tickets.read(CHOICE, ticket).ok_or(SignInError::Stale)?;
        let chosen = ticket.candidates.iter().find(|(offered, _)| offered.to_string() == tenant);
        let &(tenant, who) = chosen.ok_or(SignInError::Stale)?;
        if !self.throttle.is_first_use("sign-in ticket", &ticket.id.to_string()).await? {
            return Err(SignInError::Stale);
        }
        self.enter(tenant, who, &ticket.proof, origin).await
    }

    async fn enter(
        &self,
        tenant: TenantId,
        who: Candidate,
        proof: &Proof,
        origin: &Origin,
    ) -> Result<NewBrowserSession, SignInError> {
        let (account, method) = match proof {
            Proof::Password => (None, Method::Password),
            Proof::Account { issuer, subject } => {
                (Some(OidcAccount { issuer: issuer.clone(), subject: subject.clone() }), Method::Provider)
            }
        };
        match (who, account) {
            (Candidate::Member(means), _) => {
                let mut tx = self.opener.served(tenant).await?;
                unchanged(&mut tx, means).await?;
                self.opener.open(tx, means.member, method, origin).await
            }
            (Candidate::Unbound(means), Some(account)) => {
                let mut tx = self.opener.served(tenant).await?;
                unchanged(&mut tx, means).await?;
                // Whoever signed in before need not have been who the address belongs to.
                tx.forget_sign_in(means.member).await?;
                bind(&mut tx, means.member, &account).await?;
                self.opener.open(tx, means.member, method, origin).await
            }
            (Candidate::Invited(id), Some(account)) => {
                self.acceptance.accept_with_account(tenant, id, &account, origin).await
            }
            (Candidate::Unbound(_) | Candidate::Invited(_), None) => Err(SignInError::Stale),
        }
    }
}
