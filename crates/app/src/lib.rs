//! The composition root: every service of Portico, made once and wired, started and stopped.
//!
//! A handler reaches a use case through its service, `app.api_keys().revoke(scope, id)`. To add a service, add its
//! crate, a field and an accessor here, and make it in [`App::start`].

mod app;
mod readiness;
mod start;

pub use app::App;
pub use readiness::Readiness;
pub use start::{AppOptions, StartError};
