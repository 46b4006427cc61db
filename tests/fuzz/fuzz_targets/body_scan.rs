//! Anything as the body of a call: no panic, and the fields that are read are those that serde_json finds.

#![no_main]

#[path = "../../../crates/chakra/tests/against_serde_json/document.rs"]
mod document;
#[path = "../json_input.rs"]
mod json_input;
#[path = "../../../crates/chakra/tests/against_serde_json/scan_reference.rs"]
mod scan_reference;

use json_input::Input;
use libfuzzer_sys::fuzz_target;
use scan_reference::BODY_POINTERS;

fuzz_target!(|input: (u8, bool, Input<'_>)| {
    let (set, list, input) = input;
    let pointers = BODY_POINTERS[usize::from(set) % BODY_POINTERS.len()];
    scan_reference::check(pointers, list, &input.bytes());
});
