//! The commands, one module each.

mod audit;
mod backup;
mod check;
mod migrate;
mod openapi;
mod sandbox;
mod serve;
mod vault;

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use portico_app::StartError;
use portico_core::vault::{RotateError, UnlockError};
use portico_storage::{BackupError, ConnectError, MigrateError, RestoreError, StorageError};

use crate::cli::Command;
use crate::dev::{self, DevError};
use crate::gateway::GatewayError;
use crate::listener::ListenerError;
use crate::settings::Mistakes;

/// Why a command failed. Each is one sentence; wrong settings are one each.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error(transparent)]
    Settings(#[from] Mistakes),
    #[error(transparent)]
    Connect(#[from] ConnectError),
    #[error(transparent)]
    Migrate(#[from] MigrateError),
    #[error(transparent)]
    Backup(#[from] BackupError),
    #[error(transparent)]
    Restore(#[from] RestoreError),
    #[error("{}: {source}", .file.display())]
    File { file: PathBuf, source: io::Error },
    #[error(transparent)]
    Start(#[from] StartError),
    #[error(transparent)]
    Vault(#[from] UnlockError),
    #[error(transparent)]
    Rotate(#[from] RotateError),
    #[error("the database fails: {0}")]
    Storage(#[from] StorageError),
    #[error(transparent)]
    Listener(#[from] ListenerError),
    #[error(transparent)]
    Gateway(#[from] GatewayError),
    #[error(transparent)]
    Sandbox(#[from] portico_sandbox::StartError),
    #[error(transparent)]
    Dev(#[from] DevError),
    #[error("cannot listen for signals: {0}")]
    Signals(#[source] io::Error),
}

/// Runs a command to its end and says how it ended.
///
/// # Errors
/// See [`Failure`].
pub(crate) async fn run(command: Command) -> Result<ExitCode, Failure> {
    match command {
        Command::Dev(arguments) => dev::run(arguments).await.map_err(Failure::from)?,
        Command::Serve(arguments) => serve::run(&arguments).await?,
        Command::Migrate(arguments) => migrate::run(&arguments).await?,
        Command::Check(arguments) => return Ok(check::run(&arguments).await),
        Command::Backup(arguments) => backup::backup(&arguments).await?,
        Command::Restore(arguments) => backup::restore(&arguments).await?,
        Command::Sandbox(arguments) => sandbox::run(arguments).await?,
        Command::Openapi(arguments) => openapi::run(&arguments),
        Command::Vault(command) => return vault::run(command).await,
        Command::Audit(command) => return audit::run(&command).await,
    }
    Ok(ExitCode::SUCCESS)
}
