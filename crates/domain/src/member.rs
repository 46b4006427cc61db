//! People of a tenant, as the management API shows them.

use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;

use crate::email::Email;
use crate::ids::{InvitationId, MemberId};
use crate::text::{Name, RoleName};

/// A person of a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Member {
    /// Its id.
    pub id: MemberId,
    /// The address by which the person signs in, unique within the tenant.
    pub email: Email,
    /// What people call it.
    pub name: Option<Name>,
    /// Its role, built in or the tenant's own.
    pub role: RoleName,
    /// Whether it can sign in with a password.
    pub has_password: bool,
    /// Whether it is bound to an account at the identity provider.
    pub has_identity: bool,
    /// When it joined.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// When it last signed in.
    #[serde(with = "time::serde::rfc3339::option")]
    pub last_signed_in_at: Option<OffsetDateTime>,
}

/// How far an invitation has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum InvitationStatus {
    /// It can be accepted.
    Open,
    /// Somebody accepted it.
    Accepted,
    /// It was taken back.
    Revoked,
    /// Nobody accepted it in time.
    Expired,
}

/// An invitation to become a member, without its token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Invitation {
    /// Its id.
    pub id: InvitationId,
    /// Who is invited.
    pub email: Email,
    /// What people call the one who is invited.
    pub name: Option<Name>,
    /// The role that the member will have.
    pub role: RoleName,
    /// How far it has come.
    pub status: InvitationStatus,
    /// Who invited: `operator`, or the id of an API key or a member.
    #[schema(example = "mem_01h455vb4pex5vsknk084sn02q")]
    pub invited_by: String,
    /// When it was made.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// Until when it can be accepted.
    #[serde(with = "time::serde::rfc3339")]
    pub expires_at: OffsetDateTime,
    /// When it was accepted.
    #[serde(with = "time::serde::rfc3339::option")]
    pub accepted_at: Option<OffsetDateTime>,
    /// When it was taken back.
    #[serde(with = "time::serde::rfc3339::option")]
    pub revoked_at: Option<OffsetDateTime>,
}
