//! Events: what Chakra tells of the tenants' customers, from the hook that it posts to until it is stored and routed.
//!
//! [`formats::parse`] takes a body apart without asking anybody; everything else stands on what it gives. To know
//! another kind of event, add it to [`kind`] and say in `formats` which of Meta's fields it is.

pub mod formats;
pub mod kind;
pub mod message;

pub use kind::EventKind;
