//! What tests of several crates share. A dependency of tests only.

pub mod transit;
