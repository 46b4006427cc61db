//! `portico sandbox`: the emulated Chakra alone.

use super::Failure;
use crate::cli::Sandbox;
use crate::console;
use crate::listener::ListenerError;
use crate::settings::{self, Sources};
use crate::signals::StopSignals;
use crate::telemetry;

/// Runs it until SIGINT or SIGTERM.
pub(super) async fn run(arguments: Sandbox) -> Result<(), Failure> {
    telemetry::start(settings::for_logs(&Sources::of_the_environment()?)?);
    let mut signals = StopSignals::listen().map_err(Failure::Signals)?;
    let settings = portico_sandbox::Settings {
        bind: arguments.bind,
        state_file: arguments.state_file,
        document: Some(portico_api::openapi::emulated_json()),
        ..portico_sandbox::Settings::default()
    };
    let sandbox = portico_sandbox::start(settings).await.map_err(|error| {
        ListenerError::from_sandbox(error, "--bind").map_or_else(Failure::Sandbox, Failure::Listener)
    })?;
    console::say(format_args!("The sandbox Chakra listens at {}; GET / lists its control calls", sandbox.url()));
    signals.received().await;
    sandbox.stop().await;
    Ok(())
}
