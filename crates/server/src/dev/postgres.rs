//! A private Postgres for `portico dev`: made in the data directory, listening on the loopback
//! address only, stopped with Portico, and its data kept for the next start.
//!
//! Whatever way Portico ends, the server does not stay behind: [`Cluster::stop`] ends it in order;
//! dropping the [`Cluster`] ends it too; after a `kill -9` the kernel sends it SIGINT (where
//! util-linux `setpriv` can ask for that), and the next start stops one that is left all the same.

mod account;
pub(crate) mod binaries;
mod cluster_folder;
mod postmaster;
#[cfg(test)]
mod tests;

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::{ExposeSecret, SecretString};
use sqlx::postgres::{PgConnectOptions, PgConnection, PgSslMode};
use sqlx::{ConnectOptions, Connection};
use tokio::time::{sleep, timeout};

pub(crate) use self::binaries::Binaries;
use self::cluster_folder::ClusterFolder;
use self::postmaster::Postmaster;

/// The superuser of the cluster, who owns the database and runs the migrations.
pub(crate) const OWNER: &str = "portico_owner";

/// How long the server may take until it answers.
const READY_TIMEOUT: Duration = Duration::from_secs(20);
/// How long one attempt to connect may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
const POLL_INTERVAL: Duration = Duration::from_millis(50);
/// A server that ends at once is started again, on another port: the first may have been taken
/// between the choice and the start.
const MAX_STARTS: usize = 3;
/// A log above this size, in bytes, begins anew at the next start.
const MAX_LOG_BYTES: u64 = 8 * 1024 * 1024;
/// Lines of a log that an error shows.
const LOG_LINES_SHOWN: usize = 8;

/// What keeps the private Postgres from running.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClusterError {
    /// Not writable, not readable, or a file is in the way.
    #[error("cannot use {path}: {source}; make it writable, or choose another folder with --data-dir", path = path.display())]
    Folder { path: PathBuf, source: io::Error },
    /// The disk or the quota is full.
    #[error("the disk that holds {path} is full: make room there, or choose another folder with --data-dir", path = path.display())]
    NoSpace { path: PathBuf },
    /// Another process holds the data directory.
    #[error("another `portico dev` is running on {data_dir}: stop it, or choose another folder with --data-dir", data_dir = data_dir.display())]
    InUse { data_dir: PathBuf },
    /// The remembered folder of the cluster does not exist any more.
    #[error("the database of this data directory was kept in {folder}, which is gone: bring it back, or remove {location} to begin with an empty database", folder = folder.display(), location = location.display())]
    Gone {
        folder: PathBuf,
        /// The file that remembers it.
        location: PathBuf,
    },
    /// The cluster belongs to an account that we cannot act as.
    #[error("the database in {folder} belongs to user id {uid}: start Portico as that user, or choose another folder with --data-dir", folder = folder.display())]
    OtherOwner {
        folder: PathBuf,
        /// Of its owner.
        uid: u32,
    },
    /// The unprivileged account cannot enter the cluster's folder.
    #[error("user id {uid}, which runs the database, cannot reach {folder}: give it leave to pass every folder above, or choose another folder with --data-dir", folder = folder.display())]
    Unreachable { folder: PathBuf, uid: u32 },
    /// The cluster was made by a major version that is not installed.
    #[error("the database in {folder} was made by PostgreSQL {needed}, which is not installed: run `apt-get install postgresql-{needed}`, or choose another folder with --data-dir", folder = folder.display())]
    OtherVersion { folder: PathBuf, needed: String },
    /// A program of Postgres cannot be run at all.
    #[error("cannot run {program}: {source}; reinstall PostgreSQL with `apt-get install --reinstall postgresql`", program = program.display())]
    Spawn { program: PathBuf, source: io::Error },
    #[error("initdb could not make a database in {folder}; solve what it says and start again:\n{output}", folder = folder.display())]
    Initdb {
        folder: PathBuf,
        /// The last lines it wrote.
        output: String,
    },
    /// The server of an earlier run does not stop.
    #[error("postgres process {pid} of an earlier run does not stop: end it with `kill -QUIT {pid}` and start again")]
    LeftOver { pid: i32 },
    /// The server ended, or did not answer in time.
    #[error("postgres {failure}; solve what its log {log} says and start again:\n{output}", log = log.display())]
    Start {
        /// Which of the two, as the sentence goes on after "postgres".
        failure: &'static str,
        log: PathBuf,
        /// The last lines of this start.
        output: String,
    },
    /// The cluster has another password than the caller's.
    #[error("the database in {folder} refuses its owner's password, so it belongs to other settings: bring the settings back, or remove both to begin anew", folder = folder.display())]
    WrongPassword { folder: PathBuf },
}

impl ClusterError {
    fn io(path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Self::NoSpace { path },
            _ => Self::Folder { path, source },
        }
    }
}

/// A running private Postgres. It stops when this is dropped; prefer [`Cluster::stop`].
#[derive(Debug)]
pub(crate) struct Cluster {
    // Before the folder, so that the server is gone when the folder's locks are released.
    postmaster: Postmaster,
    folder: ClusterFolder,
    port: u16,
    log: PathBuf,
    password: SecretString,
}

impl Cluster {
    /// Starts the cluster of `data_dir`, which it makes first if there is none, and waits until it
    /// answers. `password` is that of [`OWNER`]: the same at every start, without line breaks.
    ///
    /// The server listens on 127.0.0.1 alone, at a free port, and syncs what it commits.
    ///
    /// # Errors
    /// One [`ClusterError`] for each thing to put right; nothing is left running.
    pub(crate) async fn start(
        binaries: &Binaries,
        data_dir: &Path,
        password: &SecretString,
    ) -> Result<Self, ClusterError> {
        let (found, asked, secret) = (binaries.clone(), data_dir.to_owned(), password.clone());
        let prepared = tokio::task::spawn_blocking(move || prepare(&found, &asked, &secret));
        let (mut folder, binaries, log) =
            prepared.await.map_err(|lost| ClusterError::io(data_dir, io::Error::other(lost)))??;

        for start in 1.. {
            let (port, postmaster, log_bytes_before) = launch(&folder, &binaries, &log)?;
            let cluster = Self { postmaster, folder, port, log: log.clone(), password: password.clone() };
            let failure = match cluster.wait_until_ready().await {
                Readiness::Yes => return Ok(cluster),
                Readiness::WrongPassword => {
                    let folder = cluster.folder.path().to_owned();
                    cluster.stop().await;
                    return Err(ClusterError::WrongPassword { folder });
                }
                Readiness::Ended => "ended while starting",
                Readiness::Slow => "did not accept connections within 20 s",
            };
            let ended = cluster.postmaster.has_ended();
            folder = cluster.into_folder().await;
            if !ended || start == MAX_STARTS {
                cluster_folder::check_free_space(folder.path())?;
                return Err(ClusterError::Start { failure, output: log_tail(&log, log_bytes_before), log });
            }
        }
        unreachable!("the loop returns at the last start")
    }

    /// The address of a database, for one of its users.
    pub(crate) fn url(&self, user: &str, password: &SecretString, database: &str) -> SecretString {
        let encode = |text| utf8_percent_encode(text, NON_ALPHANUMERIC);
        let (user, password, database) = (encode(user), encode(password.expose_secret()), encode(database));
        format!("postgres://{user}:{password}@127.0.0.1:{port}/{database}?sslmode=disable", port = self.port).into()
    }

    /// The address of a database, for [`OWNER`]. A new cluster has one database, `postgres`.
    pub(crate) fn owner_url(&self, database: &str) -> SecretString {
        self.url(OWNER, &self.password, database)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.postmaster.pid()
    }

    /// The folder that holds the cluster.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Whether that folder is outside the data directory, because the server's account cannot
    /// reach into it: worth telling, as removing the data directory does not remove it.
    pub(crate) fn is_outside_data_dir(&self) -> bool {
        self.folder.is_outside_data_dir()
    }

    pub(crate) fn log(&self) -> &Path {
        &self.log
    }

    /// Waits until the server ends by itself, which it should not.
    pub(crate) async fn ended(&self) {
        self.postmaster.ended().await;
    }

    /// Stops the server: fast, and when that takes longer than 15 s, at once.
    pub(crate) async fn stop(self) {
        self.postmaster.stop().await;
    }

    async fn into_folder(self) -> ClusterFolder {
        self.postmaster.stop().await;
        self.folder
    }

    async fn wait_until_ready(&self) -> Readiness {
        let options = PgConnectOptions::new_without_pgpass()
            .host("127.0.0.1")
            .port(self.port)
            .username(OWNER)
            .password(self.password.expose_secret())
            .database("postgres")
            .ssl_mode(PgSslMode::Disable)
            .disable_statement_logging();
        let deadline = Instant::now() + READY_TIMEOUT;
        while Instant::now() < deadline {
            if self.postmaster.has_ended() {
                return Readiness::Ended;
            }
            match timeout(CONNECT_TIMEOUT, probe(&options)).await {
                Ok(Ok(())) => return Readiness::Yes,
                Ok(Err(error)) if is_refusal(&error) => return Readiness::WrongPassword,
                // Not listening yet, or still recovering.
                Ok(Err(_)) | Err(_) => sleep(POLL_INTERVAL).await,
            }
        }
        Readiness::Slow
    }
}

enum Readiness {
    Yes,
    WrongPassword,
    Ended,
    Slow,
}

async fn probe(options: &PgConnectOptions) -> Result<(), sqlx::Error> {
    let mut connection = PgConnection::connect_with(options).await?;
    sqlx::query("select 1").execute(&mut connection).await?;
    connection.close().await
}

/// SQLSTATE `invalid_password`.
fn is_refusal(error: &sqlx::Error) -> bool {
    error.as_database_error().and_then(sqlx::error::DatabaseError::code).is_some_and(|code| code == "28P01")
}

/// Everything before the server's start; blocks.
fn prepare(
    binaries: &Binaries,
    data_dir: &Path,
    password: &SecretString,
) -> Result<(ClusterFolder, Binaries, PathBuf), ClusterError> {
    fs::create_dir_all(data_dir).map_err(|source| ClusterError::io(data_dir, source))?;
    let data_dir = data_dir.canonicalize().map_err(|source| ClusterError::io(data_dir, source))?;
    let folder = ClusterFolder::open(&data_dir)?;
    let binaries = folder.prepare(binaries, password)?;
    postmaster::stop_leftover(&folder.data())?;
    Ok((folder, binaries, data_dir.join("postgres.log")))
}

/// Starts the server once: its port, the process, and the size of the log before, in bytes.
fn launch(folder: &ClusterFolder, binaries: &Binaries, log: &Path) -> Result<(u16, Postmaster, u64), ClusterError> {
    let unusable = |source| ClusterError::io(log, source);
    let (output, log_bytes_before) = open_log(log).map_err(unusable)?;
    let errors = output.try_clone().map_err(unusable)?;
    let port = free_port().map_err(|source| ClusterError::io(folder.path(), source))?;
    let program = binaries.postgres();
    let mut command: Command = folder.account().command(&program, "INT");
    command.arg("-D").arg(folder.data()).current_dir(folder.path()).stdout(output).stderr(errors);
    for setting in [
        "listen_addresses=127.0.0.1",
        "unix_socket_directories=",
        "logging_collector=off",
        "shared_buffers=64MB",
        "max_connections=200",
        "max_wal_size=256MB",
    ] {
        command.args(["-c", setting]);
    }
    command.arg("-c").arg(format!("port={port}"));
    let postmaster = Postmaster::spawn(command).map_err(|source| ClusterError::Spawn { program, source })?;
    Ok((port, postmaster, log_bytes_before))
}

fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

fn open_log(path: &Path) -> io::Result<(File, u64)> {
    let log = OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
    let mut size = log.metadata()?.len();
    if size > MAX_LOG_BYTES {
        log.set_len(0)?;
        size = 0;
    }
    Ok((log, size))
}

fn log_tail(log: &Path, from: u64) -> String {
    let bytes = fs::read(log).unwrap_or_default();
    let fresh = usize::try_from(from).ok().and_then(|from| bytes.get(from..)).unwrap_or_default();
    last_lines(&String::from_utf8_lossy(fresh))
}

fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(LOG_LINES_SHOWN)..].join("\n")
}
