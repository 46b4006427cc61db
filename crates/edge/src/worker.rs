//! A thread that serves connections with an application of its own.

use std::convert::Infallible;
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::rc::Rc;
use std::thread;

use actix_http::Request;
use actix_service::{IntoServiceFactory, Service, ServiceFactory};
use actix_web::body::MessageBody;
use actix_web::dev::{AppConfig, ServiceResponse};
use tokio::sync::mpsc;
use tokio::task::{JoinSet, LocalSet};

use crate::connection;
use crate::phases::Phases;
use crate::refusal::Refusal;
use crate::slots::Slot;

/// A connection on its way to a worker.
#[derive(Debug)]
pub(crate) struct Accepted {
    pub(crate) stream: TcpStream,
    pub(crate) peer: SocketAddr,
    pub(crate) slot: Slot,
}

/// Where connections for a worker go. It serves until this is dropped and its connections have ended.
pub(crate) type Worker = mpsc::UnboundedSender<Accepted>;

/// Starts a worker with the application that `make` gives. `alive` is dropped when its thread, and what was spawned on
/// it, has ended.
///
/// # Errors
///
/// When the system gives no thread.
pub(crate) fn start<F, I, S, B>(
    name: String,
    make: F,
    refusal: Refusal,
    phases: Phases,
    alive: mpsc::Sender<Infallible>,
) -> io::Result<Worker>
where
    F: FnOnce() -> I + Send + 'static,
    I: IntoServiceFactory<S, Request>,
    S: ServiceFactory<Request, Config = AppConfig, Response = ServiceResponse<B>>,
    S::Service: 'static,
    S::Error: Into<actix_web::Error>,
    B: MessageBody + 'static,
{
    let (worker, accepted) = mpsc::unbounded_channel();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    thread::Builder::new().name(name).spawn(move || {
        LocalSet::new().block_on(&runtime, async move {
            let Ok(app) = make().into_factory().new_service(AppConfig::default()).await else {
                tracing::error!("the application cannot be made");
                return;
            };
            serve(Rc::new(app), accepted, refusal, phases).await;
        });
        drop(runtime);
        drop(alive);
    })?;
    Ok(worker)
}

async fn serve<S, B>(app: Rc<S>, mut accepted: mpsc::UnboundedReceiver<Accepted>, refusal: Refusal, mut phases: Phases)
where
    S: Service<Request, Response = ServiceResponse<B>> + 'static,
    S::Error: Into<actix_web::Error>,
    B: MessageBody + 'static,
{
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            next = accepted.recv() => {
                let Some(Accepted { stream, peer, slot }) = next else { break };
                // Answers are written at once, so there is nothing to wait for.
                let _ = stream.set_nodelay(true);
                let Ok(stream) = tokio::net::TcpStream::from_std(stream) else { continue };
                let serving = connection::serve(stream, peer, Rc::clone(&app), refusal, phases.clone());
                connections.spawn_local(async move {
                    serving.await;
                    drop(slot);
                });
            }
            Some(_) = connections.join_next() => {}
        }
    }
    while connections.join_next().await.is_some() {}
    // What calls left behind ends on this thread.
    phases.over().await;
}
