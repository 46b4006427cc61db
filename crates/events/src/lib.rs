//! Events: what Chakra tells of the tenants' customers, from the hook that it posts to until it is stored and routed.
//!
//! [`formats::parse`] takes a body apart without asking anybody, [`signature`] and [`owner`] judge it, and the services
//! do the rest: [`Receiver`] stores what comes, [`Hooks`] and [`WebhookSecrets`] say where to and signed with what,
//! [`Events`] shows what came. To know another kind of event, add it to [`kind`] and say in `formats` which of Meta's
//! fields it is.

mod assign;
mod error;
mod events;
pub mod formats;
mod hooks;
pub mod kind;
pub mod message;
pub mod owner;
mod receive;
mod sealed;
pub mod signature;
mod upkeep;
mod webhook_secrets;

pub use error::Error;
pub use events::{Events, WholeEvent};
pub use hooks::{HOOKS_PATH, Hook, Hooks, address_hash};
pub use kind::EventKind;
pub use receive::{LONGEST_BODY, Receipt, Receiver};
pub use webhook_secrets::{HookSigning, LONGEST_LOG_ONLY, WebhookSecret, WebhookSecrets};
