//! What tests of several crates share. A dependency of tests only.

#[cfg(feature = "core")]
pub mod test_core;
pub mod transit;
