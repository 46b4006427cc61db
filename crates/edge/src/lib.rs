//! HTTP/1 on the wire: connections, their deadlines and their number, in front of an actix application.
//!
//! The application's own server has no deadline for the second head of a connection, for bodies or for readers that do
//! not read, invites bodies that it is going to refuse, ends connections that ask for an upgrade without saying so, and
//! answers malformed heads with nothing. So hyper reads and writes here, and the application is a service that takes a
//! request and gives an answer ([`bridge`]).
//!
//! | what | deadline |
//! |---|---|
//! | a head | 10 s from its first byte, or from the beginning of the connection |
//! | a connection that nobody uses | 75 s: longer than load balancers keep theirs, so that they close first |
//! | a body | 10 s, and a second more for each 16 KiB; no pause longer than 10 s |
//! | an answer | 30 s, and a second more for each 4 KiB that was taken; no pause longer than 30 s |
//!
//! A body that is late ends with [`PayloadError::Io`](actix_http::error::PayloadError::Io) of the kind
//! [`TimedOut`](std::io::ErrorKind::TimedOut). Only time in which the other side is waited for counts. Connections are bounded in all and for each address
//! ([`ConnectionLimits`]); beyond the first limit they wait to be accepted, beyond the second they are closed.

mod accept;
mod activity;
mod bridge;
mod connection;
mod descriptors;
mod guarded;
mod pace;
mod phases;
mod refusal;
mod server;
mod slots;
#[cfg(test)]
mod tests;
mod worker;

pub use descriptors::{ConnectionLimits, raise_descriptors};
pub use refusal::Refusal;
pub use server::Edge;
