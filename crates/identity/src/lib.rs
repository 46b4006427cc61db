//! Who calls and what they may do: API keys, roles, members, sessions, tokens, tenants, the audit log.
//!
//! A use case takes the [`portico_auth::Scope`] of the permission that it needs, so it cannot be called
//! without. [`Authenticator`] turns a request's credentials into a principal. To add a use case, add a method
//! to the service of its subject.

mod api_keys;
mod audit_log;
mod authenticate;
mod browser;
mod each_tenant;
mod error;
mod grantor;
mod invitations;
mod last_owner;
mod members;
mod minter;
mod moments;
mod request_credentials;
mod roles;
mod sessions;
mod sign_in;
mod signing_keys;
mod tenants;
mod tokens;

pub use api_keys::{ApiKeyList, ApiKeys, CreateApiKey, CreatedApiKey, PatchApiKey};
pub use audit_log::{AuditLog, AuditVerifier, Span};
pub use authenticate::Authenticator;
pub use browser::Browser;
pub use error::Error;
pub use invitations::{CreateInvitation, CreatedInvitation, Invitations};
pub use members::{Members, PatchMember};
pub use portico_storage::{ApiKeyFilter, NewTenant, TenantPatch, TenantSettingsPatch};
pub use portico_vault::API_KEY_PATTERN;
pub use request_credentials::{NotAdmitted, REJUDGED_AFTER, RequestCredentials};
pub use roles::{CreateRole, PatchRole, Roles};
pub use sessions::{Reached, Sessions, WhoAmI, WhoseTenant};
pub use sign_in::{
    Choice, InvitationAcceptance, Invited, LinkedMember, NewBrowserSession, NewSignInLink, ProviderSignIn, Returned,
    SignIn, SignInError, SignInLinks, SignedIn, TICKET_LIFETIME,
};
pub use signing_keys::{JWKS_MAX_AGE, SigningKeys};
pub use tenants::{TenantExports, Tenants};
pub use tokens::{MintToken, MintedToken, Tokens};
