use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use super::processes::{Process, family};
use super::{Caller, DataDir, Sandbox, eventually, hunt};

/// How long a start may take on a machine that builds at the same time.
const START: Duration = Duration::from_mins(1);
/// Where Debian keeps the programs of Postgres.
const DEBIAN: &str = "/usr/lib/postgresql";
/// How long an orderly stop may take.
const STOP: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(20);

/// A running `portico dev` on free ports and a data directory of its own.
#[derive(Debug)]
pub(crate) struct Portico {
    child: Child,
    data: Option<DataDir>,
    state: Value,
}

/// How a command ended that was not meant to stay.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// Its exit status.
    pub(crate) status: ExitStatus,
    /// What it wrote to its error output.
    pub(crate) stderr: String,
}

/// The binary under test.
pub(super) fn binary() -> PathBuf {
    let path = std::env::var_os("PORTICO_BIN").map_or_else(
        || {
            let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package stands in the workspace");
            let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
            target.join("debug/portico")
        },
        PathBuf::from,
    );
    assert!(
        path.is_file(),
        "{} does not exist: run `cargo build -p portico`, or set PORTICO_BIN to a built binary",
        path.display()
    );
    path
}

/// The binary without any setting of the environment that the tests run in.
pub(super) fn command() -> Command {
    without_settings(Command::new(binary()))
}

fn without_settings(mut command: Command) -> Command {
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("PORTICO_") || text.starts_with("PG") || text.starts_with("DATABASE_URL") {
            command.env_remove(&name);
        }
    }
    command.stdin(Stdio::null());
    command
}

fn dev(data_dir: &Path) -> Command {
    let mut command = command();
    command.arg("dev").arg("--data-dir").arg(data_dir);
    for flag in ["--bind", "--sandbox-bind", "--metrics-bind"] {
        command.args([flag, "127.0.0.1:0"]);
    }
    log_as_told(&mut command);
    command
}

/// The URL, without a database, of the pooler through which the instances reach one server that they share;
/// none: each has a private Postgres.
pub(crate) fn pooler() -> Option<String> {
    std::env::var("SUITE_POOLER").ok()
}

/// A database for the instance of that data directory, made at its first start.
fn own_database(pooler: &str, data: &DataDir) -> String {
    let name = data.folder().file_name().expect("the folder has a name").to_string_lossy().replace('-', "_");
    if !data.path().exists() {
        let maintenance = format!("{pooler}/postgres?sslmode=disable");
        let made = Command::new("createdb").arg("--maintenance-db").arg(maintenance).arg(&name).output();
        let made = made.expect("Postgres' createdb is in the PATH");
        assert!(made.status.success(), "createdb: {}", String::from_utf8_lossy(&made.stderr));
    }
    format!("{pooler}/{name}?sslmode=disable")
}

/// Lets the process log what `SUITE_LOG` says, as `trace` for the hunt for secrets.
pub(super) fn log_as_told(command: &mut Command) {
    if let Some(filter) = std::env::var_os("SUITE_LOG") {
        command.env("PORTICO_LOG", filter);
    }
}

impl Portico {
    /// Starts one on a new data directory.
    pub(crate) async fn start() -> Self {
        Self::start_on(DataDir::new()).await
    }

    /// Starts one on a data directory that may hold data.
    pub(crate) async fn start_on(data: DataDir) -> Self {
        Self::spawn(dev(&data.path()), data).await
    }

    /// Starts one on a data directory, with its database where this URL of an owner says.
    pub(crate) async fn start_on_server(database_url: &str, data: DataDir) -> Self {
        let mut command = dev(&data.path());
        command.env("DATABASE_URL", database_url);
        Self::spawn(command, data).await
    }

    /// Starts one that logs what this filter lets through.
    pub(crate) async fn start_logging(filter: &str, data: DataDir) -> Self {
        let mut command = dev(&data.path());
        command.env("PORTICO_LOG", filter);
        Self::spawn(command, data).await
    }

    async fn spawn(mut command: Command, data: DataDir) -> Self {
        let log = |name: &str| {
            let file = File::options().create(true).append(true).open(data.folder().join(name));
            Stdio::from(file.expect("the test's own folder is writable"))
        };
        if let Some(pooler) = pooler()
            && command.get_envs().all(|(name, value)| name != "DATABASE_URL" || value.is_none())
        {
            command.env("DATABASE_URL", own_database(&pooler, &data));
        }
        let child = command.stdout(log("stdout.log")).stderr(log("stderr.log")).spawn();
        let child = child.expect("the binary under test can be run");
        let mut portico = Self { child, data: Some(data), state: Value::Null };
        portico.state = portico.ready().await;
        hunt::plant_settings(&portico.state, &portico.data().path().join("state.json"));
        portico
    }

    /// Waits for a dev.json that this very process wrote.
    async fn ready(&mut self) -> Value {
        let end = Instant::now() + START;
        loop {
            let text = fs::read_to_string(self.data().path().join("dev.json")).unwrap_or_default();
            let state: Value = serde_json::from_str(&text).unwrap_or_default();
            if state["pid"] == self.child.id() {
                return state;
            }
            let ended = self.child.try_wait().expect("the child is ours");
            assert!(ended.is_none(), "`portico dev` ended with {ended:?} before it was ready: {}", self.last_words());
            assert!(Instant::now() < end, "`portico dev` wrote no dev.json in {START:?}: {}", self.last_words());
            tokio::time::sleep(POLL).await;
        }
    }

    fn last_words(&self) -> String {
        let words = ["stdout.log", "stderr.log"].map(|name| {
            let text = fs::read_to_string(self.data().folder().join(name)).unwrap_or_default();
            let from = text.char_indices().rev().nth(2000).map_or(0, |(at, _)| at);
            format!("--- {name}\n{}", &text[from..])
        });
        words.join("\n")
    }

    /// Everything that it wrote to its outputs.
    pub(crate) fn output(&self) -> String {
        let read = |name| fs::read_to_string(self.data().folder().join(name)).unwrap_or_default();
        read("stdout.log") + &read("stderr.log")
    }

    /// What it and replicas beside it logged. What is printed for whoever started it is not among that.
    pub(crate) fn log(&self) -> String {
        let read = |name| fs::read_to_string(self.data().folder().join(name)).unwrap_or_default();
        read("stderr.log") + &read("serve.log")
    }

    /// Its data directory.
    pub(crate) fn data(&self) -> &DataDir {
        self.data.as_ref().expect("only stop and kill take the data directory, and they end this")
    }

    /// A text of dev.json.
    #[track_caller]
    pub(crate) fn told(&self, name: &str) -> &str {
        self.state[name].as_str().unwrap_or_else(|| panic!("dev.json has no text {name}"))
    }

    /// All of dev.json.
    pub(crate) fn state(&self) -> &Value {
        &self.state
    }

    /// A caller of the gateway without a credential.
    pub(crate) fn anonymous(&self) -> Caller {
        Caller::anonymous(self.told("gateway_url"))
    }

    /// The operator, who names no tenant.
    pub(crate) fn operator(&self) -> Caller {
        self.anonymous().bearing(self.told("operator_token"))
    }

    /// The owner of the demo tenant.
    pub(crate) fn demo_owner(&self) -> Caller {
        self.anonymous().bearing(self.told("admin_key"))
    }

    /// The controls of its sandbox.
    pub(crate) fn sandbox(&self) -> Sandbox {
        Sandbox::at(self.told("sandbox_url"))
    }

    /// The processes that it consists of.
    pub(crate) fn processes(&self) -> Vec<Process> {
        family(self.pid().as_raw())
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.id()).expect("a process id fits"))
    }

    /// Ends it as Ctrl-C would, sees that nothing of it is left, and gives the data directory back.
    ///
    /// Before that, everything that it wrote is searched for the secrets that the test has seen.
    pub(crate) async fn stop(mut self) -> DataDir {
        hunt::search(&self).await;
        let processes = self.processes();
        kill(self.pid(), Signal::SIGINT).expect("it still runs");
        let status = self.wait().await;
        assert!(status.success(), "`portico dev` ended with {status} after Ctrl-C: {}", self.last_words());
        gone(&processes).await;
        self.data.take().expect("is given back once")
    }

    /// Ends it as `kill -9` of its own process would; what the kernel leaves, it leaves.
    pub(crate) async fn kill(mut self) -> DataDir {
        self.child.kill().expect("it still runs");
        self.wait().await;
        self.data.take().expect("is given back once")
    }

    /// Ends every process of it at once, as a loss of power would.
    pub(crate) async fn kill_all(mut self) -> DataDir {
        let processes = self.processes();
        for process in &processes {
            // One may have ended with another.
            kill(Pid::from_raw(process.pid()), Signal::SIGKILL).ok();
        }
        self.wait().await;
        gone(&processes).await;
        self.data.take().expect("is given back once")
    }

    async fn wait(&mut self) -> ExitStatus {
        let end = Instant::now() + STOP;
        loop {
            if let Some(status) = self.child.try_wait().expect("the child is ours") {
                return status;
            }
            assert!(Instant::now() < end, "`portico dev` did not end within {STOP:?}: {}", self.last_words());
            tokio::time::sleep(POLL).await;
        }
    }

    /// Runs `portico dev` where it must refuse to start: more arguments, which win, and environment.
    pub(crate) async fn refused(data_dir: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Outcome {
        let mut command = command();
        command.arg("dev").arg("--data-dir").arg(data_dir);
        for flag in ["--bind", "--sandbox-bind", "--metrics-bind"] {
            if !arguments.contains(&flag) {
                command.args([flag, "127.0.0.1:0"]);
            }
        }
        command.args(arguments).envs(environment.iter().copied());
        Outcome::of(command).await
    }

    /// Runs `portico dev` where no Postgres is to be found: `PATH` is empty, and root hides what
    /// Debian installed. None where that cannot be hidden.
    pub(crate) async fn refused_without_postgres(data_dir: &Path) -> Option<Outcome> {
        if !Path::new(DEBIAN).exists() {
            return Some(Self::refused(data_dir, &[], &[("PATH", "/nonexistent")]).await);
        }
        let hide = format!("mount -t tmpfs none {DEBIAN} && PATH=/nonexistent exec \"$0\" dev --data-dir \"$1\"");
        let may = Command::new("unshare").args(["--mount", "true"]).output();
        if !may.is_ok_and(|output| output.status.success()) {
            return None;
        }
        let mut command = without_settings(Command::new("unshare"));
        command.args(["--mount", "sh", "-c", &hide]).arg(binary()).arg(data_dir);
        Some(Outcome::of(command).await)
    }
}

impl Outcome {
    /// Runs a command that has to end by itself.
    pub(super) async fn of(mut command: Command) -> Self {
        let said = tokio::time::timeout(
            START,
            tokio::task::spawn_blocking(move || {
                let output = command.stdout(Stdio::null()).stderr(Stdio::piped()).output();
                output.expect("the binary under test can be run")
            }),
        );
        let output = said.await.expect("a refused start ends by itself").expect("the command ran");
        Self { status: output.status, stderr: String::from_utf8_lossy(&output.stderr).into_owned() }
    }

    /// What is wrong with this as a refusal in one sentence that holds all these words; none if nothing is.
    pub(crate) fn not_one_sentence(&self, words: &[&str]) -> Option<String> {
        let lines: Vec<_> = self.stderr.lines().filter(|line| !line.trim().is_empty()).collect();
        let clear = !self.status.success()
            && lines.len() == 1
            && !self.stderr.contains("panicked")
            && words.iter().all(|word| self.stderr.contains(word));
        (!clear).then(|| format!("expected a failure and one line with {words:?}: {} {:?}", self.status, self.stderr))
    }
}

async fn gone(processes: &[Process]) {
    eventually("every process of `portico dev` is gone", || async {
        let left: Vec<_> = processes.iter().copied().filter(|process| process.is_running()).collect();
        left.is_empty().then_some(())
    })
    .await;
}

impl Drop for Portico {
    /// Only a failed test comes here with a running process: end it in order, then by force.
    fn drop(&mut self) {
        if self.data.is_none() || !matches!(self.child.try_wait(), Ok(None)) {
            return;
        }
        let processes = self.processes();
        kill(self.pid(), Signal::SIGINT).ok();
        let end = Instant::now() + STOP;
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < end {
            std::thread::sleep(POLL);
        }
        for process in processes.into_iter().filter(|process| process.is_running()) {
            kill(Pid::from_raw(process.pid()), Signal::SIGKILL).ok();
        }
        self.child.wait().ok();
    }
}
