//! Accepting connections and handing them to workers.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;

use crate::phases::Phases;
use crate::slots::Slots;
use crate::worker::{Accepted, Worker};

/// How long accepting rests after the system had no descriptor or memory for a connection.
const REST: Duration = Duration::from_millis(100);

/// Accepts until the server drains, or a worker is gone.
pub(crate) async fn accept(listener: TcpListener, workers: Vec<Worker>, slots: Arc<Slots>, mut phases: Phases) {
    let mut next = workers.iter().cycle();
    loop {
        let accepting = async {
            slots.free().await;
            listener.accept().await
        };
        let accepted = tokio::select! {
            accepted = accepting => accepted,
            () = phases.draining() => return,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                rest(&error).await;
                continue;
            }
        };
        let Some(slot) = slots.take(peer.ip()) else {
            tracing::debug!(peer.address = %peer.ip(), "closing a connection: the address has as many as it may");
            continue;
        };
        let (Ok(stream), Some(worker)) = (stream.into_std(), next.next()) else { continue };
        if worker.send(Accepted { stream, peer, slot }).is_err() {
            tracing::error!("a worker is gone");
            return;
        }
    }
}

/// A connection that was gone again is nothing; a system that has no room is given a moment.
async fn rest(error: &io::Error) {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    if !matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset) {
        tracing::error!(%error, "cannot accept a connection");
        tokio::time::sleep(REST).await;
    }
}
