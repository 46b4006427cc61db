//! The words of Portico as types: identifiers, names, permissions and roles, and the states of
//! what a tenant owns, and the [`clock`] that the crates above are handed. Nothing here does I/O.
//!
//! Everything that comes from outside is parsed into one of these types at the edge; a value of
//! such a type needs no second check. To add an identifier, add a line to [`ids`]; to add a
//! permission, add a line to [`permission`].

pub mod api_key_rotation;
pub mod audit;
pub mod chakra_key_use;
pub mod clock;
pub mod customer;
pub mod email;
pub mod event;
pub mod host;
pub mod ids;
pub mod lookup;
pub mod member;
pub mod meta_ids;
pub mod model;
pub mod permission;
pub mod phone_digits;
pub mod quarantine;
pub mod rate_limit;
pub mod received_event;
pub mod request_filter;
pub mod role;
pub mod settings;
pub mod signing_key;
pub mod status;
pub mod text;

pub use api_key_rotation::{OldSecret, OldSecretUse, Overlap};
pub use audit::{AuditEntry, AuditFilter, AuditOutcome, AuditRecord, AuditVerdict, ChainEnd};
pub use chakra_key_use::{ChakraKeyUse, KeyCaller, KeyUseCursor};
pub use clock::Clock;
pub use customer::Metadata;
pub use email::Email;
pub use event::Event;
pub use ids::{
    ApiKeyId, ChakraKeyId, CustomerId, EventCopyId, EventId, HookId, InvitationId, MemberId, OldSecretId, ReplicaId,
    RoleId, SessionId, SigningKeyId, TenantId, TokenId, WebhookSecretId,
};
pub use lookup::{LookupCursor, LookupFilter, LookupRow};
pub use member::{Invitation, InvitationStatus, Member};
pub use meta_ids::{PhoneNumberId, PluginId, WabaId};
pub use model::{
    ApiKey, ChakraKey, Customer, PhoneNumber, Plugin, RequestEntry, Role, TeamSharing, Tenant, TenantSettings, Waba,
};
pub use permission::Permission;
pub use phone_digits::PhoneDigits;
pub use quarantine::{QuarantineReason, QuarantinedEvent};
pub use rate_limit::RateLimit;
pub use received_event::{EventCopy, EventEntry, EventFilter, EventState, EventTypes, Person, SignatureVerdict};
pub use request_filter::{RequestFilter, StatusRange};
pub use role::{BuiltInRole, PermissionSet};
pub use settings::{Branding, GraphVersion, Limits, Origin};
pub use signing_key::{SigningKey, SigningKeyState};
pub use status::{ApiKeyStatus, ChakraKeyStatus, CustomerStatus, PluginStatus, TenantStatus};
pub use text::{Description, ExternalId, Name, RoleName};
