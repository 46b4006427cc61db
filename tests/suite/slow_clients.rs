//! slowhttptest (<https://github.com/shekyan/slowhttptest>) against a running gateway: its slow heads and bodies are
//! dropped, and calls are answered meanwhile.

use std::process::Stdio;

use tokio::process::Command;

use crate::harness::{Findings, Portico};

/// What of its report matters: whether its probe was answered to the end, and why it ended.
struct Report {
    text: String,
}

impl Report {
    /// Runs it against a path with those options, for 90 seconds at the most.
    async fn of(portico: &Portico, path: &str, options: &[&str]) -> Self {
        let url = format!("{}{path}", portico.told("gateway_url"));
        let mut command = Command::new("slowhttptest");
        command.args(options).args(["-c", "200", "-r", "200", "-l", "90", "-p", "3", "-u", &url]);
        let output = command.stdin(Stdio::null()).kill_on_drop(true).output().await;
        let output = output.expect("slowhttptest is installed: `make test` does it");
        Self { text: String::from_utf8_lossy(&output.stdout).into_owned() }
    }

    fn is_answered(&self) -> bool {
        self.text.rsplit("service available:").next().is_some_and(|rest| rest.contains("YES"))
    }

    fn is_dropped(&self) -> bool {
        self.text.contains("No open connections left")
    }
}

#[tokio::test]
async fn slow_heads_and_bodies_are_dropped_and_calls_go_on_beside_slow_readers() {
    let portico = Portico::start().await;
    let json = ["-B", "-i", "3", "-s", "8192", "-t", "POST", "-f", "application/json"];
    let heads = Report::of(&portico, "/v1/health", &["-H", "-i", "3"]);
    let bodies = Report::of(&portico, "/api/v1/api-keys/revoke-leaked", &json);
    let readers =
        Report::of(&portico, "/openapi.json", &["-X", "-w", "10", "-y", "20", "-n", "5", "-z", "32", "-k", "3"]);
    let (heads, bodies, readers) = tokio::join!(heads, bodies, readers);
    let mut findings = Findings::new();
    // What slow readers are to read fits into the system's buffers, from which it is sent without Portico.
    for (what, report, is_dropped) in [("heads", heads, true), ("bodies", bodies, true), ("readers", readers, false)] {
        findings.check(report.is_answered(), || format!("slow {what} keep others out:\n{}", report.text));
        findings.check(!is_dropped || report.is_dropped(), || format!("slow {what} are not dropped:\n{}", report.text));
    }
    portico.anonymous().get("/healthz").await.expect(200);
    findings.finish();
    portico.stop().await;
}
