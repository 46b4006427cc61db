//! Which crate may depend on which: `domain ← vault ← auth ← storage, chakra, oidc ← core ← identity, connections
//! ← events ← gateway ← app ← web ← docs ← api, console ← server`. Crates on one layer are strangers to each other.
//!
//! To add a crate, put its name on its layer in [`LAYERS`]. One that few may use is a line of [`NARROW`], one that
//! stands apart a line of [`APART`], and an outside library that only some crates may name a line of [`OUTSIDE`].

use std::env;
use std::process::Command;

use serde_json::Value;

/// The layers, lowest first. A crate may depend on those of every layer below its own.
pub(crate) const LAYERS: &[&[&str]] = &[
    &["portico-domain"],
    &["portico-vault"],
    &["portico-auth", "portico-kms"],
    &["portico-storage", "portico-chakra", "portico-oidc"],
    &["portico-core"],
    &["portico-identity", "portico-connections"],
    &["portico-events"],
    &["portico-gateway"],
    &["portico-app"],
    &["portico-web", "portico-edge"],
    &["portico-docs"],
    &["portico-api", "portico-console"],
    &["portico"],
    &["portico-testkit", "xtask"],
];

/// Crates that only these may use.
const NARROW: &[(&str, &[&str])] = &[
    ("portico-kms", &["portico", "portico-testkit"]),
    ("portico-oidc", &["portico-identity", "portico-app", "portico", "portico-testkit"]),
    ("portico-sandbox", &["portico", "portico-testkit"]),
    ("portico-edge", &["portico"]),
];

/// Crates beside the layers, and all of ours that they may depend on: the emulated Chakra and the black-box suites
/// share what is known of Chakra with Portico, and nothing that Portico does.
pub(crate) const APART: &[(&str, &[&str])] = &[
    ("portico-sandbox", &["portico-domain", "portico-chakra"]),
    ("portico-tests", &["portico-domain", "portico-chakra"]),
];

/// What tests alone may use, whatever the layer.
const FOR_TESTS: &[&str] = &["portico-testkit", "portico-sandbox"];

/// Libraries, by the beginning of their name, and the only crates of ours that may name them.
const OUTSIDE: &[(&str, &[&str])] = &[
    (
        "actix",
        &[
            "portico-web",
            "portico-edge",
            "portico-docs",
            "portico-api",
            "portico-console",
            "portico-sandbox",
            "portico",
            "portico-testkit",
            "portico-tests",
        ],
    ),
    ("sqlx", &["portico-storage", "portico", "portico-testkit", "portico-tests", "xtask"]),
    (
        "reqwest",
        &[
            "portico-chakra",
            "portico-kms",
            "portico-oidc",
            "portico-sandbox",
            "portico",
            "portico-testkit",
            "portico-tests",
        ],
    ),
    ("cryptoki", &["portico-kms"]),
];

/// Why the layers do not hold, or could not be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LayersError {
    /// `cargo metadata` could not be run or read.
    #[error("`cargo metadata` gave nothing to check: {0}")]
    Metadata(String),
    /// At least one dependency is not allowed.
    #[error("{}\nremove the dependency, or change the rule in crates/xtask/src/layers.rs", .0.join("\n"))]
    Broken(Vec<String>),
}

/// Reads the workspace and checks every dependency of every crate of ours.
pub(crate) fn run() -> Result<(), LayersError> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["metadata", "--format-version", "1", "--no-deps"]).current_dir(crate::root());
    let said = command.output().map_err(|error| LayersError::Metadata(error.to_string()))?;
    if !said.status.success() {
        return Err(LayersError::Metadata(String::from_utf8_lossy(&said.stderr).trim_end().to_owned()));
    }
    let metadata = serde_json::from_slice(&said.stdout).map_err(|error| LayersError::Metadata(error.to_string()))?;
    let crates = crates(&metadata).ok_or_else(|| LayersError::Metadata("it has another shape".to_owned()))?;
    let faults: Vec<String> = crates.iter().flat_map(faults).collect();
    if faults.is_empty() {
        println!("layers: {} crates keep to them", crates.len());
        return Ok(());
    }
    Err(LayersError::Broken(faults))
}

/// A crate of the workspace.
struct Member {
    name: String,
    edges: Vec<Edge>,
}

/// One dependency.
struct Edge {
    to: String,
    /// It stands in the workspace.
    ours: bool,
    /// Only tests use it.
    dev: bool,
}

fn crates(metadata: &Value) -> Option<Vec<Member>> {
    metadata.get("packages")?.as_array()?.iter().map(member).collect()
}

fn member(package: &Value) -> Option<Member> {
    let edge = |dependency: &Value| {
        Some(Edge {
            to: dependency.get("name")?.as_str()?.to_owned(),
            ours: dependency.get("path").is_some_and(Value::is_string),
            dev: dependency.get("kind")?.as_str() == Some("dev"),
        })
    };
    let edges = package.get("dependencies")?.as_array()?.iter().map(edge).collect::<Option<_>>()?;
    Some(Member { name: package.get("name")?.as_str()?.to_owned(), edges })
}

fn faults(member: &Member) -> Vec<String> {
    let name = &member.name;
    if layer(name).is_none() && !APART.iter().any(|(apart, _)| apart == name) {
        return vec![format!("{name} has no place in the layers")];
    }
    let refused = |edge: &&Edge| {
        let to = edge.to.as_str();
        if edge.ours {
            return !(may_use(name, to) || edge.dev && FOR_TESTS.contains(&to));
        }
        OUTSIDE.iter().any(|(library, users)| is_part_of(to, library) && !users.contains(&name.as_str()))
    };
    member.edges.iter().filter(refused).map(|edge| format!("{name} must not depend on {}", edge.to)).collect()
}

/// The layer of a crate, counted from the lowest; none for one that stands apart.
pub(crate) fn layer(name: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&name))
}

fn may_use(name: &str, to: &str) -> bool {
    if let Some((_, allowed)) = APART.iter().find(|(apart, _)| *apart == name) {
        return allowed.contains(&to);
    }
    if let Some((_, users)) = NARROW.iter().find(|(narrow, _)| *narrow == to) {
        return users.contains(&name);
    }
    matches!((layer(name), layer(to)), (Some(own), Some(below)) if below < own)
}

/// `sqlx-core` is part of `sqlx`; `sqlxyz` is not.
fn is_part_of(name: &str, library: &str) -> bool {
    name.strip_prefix(library).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn faults_of(name: &str, to: &str, kind: Option<&str>) -> Vec<String> {
        let ours = to.starts_with("portico");
        let path = ours.then_some("/somewhere");
        let metadata = json!({"packages": [
            {"name": name, "dependencies": [{"name": to, "kind": kind, "path": path}]},
        ]});
        crates(&metadata).unwrap().iter().flat_map(faults).collect()
    }

    #[test]
    fn an_allowed_edge_is_no_fault() {
        for (name, to) in [
            ("portico-app", "portico-storage"),
            ("portico-web", "actix-web"),
            ("portico-api", "portico-web"),
            ("portico-storage", "sqlx"),
            ("portico-chakra", "reqwest"),
            ("portico-kms", "cryptoki"),
            ("portico", "portico-sandbox"),
            ("portico-domain", "serde"),
        ] {
            assert!(faults_of(name, to, None).is_empty(), "{name} → {to}");
        }
    }

    #[test]
    fn a_forbidden_edge_is_found() {
        for (name, to) in [
            ("portico-domain", "portico-vault"),
            ("portico-storage", "portico-chakra"),
            ("portico-chakra", "portico-storage"),
            ("portico-app", "portico-api"),
            ("portico-app", "portico-web"),
            ("portico-web", "portico-api"),
            ("portico-docs", "portico-api"),
            ("portico-api", "portico-console"),
            ("portico-identity", "portico-connections"),
            ("portico-core", "portico-identity"),
            ("portico-gateway", "portico-app"),
            ("portico-api", "sqlx"),
            ("portico-api", "reqwest"),
            ("portico-app", "actix-web"),
            ("portico-app", "actix-http"),
            ("portico-app", "sqlx-core"),
            ("portico-sandbox", "portico-auth"),
            ("portico-kms", "portico-storage"),
            ("portico-app", "portico-kms"),
            ("portico-vault", "cryptoki"),
        ] {
            assert_eq!(faults_of(name, to, None), [format!("{name} must not depend on {to}")]);
            assert_eq!(faults_of(name, to, Some("build")).len(), 1);
        }
    }

    #[test]
    fn the_testkit_is_for_tests_only() {
        assert_eq!(faults_of("portico-api", "portico-testkit", None).len(), 1);
        assert!(faults_of("portico-api", "portico-testkit", Some("dev")).is_empty());
    }

    #[test]
    fn a_crate_without_a_place_is_found() {
        assert_eq!(faults_of("portico-extra", "serde", None), ["portico-extra has no place in the layers"]);
    }
}
