//! Chakra keys: write-only.

pub(super) mod create;
pub(super) mod delete;
pub(super) mod get;
pub(super) mod list;
pub(super) mod patch;
pub(super) mod replace;
pub(super) mod set_default;
pub(super) mod uses;
pub(super) mod verify;
