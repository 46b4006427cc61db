//! Anything as a body that Chakra posts: no panic, and what is kept of it can be read again.

#![no_main]

#[path = "../../../crates/events/tests/checked_body/mod.rs"]
mod checked_body;
#[path = "../json_input.rs"]
mod json_input;

use json_input::Input;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: Input<'_>| checked_body::check(&input.bytes()));
