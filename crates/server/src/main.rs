//! The binary `portico`: the gateway, and what belongs to running it.
//!
//! Wiring only: settings are read in [`settings`], each command stands in [`commands`], and what
//! `portico dev` adds to `portico serve` in [`dev`]. A command that fails says why in one sentence
//! on the error output and ends with 1; a command line that makes no sense ends with 2.
//!
//! To add a command, add a variant to [`cli::Command`] and a module to [`commands`]. To add a
//! setting, add an entry to [`settings::keys`].

mod cli;
mod commands;
mod console;
mod dev;
mod gateway;
mod listener;
mod settings;
mod signals;
mod telemetry;

use std::process::ExitCode;

use clap::Parser as _;

use crate::cli::Cli;

#[actix_web::main]
async fn main() -> ExitCode {
    match commands::run(Cli::parse().command).await {
        Ok(code) => code,
        Err(failure) => {
            console::complain(&failure);
            ExitCode::FAILURE
        }
    }
}
