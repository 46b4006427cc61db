//! An emulated Chakra, honest enough to develop against and to test with: the operations of the
//! catalogue with state behind them, Chakra's envelope and error texts, its browser script, a
//! sign-up window, signed events, and control calls that make it misbehave.
//!
//! [`start`] runs one. A request enters at `dispatch`, its body is read by `request_body` and kept in the
//! `request_record`, a `fault` may replace or break its answer, and a handler of [`operations`](self) or of
//! `control` gives it. All state of the emulated Chakra is one value, the `World`, behind a mutex that is held
//! only while a handler runs; handlers never wait.
//!
//! To add an operation: write a function `fn(&Call, &mut World) -> Answer` in the file of its
//! group under `operations/`, and name it by the catalogue's id in `operations::handler`. A test
//! fails as long as the catalogue holds an operation without a handler.
//!
//! Some calls are only accepted, and their outcome comes a moment later as an event (a webhook): a
//! template's name decides on its review (with `reject` in it: rejected, with `pending`: never reviewed,
//! else approved), a group is made and changed. What an event refers to (a medium, a group) can be asked for
//! when it arrives. To be tried without one, every new WABA has five templates, and every new number one
//! group and one picture, whose id is that of the number with `01` behind it.
//!
//! The sandbox is tooling for one machine: its control calls ask for no credential, and it sends
//! events to loopback addresses only, unless [`Settings::events_beyond_loopback`] is set.

mod call;
mod chakra;
mod clock;
mod connect;
mod control;
mod dispatch;
mod events;
mod fault;
mod fields;
mod generate;
mod hex;
mod multipart;
mod operations;
mod reply;
mod request_body;
mod request_record;
mod response;
mod role;
mod sandbox;
mod shared;
mod state_file;
mod world;

pub use sandbox::{DemoTeam, Sandbox, Settings, StartError, start};
