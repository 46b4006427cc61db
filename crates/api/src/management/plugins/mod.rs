//! Plugins.

pub(super) mod configuration;
pub(super) mod create;
pub(super) mod delete;
pub(super) mod get;
pub(super) mod list;
pub(super) mod sync;
