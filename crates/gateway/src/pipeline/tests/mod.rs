//! Tests of the stages, each of which is led through those before it.

mod answers;
mod authenticated;
mod bodies;
mod credentialed;
mod matched;
mod owned;
mod permitted;
mod sent;

use crate::Error;
use bytes::Bytes;
use futures_util::{Stream, stream};

use super::{Admitted, Authenticated, Claimed, Credentialed, Matched, Owned, Permitted, Sent};
use crate::call::{BodyFailure, Head};
use crate::record::CallRecord;
use crate::tests::World;

/// A body that comes at once.
fn body(text: &str) -> impl Stream<Item = Result<Bytes, BodyFailure>> + Unpin + use<> {
    stream::iter([Ok(Bytes::copy_from_slice(text.as_bytes()))])
}

async fn authenticated<'c>(world: &World, head: Head<'c>, record: &mut CallRecord) -> Result<Authenticated<'c>, Error> {
    Authenticated::of(Matched::of(head)?, &world.gateway, record).await
}

async fn permitted<'c>(world: &World, head: Head<'c>, record: &mut CallRecord) -> Result<Permitted<'c>, Error> {
    Permitted::of(authenticated(world, head, record).await?)
}

async fn owned<'c>(world: &World, head: Head<'c>, text: &str, record: &mut CallRecord) -> Result<Owned<'c>, Error> {
    let permitted = permitted(world, head, record).await?;
    Owned::of(permitted, &mut body(text), &world.gateway, record).await
}

async fn credentialed<'c>(
    world: &World,
    head: Head<'c>,
    text: &str,
    record: &mut CallRecord,
) -> Result<Credentialed<'c>, Error> {
    let owned = owned(world, head, text, record).await?;
    Credentialed::of(Claimed::of(Admitted::of(owned)), &world.gateway, record).await
}
