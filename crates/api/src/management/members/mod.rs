//! Members: the people of the tenant.

pub(super) mod get;
pub(super) mod leave;
pub(super) mod list;
pub(super) mod patch;
pub(super) mod remove;
pub(super) mod sign_in_link;
