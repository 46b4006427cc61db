//! `portico serve`: the gateway, for production.

use portico_app::{App, AppOptions};
use portico_edge::{ConnectionLimits, raise_descriptors};
use portico_storage::{Db, DbOptions};
use portico_vault::KeyEnvironment;

use super::Failure;
use crate::cli::Config;
use crate::gateway::{DATABASE_CONNECTIONS, Gateway, GatewayError, REQUEST_LOG_CAPACITY};
use crate::listener::BoundListener;
use crate::settings::{Settings, Sources, lacks_proxies};
use crate::signals::StopSignals;
use crate::telemetry;

/// Serves until a signal comes.
pub(super) async fn run(arguments: &Config) -> Result<(), Failure> {
    let sources = Sources::of_this_process(arguments.config.as_deref())?;
    let Settings {
        database_url,
        listen_database_url,
        bind,
        metrics_bind,
        connections_per_address,
        drain,
        public_url,
        hooks_url,
        trusted_proxies,
        chakra_url,
        chakra_paths,
        master_keys,
        operator_token,
        oidc,
        log,
    } = Settings::of(&sources)?;
    telemetry::start(log);
    sources.warn_of_unknown();
    if let Some(warning) = lacks_proxies(public_url.as_deref(), &trusted_proxies) {
        tracing::warn!("{warning}");
    }
    let mut signals = StopSignals::listen().map_err(Failure::Signals)?;

    let start = async {
        let db = Db::connect(&DbOptions {
            url: database_url,
            listen_url: listen_database_url,
            max_connections: DATABASE_CONNECTIONS,
        })
        .await?;
        let options = AppOptions {
            chakra_url: chakra_url.clone(),
            chakra_paths,
            public_url: public_url.clone(),
            hooks_url,
            trusted_proxies,
            oidc,
            environment: environment(),
            request_log_capacity: REQUEST_LOG_CAPACITY,
        };
        let app = App::start(db.clone(), master_keys, operator_token, options).await?;
        Ok::<_, Failure>((db, app))
    };
    let (db, app) = tokio::select! {
        started = start => started?,
        () = signals.received() => return Ok(()),
    };
    // After the vault: that its key is missing matters more than that another program has the port.
    let bound = BoundListener::bind(bind, "PORTICO_BIND")
        .and_then(|public| Ok((public, BoundListener::bind(metrics_bind, "PORTICO_METRICS_BIND")?)));
    let (public, metrics) = match bound {
        Ok(bound) => bound,
        Err(error) => {
            app.stop().await;
            db.close().await;
            return Err(error.into());
        }
    };

    let public_url = public_url.unwrap_or_else(|| public.url());
    let (public_address, metrics_address) = (public.address(), metrics.address());
    let descriptors = raise_descriptors();
    let limits = ConnectionLimits::within(descriptors, connections_per_address);
    let mut gateway = Gateway::open(public, metrics, app, db, limits, drain)?;
    tracing::info!(
        listen.address = %public_address,
        metrics.address = %metrics_address,
        public.url = public_url,
        chakra.url = chakra_url,
        descriptors,
        connections = limits.all,
        connections_per_address = limits.per_address,
        "portico {} serves",
        env!("CARGO_PKG_VERSION")
    );
    let outcome = tokio::select! {
        () = signals.received() => Ok(()),
        error = gateway.ended() => Err::<(), GatewayError>(error),
    };
    gateway.stop(signals.received()).await;
    tracing::info!("stopped");
    Ok(outcome?)
}

/// What stands in the text of API keys.
fn environment() -> KeyEnvironment {
    "live".parse().expect("four lower-case letters")
}
