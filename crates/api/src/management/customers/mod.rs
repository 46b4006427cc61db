//! Customers and their connection.

pub(super) mod connection;
pub(super) mod create;
pub(super) mod delete;
pub(super) mod disconnect;
pub(super) mod ensure;
pub(super) mod get;
pub(super) mod list;
pub(super) mod patch;
