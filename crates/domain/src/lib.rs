//! The words of Portico as types: identifiers, names, permissions and roles, and the states of
//! what a tenant owns. Nothing here does I/O, reads a clock or draws random numbers by itself.
//!
//! Everything that comes from outside is parsed into one of these types at the edge; a value of
//! such a type needs no second check. To add an identifier, add a line to [`ids`]; to add a
//! permission, add a line to [`permission`].

pub mod audit;
pub mod customer;
pub mod event;
pub mod ids;
pub mod lookup;
pub mod meta_ids;
pub mod model;
pub mod permission;
pub mod phone_digits;
pub mod role;
pub mod settings;
pub mod status;
pub mod text;

pub use audit::{AuditEntry, AuditFilter, AuditOutcome, AuditRecord, AuditVerdict, ChainEnd};
pub use customer::Metadata;
pub use event::Event;
pub use ids::{
    ApiKeyId, ChakraKeyId, CustomerId, EventId, InvitationId, MemberId, RoleId, SessionId, TenantId, TokenId,
};
pub use lookup::{LookupFilter, LookupPlace, LookupRow};
pub use meta_ids::{PhoneNumberId, PluginId, WabaId};
pub use model::{ApiKey, ChakraKey, Customer, PhoneNumber, Plugin, RequestEntry, Role, Tenant, TenantSettings, Waba};
pub use permission::Permission;
pub use phone_digits::PhoneDigits;
pub use role::{BuiltInRole, PermissionSet};
pub use settings::{Branding, GraphVersion, Limits, Origin};
pub use status::{ChakraKeyStatus, CustomerStatus, PluginStatus, TenantStatus};
pub use text::{Description, ExternalId, Name, RoleName};
