use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

/// How long one step may take on a machine that builds at the same time.
const STEP: Duration = Duration::from_mins(2);

/// Programs of `tests/typescript`, compiled in a folder of their own.
#[derive(Debug)]
pub(crate) struct Programs(PathBuf);

fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("typescript")
}

impl Programs {
    /// Makes a new folder below `within` and compiles these programs there, as strictly as
    /// `tsconfig.json` says. They may import `./portico-api.js`, the types of the document's answers
    /// and requests.
    pub(crate) async fn compile(within: &Path, names: &[&str]) -> Self {
        let modules = sources().join("node_modules");
        assert!(modules.is_dir(), "{} does not exist: run `.ci/install node`", modules.display());
        let folder = within.join("typescript");
        fs::create_dir(&folder).expect("the test's own folder is writable");
        std::os::unix::fs::symlink(modules, folder.join("node_modules")).expect("the folder is new");
        let mut types = false;
        for name in ["package.json", "tsconfig.json"].iter().chain(names) {
            let text = fs::read_to_string(sources().join(name)).expect("tests/typescript has this file");
            types |= text.contains("./portico-api.js");
            fs::write(folder.join(name), text).expect("the folder is ours");
        }
        let programs = Self(folder);
        if types {
            let document = Path::new(env!("CARGO_MANIFEST_DIR")).join("../openapi/portico.json");
            let generate = "node_modules/openapi-typescript/bin/cli.js".as_ref();
            // Not a .d.ts: the compiler checks this one too.
            programs.node(&[generate, document.as_os_str(), "--output".as_ref(), "portico-api.ts".as_ref()], &[]).await;
        }
        programs.node(&["node_modules/typescript/bin/tsc".as_ref()], &[]).await;
        programs
    }

    /// Runs one with this environment beside the usual one; what it printed. Fails if it fails.
    pub(crate) async fn run(&self, name: &str, environment: &[(&str, &str)]) -> String {
        let script = Path::new("js").join(name).with_extension("js");
        self.node(&[script.as_os_str()], environment).await
    }

    async fn node(&self, arguments: &[&OsStr], environment: &[(&str, &str)]) -> String {
        let mut command = Command::new("node");
        command.args(arguments).envs(environment.iter().copied()).current_dir(&self.0);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let output = tokio::time::timeout(STEP, command.output()).await;
        let output = output.unwrap_or_else(|_| panic!("node {arguments:?} did not end within {STEP:?}"));
        let output = output.expect("node can be run: `.ci/install node` installs it");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let complained = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "node {arguments:?} ended with {}:\n{said}{complained}", output.status);
        said
    }
}
