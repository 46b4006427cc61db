//! The running gateway: its public and its private listener, and their orderly end.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use actix_web::App as Service;
use actix_web::dev::Service as _;
use portico_app::App;
use portico_edge::{ConnectionLimits, Edge};
use portico_storage::Db;

use crate::listener::{BoundListener, ListenerError};

/// Connections to Postgres at most, of one process.
pub(crate) const DATABASE_CONNECTIONS: u32 = 20;
/// Rows of the request log that may wait for Postgres.
pub(crate) const REQUEST_LOG_CAPACITY: usize = 10_000;

/// Connections of the private listener at most; there are descriptors for them beside those of calls.
const SCRAPERS: ConnectionLimits = ConnectionLimits { all: 32, per_address: 32 };
/// How long a scrape may take to end when the gateway stops.
const SCRAPE_LIMIT: Duration = Duration::from_secs(1);

/// Why the gateway does not serve.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GatewayError {
    /// An address cannot be had.
    #[error(transparent)]
    Listener(#[from] ListenerError),
    /// The threads of the server cannot be started.
    #[error("the server cannot start: {0}")]
    Server(#[source] io::Error),
    /// It ended, though nobody asked it to.
    #[error("the server ended unexpectedly; its log says more")]
    Ended,
}

/// A gateway that serves.
#[derive(Debug)]
pub(crate) struct Gateway {
    app: App,
    db: Db,
    public: Edge,
    metrics: Edge,
    drain: Drain,
}

/// How a gateway stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Drain {
    /// How long it goes on, and says that it is not ready, before it accepts nothing more.
    pub(crate) delay: Duration,
    /// How long calls may then take to end.
    pub(crate) limit: Duration,
}

impl Gateway {
    /// Listens on both addresses; it answers when this returns.
    ///
    /// # Errors
    /// See [`GatewayError`].
    pub(crate) fn open(
        public: BoundListener,
        metrics: BoundListener,
        app: App,
        db: Db,
        limits: ConnectionLimits,
        drain: Drain,
    ) -> Result<Self, GatewayError> {
        let (public, metrics) = (public.listen()?, metrics.listen()?);
        let public = serve(public, app.clone(), limits).map_err(GatewayError::Server)?;
        let metrics = serve_metrics(metrics, app.clone()).map_err(GatewayError::Server)?;
        Ok(Self { app, db, public, metrics, drain })
    }

    /// Waits until it ends without having been asked to, which it should not.
    pub(crate) async fn ended(&mut self) -> GatewayError {
        tokio::select! {
            () = self.public.ended() => {}
            () = self.metrics.ended() => {}
        }
        GatewayError::Ended
    }

    /// Says that it is not ready, stops accepting, lets calls end, writes what waits to be written, and closes the
    /// database. `hurry` ends the first two waits.
    pub(crate) async fn stop(self, hurry: impl Future<Output = ()>) {
        let Drain { delay, limit } = self.drain;
        self.app.drain();
        let mut hurry = std::pin::pin!(hurry);
        if !delay.is_zero() {
            tracing::info!("stopping: not ready from now on, and no new connections in {} s", delay.as_secs());
        }
        let is_hurried = tokio::select! {
            () = tokio::time::sleep(delay) => false,
            () = hurry.as_mut() => true,
        };
        let limit = if is_hurried { Duration::ZERO } else { limit };
        tracing::info!("stopping: no new connections; running calls have {} s", limit.as_secs());
        let hurry = async {
            if !is_hurried {
                hurry.await;
            }
        };
        let cut_off = self.public.stop(limit, self.app.gateway().finish(), hurry).await;
        if cut_off > 0 {
            tracing::warn!(connections = cut_off, "calls were cut off: they took longer than they may at a stop");
        }
        self.app.stop().await;
        // Last, so that a scrape can still see how it ends.
        self.metrics.stop(SCRAPE_LIMIT, std::future::ready(()), std::future::pending()).await;
        self.db.close().await;
    }
}

fn serve(listener: TcpListener, app: App, limits: ConnectionLimits) -> io::Result<Edge> {
    let docs = Arc::new(portico_api::documentation(app.public_url()));
    Edge::start(listener, 0, limits, portico_api::refusal, move || {
        let (app, docs) = (app.for_worker(), Arc::clone(&docs));
        let service = Service::new().wrap_fn(|mut request, service| {
            portico_api::leading_slashes::cut(&mut request);
            service.call(request)
        });
        service.configure(move |config| {
            portico_console::configure(config, app.clone());
            portico_api::configure(config, app, &docs);
        })
    })
}

fn serve_metrics(listener: TcpListener, app: App) -> io::Result<Edge> {
    Edge::start(listener, 1, SCRAPERS, portico_api::refusal, move || {
        let app = app.clone();
        Service::new().configure(move |config| portico_api::configure_metrics(config, app))
    })
}
