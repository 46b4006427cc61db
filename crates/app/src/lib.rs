//! What Portico does: the use cases of the management API, and the pipeline that forwards a call
//! to Chakra.
//!
//! A use case takes the [`portico_auth::Scope`] of the permission that it needs, so it cannot be
//! called without. [`App`] is cheap to clone. To add a use case, add a method in the module of its
//! subject; to add an operation of Chakra, add an entry to the catalogue, and nothing here.

mod api_keys;
mod audit;
mod authenticate;
mod browser;
mod cache;
mod chakra_keys;
mod customers;
mod error;
pub mod gateway;
mod keys;
mod last_owner;
mod learned;
mod lookup;
mod members;
mod metrics;
mod ownership;
mod paging;
mod plugins;
mod refusals;
mod request_log;
mod roles;
mod start;
mod tenants;
mod whatsapp;

pub use api_keys::{CreateApiKey, CreatedApiKey, PatchApiKey};
pub use authenticate::{NotAdmitted, Presented};
pub use browser::{Browser, Cookie, cookie_in};
pub use chakra_keys::{PatchChakraKey, StoreChakraKey};
pub use customers::{Connection, EnsureCustomer};
pub use error::{Error, Thing};
pub use members::{
    Choice, CreateInvitation, CreatedInvitation, Invited, NewBrowserSession, PatchMember, Returned, SignInError,
    SignedIn, WhoAmI, WhoseTenant,
};
pub use metrics::Metrics;
pub use paging::{PageRequest, Paged};
pub use plugins::{Configuration, ConfigurationState, CreatePlugin};
pub use portico_storage::{CustomerPatch, NewCustomer, NewTenant, TenantPatch, TenantSettingsPatch};
pub use roles::{CreateRole, PatchRole};
pub use start::{App, AppOptions, Readiness, StartError};
