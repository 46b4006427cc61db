//! The signed-in browser of a member.

use portico_domain::{MemberId, PermissionSet, SessionId, TenantId, TenantStatus};
use time::{Duration, OffsetDateTime};

use crate::principal::{Actor, Origin, Party, Principal, Refused};

/// How long after its sign-in a session ends at the latest.
pub const SESSION_LONGEST: Duration = Duration::days(7);
/// How long a session may be unused before it ends.
pub const SESSION_IDLE: Duration = Duration::hours(12);

/// What storage knows of a session: enough to judge it at any later moment.
#[derive(Debug, Clone)]
pub struct SessionRecord {
    /// The session that was found by the hash of its cookie's token.
    pub id: SessionId,
    /// The member who signed in.
    pub member: MemberId,
    /// The tenant in which it acts.
    pub tenant: TenantId,
    /// Whether that tenant is served.
    pub tenant_status: TenantStatus,
    /// What the member's role allows.
    pub permissions: PermissionSet,
    /// When it was last used, to the minute.
    pub last_seen_at: OffsetDateTime,
    /// When it ends at the latest.
    pub expires_at: OffsetDateTime,
    /// Tokens that the member minted before this are refused; none: all are accepted.
    pub tokens_not_before: Option<OffsetDateTime>,
}

impl SessionRecord {
    /// The member as a party.
    #[must_use]
    pub const fn party(&self) -> Party {
        Party { tenant: self.tenant, actor: Actor::Member(self.member), token: None }
    }

    /// Whether the session has ended at this moment, by its age or because it was unused.
    #[must_use]
    pub fn has_ended(&self, now: OffsetDateTime) -> bool {
        now >= self.expires_at || now >= self.last_seen_at.saturating_add(SESSION_IDLE)
    }

    /// Lets the member in or refuses it, from this origin. A session must not have ended: ask
    /// [`SessionRecord::has_ended`] first.
    ///
    /// # Errors
    ///
    /// [`Refused::Suspended`] when the tenant is suspended.
    pub fn admit(&self, origin: Origin) -> Result<Principal, Refused> {
        if self.tenant_status == TenantStatus::Suspended {
            return Err(Refused::Suspended);
        }
        let principal = Principal::member(self.tenant, self.member, self.permissions, origin);
        Ok(principal.with_session(self.expires_at, self.tokens_not_before))
    }
}

/// What storage knows of a member who acts through a token, without a session.
#[derive(Debug, Clone)]
pub struct MemberRecord {
    /// The member who minted the token.
    pub id: MemberId,
    /// The tenant that the member belongs to.
    pub tenant: TenantId,
    /// Whether that tenant is served.
    pub tenant_status: TenantStatus,
    /// What the member's role allows.
    pub permissions: PermissionSet,
    /// Tokens that the member minted before this are refused, since a sign-out or a new way to sign in; none:
    /// all are accepted.
    pub tokens_not_before: Option<OffsetDateTime>,
}

impl MemberRecord {
    /// The member as a party.
    #[must_use]
    pub const fn party(&self) -> Party {
        Party { tenant: self.tenant, actor: Actor::Member(self.id), token: None }
    }

    /// Lets the member in or refuses it, from this origin.
    ///
    /// # Errors
    ///
    /// [`Refused::Suspended`] when the tenant is suspended.
    pub fn admit(&self, origin: Origin) -> Result<Principal, Refused> {
        if self.tenant_status == TenantStatus::Suspended {
            return Err(Refused::Suspended);
        }
        Ok(Principal::member(self.tenant, self.id, self.permissions, origin))
    }
}

#[cfg(test)]
mod tests {
    use portico_domain::permission::perm;
    use portico_domain::{BuiltInRole, Permission};

    use super::*;
    use crate::Denied;

    fn record(now: OffsetDateTime) -> SessionRecord {
        SessionRecord {
            id: SessionId::generate(),
            member: MemberId::generate(),
            tenant: TenantId::generate(),
            tenant_status: TenantStatus::Active,
            permissions: BuiltInRole::Viewer.permissions(),
            last_seen_at: now,
            expires_at: now + SESSION_LONGEST,
            tokens_not_before: None,
        }
    }

    #[test]
    fn a_session_ends_by_time_and_by_rest() {
        let now = OffsetDateTime::now_utc();
        let session = record(now);
        assert!(!session.has_ended(now));
        assert!(session.has_ended(now + SESSION_IDLE));
        let used = SessionRecord { last_seen_at: now + SESSION_LONGEST, ..session };
        assert!(!used.has_ended(now + SESSION_LONGEST - Duration::SECOND));
        assert!(used.has_ended(now + SESSION_LONGEST));
    }

    #[test]
    fn a_member_may_what_its_role_allows_in_its_tenant() {
        let session = record(OffsetDateTime::now_utc());
        let principal = session.admit(Origin::default()).expect("is let in");
        assert_eq!(principal.actor(), Actor::Member(session.member));
        assert_eq!(principal.authorize::<perm::CustomersRead>().expect("viewers read").tenant(), session.tenant);
        assert!(matches!(
            principal.authorize::<perm::CustomersWrite>(),
            Err(Denied::Permission(Permission::CustomersWrite))
        ));
        assert!(matches!(principal.authorize_operator::<perm::TenantsRead>(), Err(Denied::OperatorOnly)));
        let suspended = SessionRecord { tenant_status: TenantStatus::Suspended, ..session };
        assert_eq!(suspended.admit(Origin::default()).err(), Some(Refused::Suspended));
    }

    #[test]
    fn a_member_behind_a_token_is_judged_as_one_behind_a_session() {
        let member = MemberRecord {
            tokens_not_before: None,
            id: MemberId::generate(),
            tenant: TenantId::generate(),
            tenant_status: TenantStatus::Active,
            permissions: BuiltInRole::Viewer.permissions(),
        };
        let principal = member.admit(Origin::default()).expect("is let in");
        assert_eq!(principal.party(), Some(member.party()));
        assert_eq!(member.party().actor, Actor::Member(member.id));
        assert_eq!(principal.permissions(), member.permissions);
        let suspended = MemberRecord { tenant_status: TenantStatus::Suspended, ..member };
        assert_eq!(suspended.admit(Origin::default()).err(), Some(Refused::Suspended));
    }
}
