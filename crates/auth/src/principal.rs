//! Who calls, and what for.

use std::marker::PhantomData;
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;
use portico_domain::permission::Required;
use portico_domain::{
    ApiKeyId, MemberId, OldSecretId, Permission, PermissionSet, RateLimit, TenantId, TenantStatus, TokenId,
};
use time::OffsetDateTime;

use crate::reach::Reach;
use crate::token::TokenClaims;

/// Who acts, as the audit log names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Actor {
    /// Whoever runs this Portico.
    Operator,
    /// The bearer of an API key.
    ApiKey(ApiKeyId),
    /// A person of the tenant.
    Member(MemberId),
}

/// A known actor in a tenant, whether let in or not: in whose audit log an attempt belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Party {
    /// The tenant in which it acts.
    pub tenant: TenantId,
    /// The key, the member or the operator.
    pub actor: Actor,
    /// The short-lived token that was presented for the actor, if it was one.
    pub token: Option<TokenId>,
}

/// Where a request came from and how it is known in logs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origin {
    /// The caller's address; none where it is not known.
    pub address: Option<IpAddr>,
    /// The `X-Request-Id`; none for what Portico does by itself.
    pub request_id: Option<Arc<str>>,
}

/// What storage knows of an API key: enough to judge it at any later moment.
#[derive(Debug, Clone)]
pub struct ApiKeyRecord {
    /// The key that was found by the hash of its secret.
    pub id: ApiKeyId,
    /// The tenant that it belongs to.
    pub tenant: TenantId,
    /// Whether that tenant is served.
    pub tenant_status: TenantStatus,
    /// What its role allows.
    pub permissions: PermissionSet,
    /// The customers and phone numbers that it is limited to.
    pub reach: Arc<Reach>,
    /// The addresses from which it may be used; none: any.
    pub allowed_ips: Option<Vec<IpNet>>,
    /// Its own limit in requests per second, whoever acts for the key; none: no limit of its own.
    pub rate_limit: Option<RateLimit>,
    /// When it ends: at this moment it is refused already; none: never.
    pub expires_at: Option<OffsetDateTime>,
    /// Tokens that were minted in this second or before are refused; none: all are accepted.
    pub tokens_not_before: Option<OffsetDateTime>,
}

/// Why a known key, session or member is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The key has expired.
    #[error("the key has expired; create a new one")]
    Expired,
    /// The request comes from an address outside the key's ranges.
    #[error("the key may not be used from this address")]
    Address,
    /// The operator suspended the tenant.
    #[error("the tenant is suspended; ask whoever runs this Portico")]
    Suspended,
    /// The request names another tenant than the caller's own, whether there is one or not.
    #[error(
        "the header Portico-Tenant names another tenant than the caller's own; leave it out, or call with a key of that tenant"
    )]
    OtherTenant,
}

/// Why a caller may not do something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// The role lacks the permission.
    #[error("the key's role lacks the permission {0}")]
    Permission(Permission),
    /// The token lacks the permission, or its minter no longer has it.
    #[error("{}", token_lacks(*.0))]
    TokenPermission(Permission),
    /// The operator's token cannot do it: there must be a key or a person of the tenant behind it.
    #[error("the operator's token mints no tokens; use an API key of the tenant")]
    NotForOperator,
    /// It would end what the token was minted with: the session or the key.
    #[error("a token cannot do this; call with the session or the key that minted it")]
    NotForToken,
    /// A secret that a rotation replaced cannot do it: what it makes would outlive it.
    #[error("a rotation replaced this secret, which mints no tokens any more; use the key's new one")]
    OldSecret,
    /// It reaches the whole tenant or team, and the key is limited.
    #[error("this call reaches beyond single customers, and the key is limited to some; use a key without such limits")]
    Limited,
    /// The operator named no tenant.
    #[error("name the tenant to act on with the header \"Portico-Tenant: ten_…\"")]
    NoTenant,
    /// Only the operator may do it.
    #[error("only the operator may do this")]
    OperatorOnly,
}

fn token_lacks(permission: Permission) -> String {
    if permission.is_never_in_tokens() {
        format!("a token never holds the permission {permission}; use an API key whose role has it")
    } else {
        format!("the token does not hold the permission {permission}; mint one that does, with a key whose role has it")
    }
}

/// Why a caller cannot give a token what it asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotGrantable {
    /// No token can hold this permission.
    Never(Permission),
    /// The caller itself lacks these.
    Lacks(PermissionSet),
}

/// An authenticated caller. [`authorize`](Self::authorize) gives the scope in which it may act.
#[derive(Debug, Clone)]
pub struct Principal {
    tenant: Option<TenantId>,
    actor: Actor,
    token: Option<TokenId>,
    permissions: PermissionSet,
    reach: Arc<Reach>,
    origin: Origin,
    rate_limit: Option<RateLimit>,
    ends_at: Option<OffsetDateTime>,
    proof: Proof,
}

/// How the caller proved who it is, as far as it matters to the tokens that the caller mints.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Proof {
    /// The old secret that was presented; none: the present one, or something else than an API key.
    pub old_secret: Option<OldSecretId>,
    /// When the session that was presented ends at the latest; none: it was no session.
    pub session_ends_at: Option<OffsetDateTime>,
    /// The minter's `tokens_not_before` when the caller was let in.
    pub tokens_not_before: Option<OffsetDateTime>,
}

impl ApiKeyRecord {
    /// The key as a party.
    #[must_use]
    pub const fn party(&self) -> Party {
        Party { tenant: self.tenant, actor: Actor::ApiKey(self.id), token: None }
    }

    /// Lets the key in or refuses it, at this moment and from this origin.
    ///
    /// # Errors
    ///
    /// See [`Refused`].
    pub fn admit(&self, now: OffsetDateTime, origin: Origin) -> Result<Principal, Refused> {
        if self.expires_at.is_some_and(|end| now >= end) {
            return Err(Refused::Expired);
        }
        if let Some(ranges) = &self.allowed_ips {
            let address = origin.address.ok_or(Refused::Address)?.to_canonical();
            if !ranges.iter().any(|range| range.contains(&address)) {
                return Err(Refused::Address);
            }
        }
        if !self.tenant_status.serves_calls() {
            return Err(Refused::Suspended);
        }
        Ok(Principal {
            tenant: Some(self.tenant),
            actor: Actor::ApiKey(self.id),
            token: None,
            permissions: self.permissions,
            reach: Arc::clone(&self.reach),
            origin,
            rate_limit: self.rate_limit,
            ends_at: self.expires_at,
            proof: Proof { tokens_not_before: self.tokens_not_before, ..Proof::default() },
        })
    }
}

impl Principal {
    /// The operator, acting on a tenant or on none.
    #[must_use]
    pub fn operator(tenant: Option<TenantId>, origin: Origin) -> Self {
        Self {
            tenant,
            actor: Actor::Operator,
            token: None,
            permissions: PermissionSet::OPERATOR,
            reach: Arc::new(Reach::ALL),
            origin,
            rate_limit: None,
            ends_at: None,
            proof: Proof::default(),
        }
    }

    /// The same caller, who presented this old secret.
    #[must_use]
    pub fn with_old_secret(self, id: OldSecretId) -> Self {
        Self { proof: Proof { old_secret: Some(id), ..self.proof }, ..self }
    }

    /// The same caller, who presented a session that ends then; with the member's `tokens_not_before`.
    #[must_use]
    pub(crate) fn with_session(self, end: OffsetDateTime, tokens_not_before: Option<OffsetDateTime>) -> Self {
        let proof = Proof { session_ends_at: Some(end), tokens_not_before, ..self.proof };
        Self { ends_at: Some(end), proof, ..self }
    }

    /// The old secret by which the caller proved who it is; none: the present one, or something else.
    #[must_use]
    pub const fn old_secret(&self) -> Option<OldSecretId> {
        self.proof.old_secret
    }

    /// The key's own limit in requests per second.
    #[must_use]
    pub const fn rate_limit(&self) -> Option<RateLimit> {
        self.rate_limit
    }

    /// The same caller, acting through a token that it minted. It may do what the token allows and the caller
    /// may do now, and nothing that no token can hold.
    #[must_use]
    pub fn narrowed(self, token: &TokenClaims) -> Self {
        let permissions = self.permissions.intersection(token.permissions).intersection(PermissionSet::TOKEN);
        let reach = Arc::new(self.reach.narrowed(&token.reach));
        let ends_at = Some(self.ends_at.map_or(token.expires_at, |end| end.min(token.expires_at)));
        Self { token: Some(token.id), permissions, reach, ends_at, ..self }
    }

    /// A member of a tenant, with all customers within reach.
    pub(crate) fn member(tenant: TenantId, member: MemberId, permissions: PermissionSet, origin: Origin) -> Self {
        Self {
            tenant: Some(tenant),
            actor: Actor::Member(member),
            token: None,
            proof: Proof::default(),
            rate_limit: None,
            ends_at: None,
            permissions,
            reach: Arc::new(Reach::ALL),
            origin,
        }
    }

    /// The caller as a party, if it acts in a tenant.
    #[must_use]
    pub fn party(&self) -> Option<Party> {
        Some(Party { tenant: self.tenant?, actor: self.actor, token: self.token })
    }

    /// Where the request came from.
    #[must_use]
    pub const fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The customers and phone numbers that the caller is limited to.
    #[must_use]
    pub fn reach(&self) -> &Reach {
        &self.reach
    }

    /// The short-lived token that was presented, if it was one.
    #[must_use]
    pub const fn token(&self) -> Option<TokenId> {
        self.token
    }

    /// From when on what was presented is refused: the key, the session or the token; none: it has no end.
    #[must_use]
    pub const fn ends_at(&self) -> Option<OffsetDateTime> {
        self.ends_at
    }

    /// Who acts.
    #[must_use]
    pub const fn actor(&self) -> Actor {
        self.actor
    }

    /// The tenant in which the caller acts; none if the operator named none.
    #[must_use]
    pub const fn tenant(&self) -> Option<TenantId> {
        self.tenant
    }

    /// What the caller's role allows. Nobody may grant more.
    #[must_use]
    pub const fn permissions(&self) -> PermissionSet {
        self.permissions
    }

    /// The scope in which the caller may act with permission `P` in its tenant.
    ///
    /// # Errors
    ///
    /// See [`Denied`].
    pub fn authorize<P: Required>(&self) -> Result<Scope<P>, Denied> {
        let inner = self.allow(P::PERMISSION)?;
        Ok(Scope { inner, permission: PhantomData })
    }

    /// The same for a permission that is known only at run time, as the catalogue's are; `None` is a call
    /// that any caller of the tenant may make.
    ///
    /// # Errors
    ///
    /// See [`Denied`].
    pub fn authorize_call(&self, permission: Option<Permission>) -> Result<TenantScope, Denied> {
        match permission {
            Some(permission) => self.allow(permission),
            None => self.inside(),
        }
    }

    /// The scope in which the operator may act with permission `P` across tenants.
    ///
    /// # Errors
    ///
    /// [`Denied::OperatorOnly`] for anyone else than the operator.
    pub fn authorize_operator<P: Required>(&self) -> Result<OperatorScope<P>, Denied> {
        match self.actor {
            Actor::Operator => Ok(OperatorScope { origin: self.origin.clone(), permission: PhantomData }),
            Actor::ApiKey(_) | Actor::Member(_) => Err(Denied::OperatorOnly),
        }
    }

    fn allow(&self, permission: Permission) -> Result<TenantScope, Denied> {
        permitted(permission, self.permissions, &self.reach, self.token)?;
        self.inside()
    }

    /// Fails for a token, whatever it holds.
    ///
    /// # Errors
    ///
    /// [`Denied::NotForToken`].
    pub const fn not_by_token(&self) -> Result<(), Denied> {
        if self.token.is_none() { Ok(()) } else { Err(Denied::NotForToken) }
    }

    fn inside(&self) -> Result<TenantScope, Denied> {
        let tenant = self.tenant.ok_or(Denied::NoTenant)?;
        Ok(TenantScope {
            tenant,
            actor: self.actor,
            token: self.token,
            permissions: self.permissions,
            reach: Arc::clone(&self.reach),
            origin: self.origin.clone(),
            proof: self.proof,
        })
    }
}

/// Whether permissions and reach allow what needs this permission.
fn permitted(
    permission: Permission,
    permissions: PermissionSet,
    reach: &Reach,
    token: Option<TokenId>,
) -> Result<(), Denied> {
    if !permissions.contains(permission) {
        let denied = if token.is_some() { Denied::TokenPermission } else { Denied::Permission };
        return Err(denied(permission));
    }
    if permission.is_team_wide() && !reach.is_whole_tenant() {
        return Err(Denied::Limited);
    }
    Ok(())
}

/// A tenant and who acts in it: what every query needs.
#[derive(Debug, Clone)]
pub struct TenantScope {
    tenant: TenantId,
    actor: Actor,
    token: Option<TokenId>,
    permissions: PermissionSet,
    reach: Arc<Reach>,
    origin: Origin,
    proof: Proof,
}

impl TenantScope {
    /// The tenant in which the caller acts.
    #[must_use]
    pub const fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// Who acts.
    #[must_use]
    pub const fn actor(&self) -> Actor {
        self.actor
    }

    /// The caller as a party.
    #[must_use]
    pub const fn party(&self) -> Party {
        Party { tenant: self.tenant, actor: self.actor, token: self.token }
    }

    /// Where the request came from.
    #[must_use]
    pub const fn origin(&self) -> &Origin {
        &self.origin
    }

    /// How the caller proved who it is.
    #[must_use]
    pub const fn proof(&self) -> Proof {
        self.proof
    }

    /// What the caller's role allows. Nobody may grant more.
    #[must_use]
    pub const fn permissions(&self) -> PermissionSet {
        self.permissions
    }

    /// The customers and phone numbers that the caller is limited to.
    #[must_use]
    pub fn reach(&self) -> &Reach {
        &self.reach
    }

    /// The same caller with permission `Q`, for what needs more than one.
    ///
    /// # Errors
    ///
    /// [`Denied::Permission`] and [`Denied::Limited`], as [`Principal::authorize`] judges.
    pub fn also<Q: Required>(&self) -> Result<Scope<Q>, Denied> {
        permitted(Q::PERMISSION, self.permissions, &self.reach, self.token)?;
        Ok(Scope { inner: self.clone(), permission: PhantomData })
    }

    /// The permissions that a token of this caller can have, when these are asked for.
    ///
    /// # Errors
    ///
    /// See [`NotGrantable`].
    pub fn grantable(&self, asked: PermissionSet) -> Result<PermissionSet, NotGrantable> {
        if let Some(permission) = asked.iter().find(|permission| permission.is_never_in_tokens()) {
            return Err(NotGrantable::Never(permission));
        }
        let lacking = asked.minus(self.permissions);
        if lacking == PermissionSet::EMPTY { Ok(asked) } else { Err(NotGrantable::Lacks(lacking)) }
    }

    /// Succeeds for a caller that is limited neither to customers nor to phone numbers.
    ///
    /// # Errors
    ///
    /// [`Denied::Limited`] for any other.
    pub fn whole_tenant(&self) -> Result<(), Denied> {
        if self.reach.is_whole_tenant() { Ok(()) } else { Err(Denied::Limited) }
    }

    /// Succeeds for a caller that is not limited to phone numbers: what touches a whole plugin or customer
    /// reaches beyond them.
    ///
    /// # Errors
    ///
    /// [`Denied::Limited`] for any other.
    pub fn not_only_numbers(&self) -> Result<(), Denied> {
        if self.reach.phone_numbers.is_none() { Ok(()) } else { Err(Denied::Limited) }
    }
}

/// A [`TenantScope`] whose holder was allowed `P`.
#[derive(Debug)]
pub struct Scope<P> {
    inner: TenantScope,
    permission: PhantomData<fn() -> P>,
}

impl<P> std::ops::Deref for Scope<P> {
    type Target = TenantScope;

    fn deref(&self) -> &TenantScope {
        &self.inner
    }
}

/// Proof that the operator acts, with permission `P`, on no tenant in particular.
#[derive(Debug)]
pub struct OperatorScope<P> {
    origin: Origin,
    permission: PhantomData<fn() -> P>,
}

impl<P> OperatorScope<P> {
    /// The scope of the operator in one tenant.
    #[must_use]
    pub fn on(&self, tenant: TenantId) -> TenantScope {
        TenantScope {
            tenant,
            actor: Actor::Operator,
            token: None,
            permissions: PermissionSet::OPERATOR,
            reach: Arc::new(Reach::ALL),
            origin: self.origin.clone(),
            proof: Proof::default(),
        }
    }
}

#[cfg(test)]
mod tests;
