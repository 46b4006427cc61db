//! From a proved identity to a session.

use portico_auth::{Actor, Origin, Party, SESSION_LONGEST};
use portico_domain::{Email, MemberId, SessionId, TenantId, TenantStatus};
use portico_storage::{NewSession, OidcAccount, TenantTx};
use portico_vault::{BrowserToken, HashedPassword, SecretString, WeakPassword};
use serde_json::json;
use time::OffsetDateTime;

use super::attempts::Known;
use super::choice::{As, Choice, MOST, Means, Proof, Ticket};
use super::pace::{Pace, evenly};
use super::sessions::SESSION;
use crate::audit::Change;
use crate::error::Error;
use crate::start::App;

/// What tells a choice's signature from others.
const CHOICE: &str = "choice of a tenant";

/// Why somebody is not signed in.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// No member has this address and this password. The same whatever is wrong.
    #[error("the e-mail address or the password is wrong")]
    Refused,
    /// Too many attempts.
    #[error("there were too many attempts")]
    Throttled {
        /// When the next one may be made, in seconds.
        retry_after: u64,
    },
    /// Too many passwords are being checked at this moment.
    #[error("too many people sign in at this moment")]
    Busy,
    /// The step before was too long ago, or made by another browser.
    #[error("this sign-in was begun too long ago, or in another browser")]
    Stale,
    /// The invitation does not exist, was accepted or taken back, or came too late.
    #[error("the invitation is not valid any more")]
    NoInvitation,
    /// Somebody with this address is a member already.
    #[error("somebody with this address is a member already")]
    AlreadyMember,
    /// A new password does not serve.
    #[error("the password {0}")]
    Weak(#[from] WeakPassword),
    /// The identity provider proved who it is, but nobody invited them.
    #[error("nobody invited this account")]
    NotInvited {
        /// The address that the provider told, if it did.
        email: Option<String>,
        /// Whether the provider made sure that it is the person's.
        verified: bool,
    },
    /// The account's address is not the one that was invited.
    #[error("the invitation is for another address")]
    OtherAddress {
        /// Who was invited.
        invited: String,
    },
    /// The account is bound to another member of the tenant.
    #[error("the account belongs to another member")]
    OtherAccount,
    /// The identity provider said no, as when the person gave up.
    #[error("the identity provider refused")]
    ProviderRefused,
    /// The identity provider's answer is not believed.
    #[error("the identity provider's answer is not believed")]
    ProviderAnswer,
    /// The identity provider cannot be asked.
    #[error("the identity provider cannot be reached")]
    ProviderDown,
    /// There is no identity provider.
    #[error("no identity provider is set up")]
    NoProvider,
    /// Anything else.
    #[error(transparent)]
    App(#[from] Error),
}

impl From<portico_storage::StorageError> for SignInError {
    fn from(error: portico_storage::StorageError) -> Self {
        Self::App(error.into())
    }
}

/// A session that was just opened.
#[derive(Debug)]
pub struct NewBrowserSession {
    /// What the cookie holds; nobody can read it again.
    pub token: BrowserToken,
}

/// What comes of proving who one is.
#[derive(Debug)]
pub enum SignedIn {
    /// A session in the only tenant that there is to act in.
    Session(NewBrowserSession),
    /// A choice between tenants: what the cookie holds until it is made.
    Choose(String),
}

/// What kind of sign-in is audited.
#[derive(Debug, Clone, Copy)]
pub(super) enum Method {
    Password,
    Provider,
}

impl Method {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Provider => "identity_provider",
        }
    }
}

impl App {
    /// Signs somebody in with an address and a password.
    ///
    /// An unknown address, a wrong password, a member without one and a suspended tenant are told in the
    /// same words, after the same work and at even times: see [`pace`](super::pace).
    ///
    /// # Errors
    ///
    /// [`SignInError::Refused`], [`SignInError::Throttled`], [`SignInError::Busy`].
    pub async fn sign_in(&self, email: &str, password: SecretString, origin: &Origin) -> Result<SignedIn, SignInError> {
        let pace = Pace::start();
        let outcome = self.sign_in_unpaced(email, password, origin).await;
        pace.keep().await;
        outcome
    }

    async fn sign_in_unpaced(
        &self,
        email: &str,
        password: SecretString,
        origin: &Origin,
    ) -> Result<SignedIn, SignInError> {
        let attempt = self.shared.attempt(origin.address).await?;
        let Ok(email) = email.trim().parse::<Email>() else { return Err(SignInError::Refused) };
        let members = self.shared.db.resolve_members_by_email(&email).await?;
        let free = self.shared.attempt_at(&email, &members).await?;
        let hashes = evenly(self.hashes(&free).await?, members.len());
        let tried = move || hashes.into_iter().map(|(who, hash)| (who, hash.is(&password))).collect::<Vec<_>>();
        let tried = self.shared.hashing.run(tried).await?;
        let proved: Vec<_> = tried.into_iter().filter_map(|(who, fits)| who.filter(|_| fits)).collect();
        if proved.is_empty() {
            self.note_failures(members, origin);
            return Err(SignInError::Refused);
        }
        self.shared.attempt_succeeded(&attempt).await?;
        for (tenant, means) in &proved {
            self.shared.member_proved((*tenant, means.member)).await?;
        }
        let candidates = proved.into_iter().map(|(tenant, means)| (tenant, As::Member(means))).collect();
        self.settle(Proof::Password, candidates, origin).await
    }

    /// The password of each member of a tenant that is served.
    async fn hashes(&self, members: &[Known]) -> Result<Vec<(Option<(TenantId, Means)>, HashedPassword)>, SignInError> {
        let mut hashes = Vec::new();
        for &(tenant, member) in members {
            let mut tx = self.shared.db.begin_system(tenant).await?;
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
        let (app, origin) = (self.clone(), origin.clone());
        tokio::spawn(async move {
            for (tenant, member) in members {
                let party = Party { tenant, actor: Actor::Member(member), token: None };
                app.attempt_refused(party, &origin, "member.sign_in".to_owned(), "sign_in_refused").await;
            }
        });
    }

    /// Opens a session where there is one tenant to act in, else asks which. Nobody joins a tenant, nor
    /// has an account bound, without being asked.
    pub(super) async fn settle(
        &self,
        proof: Proof,
        mut candidates: Vec<(TenantId, As)>,
        origin: &Origin,
    ) -> Result<SignedIn, SignInError> {
        if let [(tenant, who @ As::Member(_))] = *candidates.as_slice() {
            return Ok(SignedIn::Session(self.enter(tenant, who, &proof, origin).await?));
        }
        candidates.truncate(MOST);
        let ticket = Ticket { id: SessionId::generate(), proof, candidates };
        Ok(SignedIn::Choose(self.shared.ticket(CHOICE, ticket)))
    }

    /// The tenants between which the bearer of a ticket may choose.
    ///
    /// # Errors
    ///
    /// [`SignInError::Stale`].
    pub async fn choices(&self, ticket: &str) -> Result<Vec<Choice>, SignInError> {
        let ticket: Ticket = self.shared.read_ticket(CHOICE, ticket).ok_or(SignInError::Stale)?;
        let mut choices = Vec::new();
        for (tenant, who) in ticket.candidates {
            let mut tx = self.shared.db.begin_system(tenant).await?;
            let Some(row) = tx.tenant_row().await? else { continue };
            let joins_as = match who {
                As::Member(_) | As::Unbound(_) => None,
                As::Invited(id) => {
                    let page = portico_storage::Page { limit: 1, after: None };
                    tx.invitations(Some(id), page).await?.data.pop().map(|invitation| invitation.role.to_string())
                }
            };
            choices.push(Choice { tenant, name: row.name.to_string(), joins_as, binds: matches!(who, As::Unbound(_)) });
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
        let ticket: Ticket = self.shared.read_ticket(CHOICE, ticket).ok_or(SignInError::Stale)?;
        let chosen = ticket.candidates.iter().find(|(offered, _)| offered.to_string() == tenant);
        let &(tenant, who) = chosen.ok_or(SignInError::Stale)?;
        if !self.shared.is_first_use(ticket.id).await? {
            return Err(SignInError::Stale);
        }
        self.enter(tenant, who, &ticket.proof, origin).await
    }

    async fn enter(
        &self,
        tenant: TenantId,
        who: As,
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
            (As::Member(means), _) => {
                let mut tx = self.served(tenant).await?;
                unchanged(&mut tx, means).await?;
                self.open(tx, means.member, method, origin).await
            }
            (As::Unbound(means), Some(account)) => {
                let mut tx = self.served(tenant).await?;
                unchanged(&mut tx, means).await?;
                // Whoever signed in before need not have been who the address belongs to.
                tx.forget_sign_in(means.member).await?;
                bind(&mut tx, means.member, &account).await?;
                self.open(tx, means.member, method, origin).await
            }
            (As::Invited(id), Some(account)) => self.accept_with_account(tenant, id, &account, origin).await,
            (As::Unbound(_) | As::Invited(_), None) => Err(SignInError::Stale),
        }
    }

    /// A transaction of a tenant that is served.
    pub(super) async fn served(&self, tenant: TenantId) -> Result<TenantTx, SignInError> {
        let mut tx = self.shared.db.begin_system(tenant).await?;
        match tx.tenant_row().await? {
            Some(row) if row.status == TenantStatus::Active => Ok(tx),
            _ => Err(SignInError::Refused),
        }
    }

    /// Opens a session, as the last thing that the transaction does.
    pub(super) async fn open(
        &self,
        mut tx: TenantTx,
        member: MemberId,
        method: Method,
        origin: &Origin,
    ) -> Result<NewBrowserSession, SignInError> {
        let token = BrowserToken::generate(&mut rand::rng());
        let (id, tenant) = (SessionId::generate(), tx.tenant());
        let expires_at = OffsetDateTime::now_utc() + SESSION_LONGEST;
        match tx.insert_session(&NewSession { id, member, token_hash: token.hash(SESSION).0, expires_at }).await {
            // The member was removed a moment ago.
            Err(portico_storage::StorageError::Broken(_)) => return Err(SignInError::Refused),
            outcome => outcome?,
        }
        let party = Party { tenant, actor: Actor::Member(member), token: None };
        let change = Change::of("member.sign_in").to("session", id).into(&json!({"method": method.as_str()}));
        self.shared.audit(&mut tx, Some(party), origin, change).await?;
        tx.commit().await?;
        self.shared.freshness.changed(tenant);
        Ok(NewBrowserSession { token })
    }
}

/// Whether the member still signs in as when that was proved; it does then until the transaction ends.
async fn unchanged(tx: &mut TenantTx, means: Means) -> Result<(), SignInError> {
    let record = tx.sign_in_record(means.member).await?;
    record.filter(|record| record.epoch == means.epoch).map(|_| ()).ok_or(SignInError::Stale)
}

/// Binds a member whose means were forgotten, or that is new, to the account.
pub(super) async fn bind(tx: &mut TenantTx, member: MemberId, account: &OidcAccount) -> Result<(), SignInError> {
    match tx.bind_member(member, account).await {
        Err(portico_storage::StorageError::Broken(_)) => Err(SignInError::OtherAccount),
        outcome => Ok(outcome.map(|_| ())?),
    }
}
