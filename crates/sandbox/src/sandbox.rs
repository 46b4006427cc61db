//! A running sandbox.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;

use actix_web::dev::ServerHandle;
use actix_web::web::{Data, to};
use actix_web::{App, HttpServer, Route};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::role::Role;
use crate::shared::Shared;
use crate::world::World;
use crate::{control, dispatch, events, state_file};

/// How a sandbox is started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Where it listens; port 0 for any free one. Its control calls ask for no credential, so
    /// this should be a loopback address.
    pub bind: SocketAddr,
    /// Where state is kept across restarts; none: in memory only. The file holds access tokens.
    pub state_file: Option<PathBuf>,
    /// Where others reach it, for the URLs in its answers; none: the address it listens on.
    pub public_url: Option<String>,
    /// Whether events may be sent to other machines. Off, a webhook URL whose host is not
    /// `localhost` or a loopback address gets none.
    pub events_beyond_loopback: bool,
    /// The OpenAPI document that `GET /_sandbox/openapi.json` gives, as JSON; none: that answers 404.
    pub document: Option<String>,
}

impl Default for Settings {
    /// Any free port of 127.0.0.1, nothing kept, events to this machine only.
    fn default() -> Self {
        Self {
            bind: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            state_file: None,
            public_url: None,
            events_beyond_loopback: false,
            document: None,
        }
    }
}

/// A team of the sandbox, with its secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DemoTeam {
    /// Chakra's id of the team.
    pub team_id: Uuid,
    /// An access token with the role admin: 250 letters and digits.
    pub chakra_key: String,
    /// What the team's events are signed with.
    pub webhook_secret: String,
}

/// Why a sandbox does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Something else listens there.
    #[error("the sandbox cannot listen on {0}: another program uses that port; stop it or choose another address")]
    Busy(SocketAddr),
    /// The address cannot be used for another reason.
    #[error("the sandbox cannot listen on {0}: {1}")]
    Listen(SocketAddr, #[source] io::Error),
    /// The state file exists but cannot be used.
    #[error("the sandbox's state file {} {reason}; repair it, or delete it to begin anew", path.display())]
    State {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The HTTP client for events does not start.
    #[error("the sandbox cannot send events: {0}")]
    Client(#[from] reqwest::Error),
}

/// A running sandbox. Dropping it leaves it running until the runtime ends; [`Sandbox::stop`]
/// ends it.
#[derive(Debug)]
pub struct Sandbox {
    shared: Arc<Shared>,
    addr: SocketAddr,
    state_file: Option<PathBuf>,
    server: ServerHandle,
    server_task: JoinHandle<io::Result<()>>,
    background_tasks: Vec<JoinHandle<()>>,
}

/// Starts a sandbox; it answers when this returns. Needs a Tokio or actix runtime, on which its
/// background work runs; requests are served on a thread of its own.
///
/// # Errors
///
/// See [`StartError`]; each is one sentence that names the address or the file.
pub async fn start(settings: Settings) -> Result<Sandbox, StartError> {
    let world = match &settings.state_file {
        None => World::default(),
        Some(path) => state_file::load(path).map_err(|reason| StartError::State { path: path.clone(), reason })?,
    };
    let bind = settings.bind;
    let socket = TcpListener::bind(bind).map_err(|error| match error.kind() {
        ErrorKind::AddrInUse => StartError::Busy(bind),
        _ => StartError::Listen(bind, error),
    })?;
    let addr = socket.local_addr().map_err(|error| StartError::Listen(bind, error))?;
    let base_url = settings.public_url.unwrap_or_else(|| format!("http://{}", reachable(addr)));
    let (jobs, queue) = mpsc::unbounded_channel();
    let base_url = base_url.trim_end_matches('/').to_owned();
    let shared = Arc::new(Shared::new(world, base_url, settings.events_beyond_loopback, settings.document, jobs));

    let data = Data::new(Arc::clone(&shared));
    let server = HttpServer::new(move || App::new().app_data(data.clone()).default_service(every_request()))
        .workers(1)
        .disable_signals()
        .shutdown_timeout(1)
        .listen(socket)
        .map_err(|error| StartError::Listen(bind, error))?
        .run();
    let handle = server.handle();
    let mut background_tasks = vec![tokio::spawn(events::deliver_jobs(&shared, queue)?)];
    if let Some(path) = settings.state_file.clone() {
        background_tasks.push(tokio::spawn(state_file::save_after_changes(path, Arc::clone(&shared))));
    }
    let server_task = tokio::spawn(server);
    tracing::info!(url = %shared.base_url, "the sandbox Chakra listens");
    Ok(Sandbox { shared, addr, state_file: settings.state_file, server: handle, server_task, background_tasks })
}

impl Sandbox {
    /// Where it is reached, without a slash at the end: the public URL, else the address.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.shared.base_url
    }

    /// Where it listens, with the port that was chosen.
    #[must_use]
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Stops it: lets running requests end (for a second at most), then saves the state.
    pub async fn stop(self) {
        self.server.stop(true).await;
        drop(self.server_task.await);
        for task in &self.background_tasks {
            task.abort();
        }
        if let Some(path) = &self.state_file
            && let Err(error) = state_file::save(path, &self.shared)
        {
            tracing::warn!(%error, "the sandbox cannot save its state");
        }
    }

    /// Makes a team with one access token, as `POST /_sandbox/teams` does.
    #[must_use]
    pub fn add_team(&self, name: &str) -> DemoTeam {
        let secret = control::new_webhook_secret();
        let team = self.shared.change(|world| world.add_team(name, Role::Admin, Some(secret.clone())));
        DemoTeam { team_id: team.team_id, chakra_key: team.chakra_key, webhook_secret: secret }
    }

    /// Whether the access token is known.
    #[must_use]
    pub fn has_team(&self, chakra_key: &str) -> bool {
        self.shared.world().keys.contains_key(chakra_key)
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the ban is for Portico's own routes; nothing of Portico is behind these"
)]
fn every_request() -> Route {
    to(dispatch::serve)
}

/// An address that listens everywhere is reached at loopback.
fn reachable(mut addr: SocketAddr) -> SocketAddr {
    if addr.ip().is_unspecified() {
        addr.set_ip(match addr.ip() {
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    addr
}
