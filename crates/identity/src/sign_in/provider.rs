//! Signing in at the identity provider.

use std::sync::Arc;

use portico_auth::Origin;
use portico_domain::{Email, TenantStatus};
use portico_oidc::{Attempt, Failure, Identity, Provider};
use portico_storage::OidcAccount;
use serde::{Deserialize, Serialize};

use super::error::SignInError;
use super::tickets::{Candidate, Means, Proof};
use super::{SignIn, SignedIn};
use portico_core::Core;

/// What tells the signature of a begun sign-in from others.
const ATTEMPT: &str = "sign-in at the identity provider";

/// What is kept with the browser until it comes back.
#[derive(Serialize, Deserialize)]
struct Begun {
    state: String,
    nonce: String,
    verifier: String,
    /// The token of the invitation that is to be accepted.
    invitation: Option<String>,
}

/// What the browser brings back from the provider.
#[derive(Debug, Clone, Copy)]
pub struct Returned<'a> {
    /// The cookie.
    pub attempt: &'a str,
    /// The parameter `state`.
    pub state: &'a str,
    /// The parameter `code`; none when the provider refused.
    pub code: Option<&'a str>,
    /// The parameter `iss`.
    pub issuer: Option<&'a str>,
}

/// Signing in at an identity provider, where one is set up.
#[derive(Debug)]
pub struct ProviderSignIn {
    core: Core,
    oidc: Option<Arc<Provider>>,
    sign_in: SignIn,
}

impl ProviderSignIn {
    /// The service on that core; it goes on with `sign_in` once somebody is proved to be an account.
    #[must_use]
    pub fn new(core: &Core, oidc: Option<Arc<Provider>>, sign_in: &SignIn) -> Self {
        Self { core: core.clone(), oidc, sign_in: sign_in.clone() }
    }

    fn provider(&self) -> Result<&Arc<Provider>, SignInError> {
        self.oidc.as_ref().ok_or(SignInError::NoProvider)
    }

    /// Whether people can sign in at an identity provider.
    #[must_use]
    pub const fn is_set_up(&self) -> bool {
        self.oidc.is_some()
    }

    /// Begins a sign-in: the address to which the browser goes, and what its cookie holds meanwhile.
    ///
    /// # Errors
    ///
    /// [`SignInError::NoProvider`], [`SignInError::ProviderDown`].
    pub async fn begin(&self, redirect_uri: &str, invitation: Option<&str>) -> Result<(String, String), SignInError> {
        let provider = self.provider()?;
        let attempt = Attempt::generate(&mut rand::rng());
        let address = provider.begin(&attempt, redirect_uri).await.map_err(|failure| failed(&failure))?;
        let Attempt { state, nonce, verifier } = attempt;
        let begun = Begun { state, nonce, verifier, invitation: invitation.map(str::to_owned) };
        Ok((address, self.sign_in.tickets.issue(ATTEMPT, begun)))
    }

    /// Ends a sign-in with what the browser brought back.
    ///
    /// Who is bound to the account is that member. Else a verified address finds the member that has it,
    /// or an open invitation, and the person is asked. Whoever came through an invitation's link accepts that invitation, if the
    /// account has its address.
    ///
    /// # Errors
    ///
    /// See [`SignInError`].
    pub async fn finish(
        &self,
        returned: Returned<'_>,
        redirect_uri: &str,
        origin: &Origin,
    ) -> Result<SignedIn, SignInError> {
        let provider = self.provider()?;
        let begun: Begun = self.sign_in.tickets.read(ATTEMPT, returned.attempt).ok_or(SignInError::Stale)?;
        if begun.state != returned.state {
            return Err(SignInError::Stale);
        }
        // Whoever got hold of the cookie and the address cannot come with them again.
        if !self.sign_in.throttle.is_first_use("sign-in at the provider", &begun.state).await? {
            return Err(SignInError::Stale);
        }
        let code = returned.code.ok_or(SignInError::ProviderRefused)?;
        let counted = self.sign_in.throttle.count(origin.address).await?;
        let attempt = Attempt { state: begun.state, nonce: begun.nonce, verifier: begun.verifier };
        let identity =
            provider.finish(&attempt, redirect_uri, code, returned.issuer).await.map_err(|failure| failed(&failure))?;
        self.sign_in.throttle.succeeded(&counted).await?;
        if let Some(token) = begun.invitation {
            return self.accept_at_provider(&token, &identity, origin).await;
        }
        let candidates = self.candidates(&identity).await?;
        let proof = Proof::Account { issuer: identity.issuer, subject: identity.subject };
        self.sign_in.settle(proof, candidates, origin).await
    }

    async fn accept_at_provider(
        &self,
        token: &str,
        identity: &Identity,
        origin: &Origin,
    ) -> Result<SignedIn, SignInError> {
        let invited = self.sign_in.acceptance.invited(token).await?;
        // The link proves the invitation; that the provider verified the address is not needed on top.
        let address = identity.email.as_deref().and_then(|email| email.parse::<Email>().ok());
        if address.is_none_or(|address| address.as_str() != invited.email) {
            return Err(SignInError::OtherAddress { invited: invited.email });
        }
        let (tenant, id) = self.sign_in.acceptance.find_invitation(token).await?;
        Ok(SignedIn::Session(
            self.sign_in.acceptance.accept_with_account(tenant, id, &account(identity), origin).await?,
        ))
    }

    /// Candidate what the account can act, and where.
    async fn candidates(&self, identity: &Identity) -> Result<Vec<(portico_domain::TenantId, Candidate)>, SignInError> {
        let db = &self.core.db;
        let mut candidates = Vec::new();
        for (tenant, member) in db.resolve_members_by_identity(&account(identity)).await? {
            let record = db.begin_system(tenant).await?.sign_in_record(member).await?;
            // Asked again: it may have been unbound meanwhile.
            if let Some(record) = record.filter(|record| record.account.as_ref() == Some(&account(identity))) {
                candidates.push((tenant, Candidate::Member(Means { member, epoch: record.epoch })));
            }
        }
        let verified = identity.email.as_deref().filter(|_| identity.email_verified);
        if let Some(email) = verified.and_then(|email| email.parse::<Email>().ok()) {
            for (tenant, member) in db.resolve_members_by_email(&email).await? {
                let record = db.begin_system(tenant).await?.sign_in_record(member).await?;
                if let Some(record) = record.filter(|record| record.account.is_none()) {
                    candidates.push((tenant, Candidate::Unbound(Means { member, epoch: record.epoch })));
                }
            }
            for (tenant, invitation) in db.resolve_invitations_by_email(&email).await? {
                candidates.push((tenant, Candidate::Invited(invitation)));
            }
        }
        let mut offered = Vec::new();
        for (tenant, who) in candidates {
            // A tenant once: whoever is a member needs no invitation.
            if offered.iter().any(|(known, _)| *known == tenant) {
                continue;
            }
            let mut tx = db.begin_system(tenant).await?;
            if tx.tenant_row().await?.is_some_and(|row| row.status == TenantStatus::Active) {
                offered.push((tenant, who));
            }
        }
        if offered.is_empty() {
            return Err(SignInError::NotInvited { email: identity.email.clone(), verified: identity.email_verified });
        }
        Ok(offered)
    }
}

fn account(identity: &Identity) -> OidcAccount {
    OidcAccount { issuer: identity.issuer.clone(), subject: identity.subject.clone() }
}

fn failed(failure: &Failure) -> SignInError {
    tracing::warn!(error = %failure, "a sign-in at the identity provider failed");
    if failure.is_outage() { SignInError::ProviderDown } else { SignInError::ProviderAnswer }
}
