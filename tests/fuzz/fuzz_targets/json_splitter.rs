//! Anything as an answer of Chakra's, in any pieces: no panic, and what comes out is what serde_json finds,
//! byte for byte.

#![no_main]

#[path = "../../../crates/chakra/tests/against_serde_json/document.rs"]
mod document;
#[path = "../json_input.rs"]
mod json_input;
#[path = "../../../crates/chakra/tests/against_serde_json/split_reference.rs"]
mod split_reference;

use json_input::Input;
use libfuzzer_sys::fuzz_target;
use split_reference::ANSWER_POINTERS;

fuzz_target!(|input: (u8, Vec<u16>, Input<'_>)| {
    let (set, cuts, input) = input;
    let pointers = ANSWER_POINTERS[usize::from(set) % ANSWER_POINTERS.len()];
    let cuts: Vec<usize> = cuts.into_iter().map(usize::from).collect();
    split_reference::check(pointers, &input.bytes(), &cuts);
});
