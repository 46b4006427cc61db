//! What a token says.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use portico_domain::ids::MalformedId;
use portico_domain::{ApiKeyId, CustomerId, MemberId, PermissionSet, PhoneNumberId, TenantId, TokenId};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::{AUDIENCE, LEEWAY, LIFETIME_LONGEST, TokenFault};
use crate::principal::Actor;
use crate::reach::Reach;

/// Who minted a token, and for whom it acts: the claim `sub`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Subject {
    /// The bearer of an API key.
    ApiKey(ApiKeyId),
    /// A person of the tenant.
    Member(MemberId),
}

/// What a token says, read and judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenClaims {
    /// Its id.
    pub id: TokenId,
    /// Who minted it.
    pub subject: Subject,
    /// In which tenant.
    pub tenant: TenantId,
    /// When it was minted, to the second.
    pub issued_at: OffsetDateTime,
    /// From when on it is refused, to the second; an hour after `issued_at` at the latest.
    pub expires_at: OffsetDateTime,
    /// The most that it may do.
    pub permissions: PermissionSet,
    /// The farthest that it may reach.
    pub reach: Arc<Reach>,
}

/// The claims as they stand in a token; each once, and no other.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wire {
    iss: String,
    aud: String,
    sub: String,
    tenant: TenantId,
    jti: TokenId,
    iat: i64,
    nbf: i64,
    exp: i64,
    scope: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    customers: Option<Vec<CustomerId>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    phone_numbers: Option<Vec<PhoneNumberId>>,
}

impl TokenClaims {
    /// The claims as JSON.
    pub(super) fn to_json(&self, issuer: &str) -> Vec<u8> {
        let scope: Vec<_> = self.permissions.iter().map(portico_domain::Permission::as_str).collect();
        let issued_at = self.issued_at.unix_timestamp();
        let wire = Wire {
            iss: issuer.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub: self.subject.to_string(),
            tenant: self.tenant,
            jti: self.id,
            iat: issued_at,
            nbf: issued_at,
            exp: self.expires_at.unix_timestamp(),
            scope: scope.join(" "),
            customers: self.reach.customers.clone(),
            phone_numbers: self.reach.phone_numbers.clone(),
        };
        serde_json::to_vec(&wire).expect("texts, numbers and lists of texts are JSON")
    }

    /// Judges the claims of a token whose signature, issuer and audience held. The library judges
    /// neither `iat` nor a lifetime, and the other instants by the system's clock alone.
    pub(super) fn judge(wire: Wire, now: OffsetDateTime) -> Result<Self, TokenFault> {
        let instant = |seconds| OffsetDateTime::from_unix_timestamp(seconds).map_err(|_| TokenFault::Claims);
        let (issued_at, not_before, expires_at) = (instant(wire.iat)?, instant(wire.nbf)?, instant(wire.exp)?);
        if not_before < issued_at || expires_at < issued_at {
            return Err(TokenFault::Claims);
        }
        if expires_at - issued_at > LIFETIME_LONGEST {
            return Err(TokenFault::Lifetime);
        }
        if not_before - now > LEEWAY {
            return Err(TokenFault::NotYet);
        }
        if now >= expires_at {
            return Err(TokenFault::Expired);
        }
        Ok(Self {
            id: wire.jti,
            subject: wire.sub.parse().map_err(|_| TokenFault::Claims)?,
            tenant: wire.tenant,
            issued_at,
            expires_at,
            // A permission that only a newer replica knows is one that this one cannot give.
            permissions: wire.scope.split(' ').filter_map(|name| name.parse().ok()).collect(),
            reach: Arc::new(Reach { customers: wire.customers, phone_numbers: wire.phone_numbers }),
        })
    }
}

impl Subject {
    /// The subject as an actor.
    #[must_use]
    pub const fn actor(self) -> Actor {
        match self {
            Self::ApiKey(id) => Actor::ApiKey(id),
            Self::Member(id) => Actor::Member(id),
        }
    }

    /// Who can mint: none for the operator.
    #[must_use]
    pub const fn of(actor: Actor) -> Option<Self> {
        match actor {
            Actor::ApiKey(id) => Some(Self::ApiKey(id)),
            Actor::Member(id) => Some(Self::Member(id)),
            Actor::Operator => None,
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ApiKey(id) => id.fmt(f),
            Self::Member(id) => id.fmt(f),
        }
    }
}

impl FromStr for Subject {
    type Err = MalformedId;

    fn from_str(text: &str) -> Result<Self, MalformedId> {
        if text.starts_with("mem_") { text.parse().map(Self::Member) } else { text.parse().map(Self::ApiKey) }
    }
}
