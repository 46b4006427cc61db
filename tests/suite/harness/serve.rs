use std::fs::File;
use std::net::TcpListener;
use std::process::{Child, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::portico::{command, log_as_told};
use super::{Caller, Portico, eventually};

/// Runs a command of `portico` that ends by itself, on the database of a `portico dev`: its exit code and
/// what it said.
pub(crate) async fn run_beside(beside: &Portico, arguments: &[&str]) -> (Option<i32>, String) {
    run_beside_with(beside, arguments, &[]).await
}

/// The same with settings beside those of the database and the vault.
pub(crate) async fn run_beside_with(
    beside: &Portico,
    arguments: &[&str],
    settings: &[(&str, &str)],
) -> (Option<i32>, String) {
    let mut command = command();
    command
        .args(arguments)
        .current_dir(beside.data().folder())
        .env("DATABASE_URL", beside.told("database_url"))
        .env("PORTICO_MASTER_KEYS", beside.told("master_keys"))
        .envs(settings.iter().copied())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let output = tokio::task::spawn_blocking(move || command.output().expect("the binary under test can be run"));
    let output = output.await.expect("the command ran");
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&said).into_owned())
}

/// A `portico serve` beside a `portico dev`, on the same database; ends when dropped.
#[derive(Debug)]
pub(crate) struct Serve {
    child: Child,
    url: String,
}

/// A port of the loopback address that nobody uses at this moment.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("the loopback address has a free port");
    listener.local_addr().expect("it is bound").port()
}

impl Serve {
    /// Starts one that calls `chakra_url`, and waits until it is ready.
    pub(crate) async fn start(beside: &Portico, chakra_url: &str) -> Self {
        Self::start_with(beside, chakra_url, &[]).await
    }

    /// One that listens for changes by the way of another URL.
    pub(crate) async fn listening_by(beside: &Portico, chakra_url: &str, listen_url: &str) -> Self {
        Self::start_with(beside, chakra_url, &[("PORTICO_LISTEN_DATABASE_URL", listen_url)]).await
    }

    /// One that is on the way to the database that this URL names.
    pub(crate) async fn start_on(beside: &Portico, chakra_url: &str, database_url: &str) -> Self {
        Self::start_with(beside, chakra_url, &[("DATABASE_URL", database_url)]).await
    }

    /// The same with more settings, which win.
    pub(crate) async fn start_with(beside: &Portico, chakra_url: &str, settings: &[(&str, &str)]) -> Self {
        let settings = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Self::start_told(beside, chakra_url, |_| settings).await
    }

    /// The same with settings that are made from its base URL.
    pub(crate) async fn start_told(
        beside: &Portico,
        chakra_url: &str,
        settings: impl FnOnce(&str) -> Vec<(String, String)>,
    ) -> Self {
        let (port, metrics) = (free_port(), free_port());
        let url = format!("http://127.0.0.1:{port}");
        let log = File::options().create(true).append(true).open(beside.data().folder().join("serve.log"));
        let log = log.expect("the test's own folder is writable");
        let mut command = command();
        command
            .arg("serve")
            // No portico.toml of wherever the tests run.
            .current_dir(beside.data().folder())
            .env("DATABASE_URL", beside.told("database_url"))
            .env("PORTICO_MASTER_KEYS", beside.told("master_keys"))
            .env("PORTICO_OPERATOR_TOKEN", beside.told("operator_token"))
            .env("PORTICO_CHAKRA_URL", chakra_url)
            .env("PORTICO_BIND", format!("127.0.0.1:{port}"))
            .env("PORTICO_METRICS_BIND", format!("127.0.0.1:{metrics}"))
            .envs(settings(&url))
            .stdout(Stdio::from(log.try_clone().expect("a file can be shared")))
            .stderr(Stdio::from(log));
        log_as_told(&mut command);
        let child = command.spawn().expect("the binary under test can be run");
        let serve = Self { child, url };
        let caller = serve.anonymous();
        eventually("`portico serve` is ready", || async {
            let answer = caller.try_send(reqwest::Method::GET, "/readyz", super::Body::None).await.ok()?;
            answer.is_success().then_some(())
        })
        .await;
        serve
    }

    /// Its base URL.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// A caller of it without a credential.
    pub(crate) fn anonymous(&self) -> Caller {
        Caller::anonymous(&self.url)
    }
}

impl Drop for Serve {
    fn drop(&mut self) {
        if let Ok(pid) = i32::try_from(self.child.id()) {
            kill(Pid::from_raw(pid), Signal::SIGTERM).ok();
        }
        self.child.wait().ok();
    }
}
