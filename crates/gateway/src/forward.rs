//! A call from its first stage to its answer.

use bytes::Bytes;
use futures_util::future::{Either, select};
use futures_util::{FutureExt as _, Stream};
use portico_chakra::{Effect, Operation, Retry, UpstreamBody};

use crate::Error;
use crate::Gateway;
use crate::answer;
use crate::body::{self, Received};
use crate::call::{Answer, BodyFailure, Call, Failure};
use crate::finishing::Finishing;
use crate::pipeline::{
    Admitted, Authenticated, Claimed, Credentialed, Departing, Matched, Owned, Paged, Permitted, Sent,
};
use crate::record::{CallRecord, Told};

/// Takes a call through all stages, and ends its record.
pub(crate) async fn run<B>(gateway: &Gateway, call: Call<'_, B>, mut record: CallRecord) -> Result<Answer, Box<Failure>>
where
    B: Stream<Item = Result<Bytes, BodyFailure>> + Unpin,
{
    let Call { head, mut body } = call;
    let admitted = async {
        let matched = Matched::of(head)?;
        let authenticated = Authenticated::of(matched, gateway, &mut record).await?;
        let permitted = Permitted::of(authenticated)?;
        let owned = Owned::of(permitted, &mut body, gateway, &mut record).await?;
        let admitted = Admitted::of(owned);
        let claimed = Claimed::of(admitted);
        Credentialed::of(claimed, gateway, &mut record).await
    };
    let credentialed = match admitted.await {
        Ok(credentialed) => credentialed,
        Err(error) => return Err(record.fails_with(error)),
    };
    if credentialed.is_paged() {
        let mut told = Told::default();
        let outcome = page(credentialed, gateway, &mut told).await;
        record.is_told(told);
        return record.ends_with(outcome);
    }
    let departing = Departing::of(credentialed, gateway);
    let is_kept = changes_something(departing.operation());
    let (outcome, record) = match departing.received() {
        Received::Nothing => finish(departing, UpstreamBody::Empty, gateway, record, is_kept).await,
        Received::Json { bytes, .. } | Received::Form(bytes) => {
            let body = UpstreamBody::Full(bytes.clone());
            finish(departing, body, gateway, record, is_kept).await
        }
        Received::Stream => stream(departing, body, gateway, record, is_kept).await?,
    };
    record.ends_with(outcome)
}

/// Answers a list with the caller's own rows. It only reads, so it is broken off when its caller leaves.
async fn page(credentialed: Credentialed<'_>, gateway: &Gateway, told: &mut Told) -> Result<Answer, Error> {
    match Paged::of(credentialed, gateway, told).await? {
        Paged::Own(answer) => Ok(answer),
        Paged::Otherwise(sent) => answer::answer(*sent, gateway, told).await,
    }
}

/// Whether the call is to end although nobody waits for its answer. What only reads is broken off: Chakra need not work
/// for nobody.
fn changes_something(operation: &Operation) -> bool {
    let is_read = matches!(operation.effect, Effect::None | Effect::ObservesPlugin | Effect::ObservesConfiguration);
    operation.retry != Retry::Safe || !is_read
}

fn begin(departing: Departing, body: UpstreamBody, gateway: &Gateway, record: CallRecord) -> Finishing {
    let own = gateway.clone();
    let rest = async move {
        let mut told = Told::default();
        let outcome = async {
            let sent = Sent::of(departing, body, &own, &mut told).await?;
            answer::answer(sent, &own, &mut told).await
        };
        let outcome = outcome.await;
        (outcome, told)
    };
    Finishing::new(rest, record, &gateway.services.unattended)
}

async fn finish(
    departing: Departing,
    body: UpstreamBody,
    gateway: &Gateway,
    record: CallRecord,
    is_kept: bool,
) -> (Result<Answer, Error>, CallRecord) {
    let mut finishing = begin(departing, body, gateway, record);
    if is_kept {
        finishing.keep();
    }
    finishing.await
}

/// Waits for the answer while the body moves; what is wrong with the body counts first. Before Chakra has all of the
/// body, a caller who goes away breaks the call off: nothing half-sent counts.
async fn stream<B>(
    departing: Departing,
    body: B,
    gateway: &Gateway,
    record: CallRecord,
    is_kept: bool,
) -> Result<(Result<Answer, Error>, CallRecord), Box<Failure>>
where
    B: Stream<Item = Result<Bytes, BodyFailure>> + Unpin,
{
    let (pump, pieces) = body::pump(body);
    let mut pump = std::pin::pin!(pump);
    let mut finishing = begin(departing, UpstreamBody::Stream(pieces), gateway, record);
    let ended = match select(pump.as_mut(), &mut finishing).await {
        Either::Left((pumped, _)) => Either::Left(pumped),
        Either::Right((ended, _)) => Either::Right(ended),
    };
    match ended {
        Either::Left(Ok(())) => {
            if is_kept {
                finishing.keep();
            }
            Ok(finishing.await)
        }
        Either::Left(Err(refused)) => Err(finishing.break_off().fails_with(refused)),
        Either::Right((Ok(answer), record)) => Ok((Ok(answer), record)),
        // The stream may have failed because the body did: its own error says more.
        Either::Right((Err(error), record)) => match pump.now_or_never() {
            Some(Err(refused)) => Err(record.fails_with(refused)),
            _ => Ok((Err(error), record)),
        },
    }
}
