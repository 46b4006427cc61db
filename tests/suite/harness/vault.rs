use std::process::Stdio;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;

use super::Portico;

/// How a command of the vault, or `portico check`, ended.
#[derive(Debug)]
pub(crate) struct Said {
    /// Whether it ended well.
    pub(crate) success: bool,
    /// Its output.
    pub(crate) stdout: String,
    /// Its error output.
    pub(crate) stderr: String,
}

/// The operator at a terminal, with these settings.
#[derive(Debug, Clone)]
pub(crate) struct Terminal {
    folder: std::path::PathBuf,
    settings: Vec<(String, String)>,
}

impl Terminal {
    /// One whose database is that of a `portico dev`, with other master keys.
    pub(crate) fn beside(portico: &Portico, master_keys: &str) -> Self {
        let setting = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        Self {
            folder: portico.data().folder().to_owned(),
            settings: vec![
                setting("DATABASE_URL", portico.told("database_url")),
                setting("PORTICO_OPERATOR_TOKEN", portico.told("operator_token")),
                setting("PORTICO_CHAKRA_URL", portico.told("sandbox_url")),
                setting("PORTICO_MASTER_KEYS", master_keys),
                // Whatever it serves shall not meet what runs on this machine.
                setting("PORTICO_BIND", "127.0.0.1:0"),
                setting("PORTICO_METRICS_BIND", "127.0.0.1:0"),
            ],
        }
    }

    /// The same with more settings.
    pub(crate) fn with(&self, settings: &[(&str, &str)]) -> Self {
        let mut terminal = self.clone();
        terminal.settings.extend(settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        terminal
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::from(super::portico::command());
        command.args(arguments).current_dir(&self.folder).envs(self.settings.clone()).kill_on_drop(true);
        command
    }

    /// Runs a command to its end.
    pub(crate) async fn run(&self, arguments: &[&str]) -> Said {
        let output = self.command(arguments).output().await.expect("the binary under test can be run");
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Said { success: output.status.success(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// Runs one that must end well; its output.
    pub(crate) async fn runs(&self, arguments: &[&str]) -> String {
        let said = self.run(arguments).await;
        assert!(said.success, "portico {} failed: {said:?}", arguments.join(" "));
        said.stdout
    }

    /// What `portico vault status --json` says.
    pub(crate) async fn status(&self) -> Value {
        serde_json::from_str(&self.runs(&["vault", "status", "--json"]).await).expect("the status is JSON")
    }

    /// Runs one until a line of its output begins so, and ends it as kill -9 does. The line.
    pub(crate) async fn killed_at(&self, arguments: &[&str], line_begins: &str) -> String {
        let mut child = self.command(arguments).stdout(Stdio::piped()).spawn().expect("the binary can be run");
        let mut lines = BufReader::new(child.stdout.take().expect("the output is piped")).lines();
        while let Some(line) = lines.next_line().await.expect("the output is text") {
            if line.starts_with(line_begins) {
                child.kill().await.expect("it still runs");
                return line;
            }
        }
        panic!("portico {} ended before it said {line_begins:?}", arguments.join(" "));
    }
}
