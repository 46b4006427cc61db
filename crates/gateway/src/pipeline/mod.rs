//! The stages of a call, as evidence: each type can be had only from the one before it, so a stage that is left
//! out does not compile.
//!
//! | evidence | what it proves |
//! |---|---|
//! | [`Matched`] | the path is one of the catalogue's |
//! | [`Authenticated`] | the caller is known, let in and within its own rate limit |
//! | [`Permitted`] | the caller may do the operation, and its query can be read in one way only |
//! | [`Owned`] | everything that path, query and body name is the caller's and belongs together |
//! | [`Admitted`] | the limits of what is called let it through |
//! | [`Claimed`] | nobody makes the same call at this moment |
//! | [`Credentialed`] | the Chakra key is open, and the call ready to go out |
//! | [`Paged`] | a list over the whole team is answered with the caller's own rows; any other call goes on |
//! | [`Sent`] | Chakra has answered |
//!
//! The caller's own rate limit comes first, because it is there to spare everybody else the work. What became of
//! the call is noted in its [`CallRecord`](crate::record::CallRecord) all along. To add a stage, add its file and its
//! place in [`forward`](crate::forward), and let the next one take it.

mod admitted;
mod authenticated;
mod claimed;
mod credentialed;
mod matched;
mod owned;
mod paged;
mod permitted;
mod sent;
#[cfg(test)]
mod tests;

pub(crate) use sent::{Asked, Sent};

pub(crate) use admitted::Admitted;
pub(crate) use authenticated::Authenticated;
pub(crate) use claimed::Claimed;
pub(crate) use credentialed::Credentialed;
pub(crate) use matched::Matched;
pub(crate) use owned::Owned;
pub(crate) use paged::Paged;
pub(crate) use permitted::Permitted;
