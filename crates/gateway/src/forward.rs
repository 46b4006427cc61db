//! A call from its first stage to its answer.

use bytes::Bytes;
use futures_util::Stream;

use crate::Error;
use crate::Gateway;
use crate::answer;
use crate::call::{Answer, BodyFailure, Call};
use crate::pipeline::{Admitted, Authenticated, Claimed, Credentialed, Matched, Owned, Paged, Permitted, Sent};
use crate::record::CallRecord;

/// Takes a call through all stages.
pub(crate) async fn run<B>(gateway: &Gateway, call: Call<'_, B>, record: &mut CallRecord) -> Result<Answer, Error>
where
    B: Stream<Item = Result<Bytes, BodyFailure>> + Unpin,
{
    let Call { head, mut body } = call;
    let matched = Matched::of(head)?;
    let authenticated = Authenticated::of(matched, gateway, record).await?;
    let permitted = Permitted::of(authenticated)?;
    let owned = Owned::of(permitted, &mut body, gateway, record).await?;
    let admitted = Admitted::of(owned);
    let claimed = Claimed::of(admitted);
    let credentialed = Credentialed::of(claimed, gateway, record).await?;
    let sent = if credentialed.is_paged() {
        match Paged::of(credentialed, gateway, record).await? {
            Paged::Own(answer) => return Ok(answer),
            Paged::Otherwise(sent) => *sent,
        }
    } else {
        Sent::of(credentialed, body, gateway, record).await?
    };
    answer::answer(sent, gateway, record).await
}
