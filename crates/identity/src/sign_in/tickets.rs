//! Who somebody was proved to be, kept with the browser while they choose the tenant. It is signed, and
//! it can be used once, within ten minutes, unless a member's password or account changes before.

use std::sync::Arc;

use portico_domain::clock::Clock;
use portico_domain::{InvitationId, MemberId, SessionId, TenantId};
use portico_vault::TicketKey;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use time::{Duration, OffsetDateTime};

use portico_core::Core;

/// How long a browser may take between two steps of a sign-in.
pub const TICKET_LIFETIME: Duration = Duration::minutes(10);

/// How many tenants are offered: more do not fit in a cookie.
pub(super) const MOST: usize = 20;

/// A tenant to act in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// The tenant.
    pub tenant: TenantId,
    /// Its name.
    pub name: String,
    /// The role to be had by accepting an open invitation; none for who is a member.
    pub joins_as: Option<String>,
    /// Whether the account at the identity provider is bound to the member by this choice.
    pub binds: bool,
}

/// Candidate what somebody can act in a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Candidate {
    /// Candidate the member that they proved to be, by its password or by the account bound to it.
    Member(Means),
    /// Candidate the member that has the account's verified address, whom the account is bound to then.
    Unbound(Means),
    /// Candidate the member that they become by accepting this.
    Invited(InvitationId),
}

/// A member, and how it signed in when somebody proved to be it: whatever changes that makes the proof void.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Means {
    pub(super) member: MemberId,
    pub(super) epoch: i64,
}

/// How somebody proved who they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Proof {
    /// By the member's password.
    Password,
    /// By an account at the identity provider.
    Account {
        /// The provider.
        issuer: String,
        /// The account there.
        subject: String,
    },
}

/// What the signed text says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ticket {
    /// Tells it from others: it is used once.
    pub(super) id: SessionId,
    pub(super) proof: Proof,
    pub(super) candidates: Vec<(TenantId, Candidate)>,
}

#[derive(Serialize, Deserialize)]
struct Timed<T> {
    until: i64,
    what: T,
}

/// Writes and reads signed texts that browsers keep between two steps. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Tickets {
    key: Arc<TicketKey>,
    clock: Clock,
}

impl Tickets {
    pub(super) fn new(core: &Core) -> Self {
        Self { key: Arc::new(core.mac_key.ticket_key()), clock: core.clock.clone() }
    }

    /// A text for a cookie that says it for ten minutes.
    pub(super) fn issue<T: Serialize>(&self, purpose: &str, what: T) -> String {
        self.issue_for(purpose, what, TICKET_LIFETIME).0
    }

    /// A text that says it for that long, and when that is over.
    pub(super) fn issue_for<T: Serialize>(
        &self,
        purpose: &str,
        what: T,
        lifetime: Duration,
    ) -> (String, OffsetDateTime) {
        let end = self.clock.now() + lifetime;
        let end = end.replace_nanosecond(0).unwrap_or(end);
        let text = serde_json::to_string(&Timed { until: end.unix_timestamp(), what }).expect("texts and ids are JSON");
        (self.key.sign(purpose, &text), end)
    }

    /// What such a text says, while it holds.
    pub(super) fn read<T: DeserializeOwned>(&self, purpose: &str, ticket: &str) -> Option<T> {
        let text = self.key.verify(purpose, ticket)?;
        let timed: Timed<T> = serde_json::from_str(&text).ok()?;
        (timed.until > self.clock.now().unix_timestamp()).then_some(timed.what)
    }
}
