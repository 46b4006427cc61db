//! Commands for those who work on Portico: `cargo xtask <command>`.
//!
//! Each is a module with a `run` that takes the arguments after its name. To add one, add a module,
//! a line in [`USAGE`] and an arm in `dispatch`.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command answers on the terminal")]

mod graph;
mod layers;
mod openapi;
mod sqlx_prepare;

use std::env;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask <command>

  graph [--check]         prints the import graph in figures, or fails for its circles and upward arrows
  layers                  checks which crate may depend on which
  openapi [--check]       writes openapi/ from the code, or compares it with the code
  sqlx-prepare [--check]  writes .sqlx from the migrations and the queries, or compares it with them";

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    match dispatch(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(args: &[String]) -> Result<(), Box<dyn Error>> {
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args.as_slice() {
        ["graph"] => Ok(graph::run(graph::Mode::Print)?),
        ["graph", "--check"] => Ok(graph::run(graph::Mode::Check)?),
        ["layers"] => Ok(layers::run()?),
        ["openapi"] => Ok(openapi::run(openapi::Mode::Write)?),
        ["openapi", "--check"] => Ok(openapi::run(openapi::Mode::Check)?),
        ["sqlx-prepare"] => Ok(sqlx_prepare::run(sqlx_prepare::Mode::Write)?),
        ["sqlx-prepare", "--check"] => Ok(sqlx_prepare::run(sqlx_prepare::Mode::Check)?),
        _ => Err(USAGE.into()),
    }
}

/// The workspace's folder.
fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).expect("xtask stands in crates/xtask").to_owned()
}
