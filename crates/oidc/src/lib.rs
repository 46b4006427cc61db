//! Signing people in at an OpenID provider (OpenID Connect Core 1.0): authorization code flow with
//! PKCE, discovery, and keys that follow the provider's rotation.
//!
//! A sign-in is two calls. [`Provider::begin`] gives the address to which the browser goes, and an
//! [`Attempt`] that the caller keeps with that browser. The provider sends the browser back with a
//! code; [`Provider::finish`] exchanges it, checks the ID token and gives the [`Identity`].
//!
//! What is believed: an ID token signed by a key of the provider's, with an algorithm of
//! [`ALGORITHMS`] that fits the key; `iss`, `aud`, `azp`, `exp`, `iat`, `nbf` and `nonce` are all
//! checked. Endpoints must be https, or on the loopback address. Answers are bounded in size and
//! time, and redirects are not followed. Nothing here knows a web framework or a database.

mod id_token;
mod jwks;
mod metadata;
mod provider;
mod web;

pub use id_token::{ALGORITHMS, BadIdToken};
pub use provider::{Attempt, BadSetting, Failure, Identity, Provider, Settings};
