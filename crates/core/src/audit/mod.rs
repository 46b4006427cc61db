//! The audit log, as services write it: changes and refused attempts.

mod recorder;
mod refusals;

pub use recorder::{AuditRecorder, Change, done};
pub use refusals::Refusals;
