//! `portico dev`: everything on this machine, with a demo tenant, until Ctrl-C.
//!
//! What has been started stands in [`Running`] from that moment on, so that whatever ends the run (a
//! signal, an error, a half-finished start) stops it in order.

mod data_dir;
mod database;
mod demo;
mod links;
pub(crate) mod postgres;
mod private_file;
mod state;

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use portico_app::{App, AppOptions};
use portico_core::trusted_proxies::TrustedProxies;
use portico_core::vault::UnlockError;
use portico_edge::{ConnectionLimits, raise_descriptors};
use portico_sandbox::Sandbox;
use portico_storage::{ConnectError, Db, DbOptions};
use portico_vault::{MasterKeys, MasterKeysError, OperatorToken, WeakOperatorToken};
use secrecy::SecretString;

use self::data_dir::{DataDir, DataDirError};
use self::database::DatabaseError;
use self::demo::DemoError;
use self::links::Links;
use self::postgres::binaries::NoPostgres;
use self::postgres::{Binaries, Cluster, ClusterError};
use self::state::{State, StateError, StateFile};
use crate::cli;
use crate::gateway::{DATABASE_CONNECTIONS, Drain, Gateway, GatewayError, REQUEST_LOG_CAPACITY};
use crate::listener::{BoundListener, ListenerError};
use crate::settings::{self, Mistakes, Sources};
use crate::signals::StopSignals;
use crate::{console, telemetry};

/// How it stops: nobody balances load between it and others.
const DRAIN: Drain = Drain { delay: Duration::ZERO, limit: Duration::from_secs(2) };

/// Why `portico dev` does not start, or could not go on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DevError {
    /// A wrong setting in the environment.
    #[error(transparent)]
    Settings(#[from] Mistakes),
    /// The data directory cannot be used.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// The remembered state cannot be used.
    #[error(transparent)]
    State(#[from] StateError),
    /// No Postgres on this machine.
    #[error(transparent)]
    NoPostgres(#[from] NoPostgres),
    /// The private Postgres does not start.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// The database cannot be set up.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The gateway cannot use the database.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The database is another installation's.
    #[error("the database was sealed by another data directory than {}: bring its state.json back, or choose an empty database", data_dir.display())]
    OtherVault {
        /// The data directory.
        data_dir: PathBuf,
    },
    /// The application does not start.
    #[error(transparent)]
    Start(portico_app::StartError),
    /// The remembered master keys do not serve.
    #[error("the remembered master keys {0}; choose another folder with --data-dir")]
    MasterKeys(#[from] MasterKeysError),
    /// The remembered operator token does not serve.
    #[error("the remembered operator token {0}; choose another folder with --data-dir")]
    OperatorToken(#[from] WeakOperatorToken),
    /// An address cannot be had.
    #[error(transparent)]
    Listener(#[from] ListenerError),
    /// The sandbox does not start.
    #[error(transparent)]
    Sandbox(portico_sandbox::StartError),
    /// The gateway does not serve.
    #[error(transparent)]
    Gateway(#[from] GatewayError),
    /// The demo tenant cannot be made.
    #[error(transparent)]
    Demo(#[from] DemoError),
    /// `dev.json` cannot be written.
    #[error("cannot write {}: {source}; make its folder writable, or choose another with --data-dir", path.display())]
    DevJson {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The database went away beneath us.
    #[error("the private Postgres ended by itself, so Portico stops; its log {} says why", log.display())]
    PostgresEnded {
        /// Its log.
        log: PathBuf,
    },
    /// The system refuses handlers for signals.
    #[error("cannot listen for signals: {0}")]
    Signals(#[source] io::Error),
}

/// Runs everything until a signal comes.
///
/// # Errors
/// See [`DevError`]; nothing is left running.
pub(crate) async fn run(arguments: cli::Dev) -> Result<(), DevError> {
    let sources = Sources::of_the_environment()?;
    let (database_url, log) = settings::for_dev(&sources)?;
    telemetry::start(log);
    sources.warn_of_unknown();
    let mut signals = StopSignals::listen().map_err(DevError::Signals)?;
    let data_dir = DataDir::acquire(&arguments.data_dir)?;
    let mut running = Running::default();
    let outcome = tokio::select! {
        error = serve(&arguments, database_url, &data_dir, &mut running) => error,
        () = signals.received() => {
            console::say("Stopping");
            Ok(())
        }
    };
    if let Err(error) = data_dir.remove_dev_json() {
        tracing::warn!(%error, "{} cannot be removed", data_dir.dev_json().display());
    }
    running.stop().await;
    data_dir.release();
    outcome
}

/// What has been started, in the order in which it is stopped.
#[derive(Default)]
struct Running {
    gateway: Option<Gateway>,
    sandbox: Option<Sandbox>,
    cluster: Option<Cluster>,
}

impl Running {
    async fn stop(self) {
        if let Some(gateway) = self.gateway {
            gateway.stop(std::future::pending()).await;
        }
        if let Some(sandbox) = self.sandbox {
            sandbox.stop().await;
        }
        if let Some(cluster) = self.cluster {
            cluster.stop().await;
        }
    }
}

/// Starts everything and waits; it returns only when something goes wrong.
async fn serve(
    arguments: &cli::Dev,
    database_url: Option<SecretString>,
    data_dir: &DataDir,
    running: &mut Running,
) -> Result<(), DevError> {
    // What can be refused at once comes before what takes time.
    let host = match database_url {
        Some(owner_url) => DatabaseHost::Server(owner_url),
        None => DatabaseHost::PrivateCluster(Binaries::find()?),
    };
    let public = BoundListener::bind(arguments.bind, "--bind")?;
    let metrics = BoundListener::bind(arguments.metrics_bind, "--metrics-bind")?;
    let mut state = StateFile::open(data_dir.path())?;
    let sandbox = &*running.sandbox.insert(start_sandbox(arguments, data_dir).await?);

    let service_url = start_database(host, data_dir, &state.state, &mut running.cluster).await?;
    let (gateway_url, metrics_url) = (public.url(), format!("{}/metrics", metrics.url()));
    let (app, db) = start_app(&service_url, sandbox.url(), &state.state, data_dir).await?;
    let limits = ConnectionLimits::within(raise_descriptors(), None);
    let gateway = running.gateway.insert(Gateway::open(public, metrics, app.clone(), db, limits, DRAIN)?);
    let sign_in_url = demo::ensure(&gateway_url, sandbox, &app, &mut state).await?;

    let links = Links {
        gateway_url: &gateway_url,
        metrics_url: &metrics_url,
        sandbox_url: sandbox.url(),
        database_url: &service_url,
        sign_in_url: &sign_in_url,
        state: &state.state,
    };
    let path = data_dir.dev_json();
    links.write(&path).map_err(|source| DevError::DevJson { path: path.clone(), source })?;
    links.print(&path);

    tokio::select! {
        error = gateway.ended() => Err(error.into()),
        log = cluster_ended(running.cluster.as_ref()) => Err(DevError::PostgresEnded { log }),
    }
}

/// Waits until the private cluster ends; forever where there is none. Gives its log.
async fn cluster_ended(cluster: Option<&Cluster>) -> PathBuf {
    match cluster {
        Some(cluster) => {
            cluster.ended().await;
            cluster.log().to_owned()
        }
        None => std::future::pending().await,
    }
}

/// What runs the database.
enum DatabaseHost {
    /// The server of `DATABASE_URL`, which is the URL of the database's owner.
    Server(SecretString),
    /// A private cluster in the data directory, run by these programs.
    PrivateCluster(Binaries),
}

/// Gives the database's URL for the gateway; a private cluster stands in `running` from its start on.
async fn start_database(
    host: DatabaseHost,
    data_dir: &DataDir,
    state: &State,
    running: &mut Option<Cluster>,
) -> Result<SecretString, DevError> {
    let binaries = match host {
        DatabaseHost::Server(owner_url) => return Ok(database::on_server(&owner_url, state).await?),
        DatabaseHost::PrivateCluster(binaries) => binaries,
    };
    console::say("Starting a private Postgres");
    let cluster = running.insert(Cluster::start(&binaries, data_dir.path(), &state.owner_password.0).await?);
    tracing::info!(postgres.pid = cluster.pid(), "the private Postgres answers");
    if cluster.is_outside_data_dir() {
        console::say(format_args!(
            "Its data is kept in {}, because its account cannot reach the data directory",
            cluster.folder().display()
        ));
    }
    Ok(database::on_cluster(cluster, state).await?)
}

async fn start_sandbox(arguments: &cli::Dev, data_dir: &DataDir) -> Result<Sandbox, DevError> {
    let settings = portico_sandbox::Settings {
        bind: arguments.sandbox_bind,
        state_file: Some(data_dir.sandbox_state()),
        document: Some(portico_api::openapi::emulated_json()),
        ..portico_sandbox::Settings::default()
    };
    portico_sandbox::start(settings).await.map_err(|error| {
        ListenerError::from_sandbox(error, "--sandbox-bind").map_or_else(DevError::Sandbox, DevError::Listener)
    })
}

async fn start_app(
    service_url: &SecretString,
    sandbox_url: &str,
    state: &State,
    data_dir: &DataDir,
) -> Result<(App, Db), DevError> {
    let options = DbOptions { url: service_url.clone(), listen_url: None, max_connections: DATABASE_CONNECTIONS };
    let db = Db::connect(&options).await?;
    let master_keys = MasterKeys::parse(&state.master_keys.0)?;
    let operator = OperatorToken::parse(state.operator_token.0.clone())?;
    let options = AppOptions {
        chakra_url: sandbox_url.to_owned(),
        chakra_paths: portico_chakra::PathOverrides::default(),
        public_url: None,
        hooks_url: None,
        trusted_proxies: TrustedProxies::default(),
        oidc: None,
        environment: "dev".parse().expect("three lower-case letters"),
        request_log_capacity: REQUEST_LOG_CAPACITY,
    };
    let app = App::start(db.clone(), master_keys, operator, options).await.map_err(|error| match error {
        portico_app::StartError::Vault(UnlockError::Vault(_)) => {
            DevError::OtherVault { data_dir: data_dir.path().to_owned() }
        }
        other => DevError::Start(other),
    })?;
    Ok((app, db))
}
