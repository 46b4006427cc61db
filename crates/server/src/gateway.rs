//! The running gateway: its public and its private listener, and their orderly end.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::{Server, ServerHandle, Service as _};
use actix_web::{App as Service, HttpServer};
use portico_app::App;
use portico_storage::Db;
use tokio::task::JoinHandle;

use crate::listener::{BoundListener, ListenerError};

/// Connections to Postgres at most, of one process.
pub(crate) const DATABASE_CONNECTIONS: u32 = 20;
/// Rows of the request log that may wait for Postgres.
pub(crate) const REQUEST_LOG_CAPACITY: usize = 10_000;

/// How long a request's head may take to arrive.
const HEAD_LIMIT: Duration = Duration::from_secs(10);
/// How long an idle connection is kept: longer than load balancers keep theirs, so that they close first.
const KEEP_ALIVE: Duration = Duration::from_secs(75);

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
    public: Running,
    metrics: Running,
}

#[derive(Debug)]
struct Running {
    handle: ServerHandle,
    serving: JoinHandle<io::Result<()>>,
}

impl Gateway {
    /// Listens on both addresses; it answers when this returns. `shutdown_timeout` is how long calls may take to end
    /// when it stops, in seconds.
    ///
    /// # Errors
    /// See [`GatewayError`].
    pub(crate) fn open(
        public: BoundListener,
        metrics: BoundListener,
        app: App,
        db: Db,
        shutdown_timeout: u64,
    ) -> Result<Self, GatewayError> {
        let public =
            Running::start(serve(public.listen()?, app.clone(), shutdown_timeout).map_err(GatewayError::Server)?);
        let metrics = Running::start(serve_metrics(metrics.listen()?, app.clone()).map_err(GatewayError::Server)?);
        Ok(Self { app, db, public, metrics })
    }

    /// Waits until it ends without having been asked to, which it should not.
    pub(crate) async fn ended(&mut self) -> GatewayError {
        let outcome = tokio::select! {
            outcome = &mut self.public.serving => outcome,
            outcome = &mut self.metrics.serving => outcome,
        };
        match outcome {
            Ok(Err(error)) => GatewayError::Server(error),
            Ok(Ok(())) | Err(_) => GatewayError::Ended,
        }
    }

    /// Stops accepting, lets calls end, writes what waits to be written, and closes the database.
    pub(crate) async fn stop(self) {
        self.public.handle.stop(true).await;
        self.app.stop().await;
        // Last, so that a scrape can still see how it ends.
        self.metrics.handle.stop(false).await;
        self.db.close().await;
    }
}

impl Running {
    fn start(server: Server) -> Self {
        Self { handle: server.handle(), serving: tokio::spawn(server) }
    }
}

fn serve(listener: TcpListener, app: App, shutdown_timeout: u64) -> io::Result<Server> {
    let docs = Arc::new(portico_api::documentation(app.public_url()));
    let server = HttpServer::new(move || {
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
    .client_request_timeout(HEAD_LIMIT)
    .keep_alive(KEEP_ALIVE)
    .shutdown_timeout(shutdown_timeout)
    .disable_signals()
    .listen(listener)?;
    Ok(server.run())
}

fn serve_metrics(listener: TcpListener, app: App) -> io::Result<Server> {
    let server = HttpServer::new(move || {
        let app = app.clone();
        Service::new().configure(move |config| portico_api::configure_metrics(config, app))
    })
    .workers(1)
    .client_request_timeout(HEAD_LIMIT)
    .disable_signals()
    .listen(listener)?;
    Ok(server.run())
}
