//! From a credential to what its bearer may do.
//!
//! A credential becomes a [`Principal`]; [`Principal::authorize`] gives a [`Scope`] for one
//! permission, and use cases ask for the scope that they need. There is no other way to make a
//! `Scope`, so code that compiles has checked. This crate knows no web framework and no database:
//! it is given an [`ApiKeyRecord`], a [`SessionRecord`] or a [`MemberRecord`] and decides.
//!
//! ```compile_fail
//! use portico_auth::Scope;
//! use portico_domain::permission::perm;
//! // A scope cannot be made without asking a principal for it.
//! let scope: Scope<perm::MessagesSend> = Scope { ..todo!() };
//! ```

mod credential;
mod principal;
mod reach;
mod session;
pub mod token;

pub use credential::{BadCredential, Credential};
pub use principal::{
    Actor, ApiKeyRecord, Denied, NotGrantable, OperatorScope, Origin, Party, Principal, Proof, Refused, Scope,
    TenantScope,
};
pub use reach::{CustomerReach, Reach};
pub use session::{MemberRecord, SESSION_IDLE, SESSION_LONGEST, SessionRecord};
pub use token::{Subject, TokenClaims, TokenFault, TokenKey, TokenKeys, TokenSigner};
