//! What `portico dev` runs on this machine.

pub(crate) mod postgres;
