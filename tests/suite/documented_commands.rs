//! What the README and the pages tell people to paste runs as it stands.

use std::path::Path;
use std::process::Stdio;

use tokio::process::Command;

use crate::harness::Portico;

const README: &str = include_str!("../../README.md");
const RUNNING: &str = include_str!("../../crates/docs/src/pages/running.md");

/// The shell blocks between a heading and the next one, as one script.
fn blocks(page: &str, heading: &str) -> String {
    let section = page.split(&format!("\n{heading}")).nth(1).expect("the heading is there");
    let section = section.split("\n## ").next().unwrap_or_default();
    let blocks = section.split("```sh\n").skip(1).map(|block| block.split("```").next().unwrap_or_default());
    let script = blocks.collect::<Vec<_>>().join("\n");
    assert!(!script.is_empty(), "{heading} has no commands");
    script
}

/// What a shell says that runs it in that folder, and stops at the first command that fails.
async fn pasted(script: &str, folder: &Path) -> String {
    // A curl that is answered with an error ends as one that is answered; here it must not.
    let script = script.replace("curl ", "curl --fail-with-body --noproxy '*' ");
    let mut command = Command::new("bash");
    command.args(["-euo", "pipefail", "-c", &script]).current_dir(folder).stdin(Stdio::null());
    let output = command.output().await.expect("bash can be run");
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "ended with {}:\n{script}\n{said}", output.status);
    said
}

#[tokio::test]
async fn the_commands_of_the_readme_and_of_the_emulated_chakra_run_as_they_stand() {
    let portico = Portico::start().await;
    let folder = portico.data().folder();
    std::os::unix::fs::symlink(portico.data().path(), folder.join(".portico")).expect("the folder is the test's own");
    let said = pasted(&blocks(README, "## The first message"), folder).await;
    assert!(said.contains("whatsappMessageId") && said.contains("Hello from Portico"), "{said}");

    let alone = blocks(RUNNING, "## The emulated Chakra alone").replace("localhost:8090", portico.told("sandbox_url"));
    let said = pasted(&alone, folder).await;
    assert!(said.contains("_data"), "{said}");
    portico.stop().await;
}
