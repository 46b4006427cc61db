//! What Portico does: the use cases of the management API, and the pipeline that forwards a call
//! to Chakra.
//!
//! A use case takes the [`portico_auth::Scope`] of the permission that it needs, so it cannot be
//! called without. [`App`] is cheap to clone. To add a use case, add a method in the module of its
//! subject; to add an operation of Chakra, add an entry to the catalogue, and nothing here.

mod api_keys;
mod attempts;
mod audit;
mod audit_log;
mod authenticate;
mod browser;
mod cache;
mod chakra_keys;
mod customers;
mod each_tenant;
mod erase;
mod error;
mod export;
mod follow;
mod gates;
pub mod gateway;
mod grantor;
mod key_notices;
mod key_uses;
mod keys;
mod last_owner;
mod leaked;
mod learned;
mod limits;
mod lookup;
mod members;
mod metrics;
mod ownership;
mod paging;
mod plugins;
mod refusals;
mod request_log;
mod roles;
mod signing_keys;
mod start;
mod tenants;
mod tokens;
mod turns;
mod vault;
mod whatsapp;

pub use api_keys::{ApiKeyList, CreateApiKey, CreatedApiKey, PatchApiKey};
pub use audit_log::{AuditVerifier, Span};
pub use authenticate::{NotAdmitted, Presented, REJUDGED_AFTER};
pub use browser::{Browser, Cookie, cookie_in};
pub use chakra_keys::{PatchChakraKey, StoreChakraKey};
pub use customers::{Connection, EnsureCustomer};
pub use error::{Error, Thing};
pub use limits::{LimitKind, Quota, Standing};
pub use members::{
    Choice, CreateInvitation, CreatedInvitation, Invited, NewBrowserSession, PatchMember, Returned, SignInError,
    SignedIn, WhoAmI, WhoseTenant,
};
pub use metrics::Metrics;
pub use paging::{PageRequest, Paged};
pub use plugins::{Configuration, ConfigurationState, CreatePlugin};
pub use portico_storage::{ApiKeyFilter, CustomerPatch, NewCustomer, NewTenant, TenantPatch, TenantSettingsPatch};
pub use portico_vault::API_KEY_PATTERN;
pub use roles::{CreateRole, PatchRole};
pub use signing_keys::JWKS_MAX_AGE;
pub use start::{App, AppOptions, Readiness, StartError};
pub use tokens::{MintToken, MintedToken};
pub use turns::Turn;
pub use vault::{DataKeyStatus, MasterKeyStatus, Progress, RotateError, RotateOptions, Rotated, Vault, VaultStatus};
