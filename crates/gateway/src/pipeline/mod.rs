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
//! | [`Sent`] | Chakra has answered |
//!
//! The caller's own rate limit comes first, because it is there to spare everybody else the work. What became of
//! the call is noted in its [`CallRecord`] all along. To add a stage, add its file and its place in [`run`], and
//! let the next one take it.

mod admitted;
mod authenticated;
mod claimed;
mod credentialed;
mod matched;
mod owned;
mod permitted;
mod sent;

use bytes::Bytes;
use futures_util::Stream;
use portico_core::Error;

use crate::Gateway;
use crate::answer;
use crate::call::{Answer, BodyFailure, Call};
use crate::record::CallRecord;

pub(crate) use sent::{Asked, Sent};

use admitted::Admitted;
use authenticated::Authenticated;
use claimed::Claimed;
use credentialed::Credentialed;
use matched::Matched;
use owned::Owned;
use permitted::Permitted;

/// Takes a call through all stages.
pub(crate) async fn run<B>(gateway: &Gateway, call: Call<'_, B>, record: &mut CallRecord) -> Result<Answer, Error>
where
    B: Stream<Item = Result<Bytes, BodyFailure>> + Unpin,
{
    let Call { head, mut body } = call;
    let matched = Matched::of(head)?;
    let authenticated = Authenticated::of(matched, gateway, record).await?;
    let permitted = Permitted::of(authenticated)?;
    permitted.learn_team(gateway).await?;
    let owned = Owned::of(permitted, &mut body, gateway, record).await?;
    let admitted = Admitted::of(owned);
    let claimed = Claimed::of(admitted);
    let credentialed = Credentialed::of(claimed, gateway, record).await?;
    let sent = Sent::of(credentialed, body, gateway, record).await?;
    answer::answer(sent, gateway, record).await
}
