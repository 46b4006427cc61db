//! The import graph in figures: arrows among the files of each crate and among the crates, circles and
//! what would open them, and who uses the crate that services share.
//!
//! `--check` fails for a circle of files and for a crate that depends on one of a higher layer. Layers
//! are in the order of `layers`.

mod circles;
mod files;
mod source;
mod users;

use std::env;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::layers;
use files::Files;

/// The crate whose modules should have three users each.
const SHARED: &str = "portico-core";

/// What to do with the figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Show them.
    Print,
    /// Fail for circles and for arrows upward.
    Check,
}

/// Why there are no figures, or not those that should be.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GraphError {
    /// `cargo metadata` could not be run or read.
    #[error("`cargo metadata` gave no crates: {0}")]
    Metadata(String),
    /// A crate's files could not be read.
    #[error("{path}: {source}", path = path.display())]
    Files {
        /// The crate's `src`.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// There are circles or arrows upward.
    #[error("{}", .0.join("\n"))]
    Broken(Vec<String>),
}

/// A crate of the workspace.
#[derive(Debug)]
struct Crate {
    name: String,
    files: Files,
    /// The crates of the workspace that it depends on, other than for tests.
    below: Vec<String>,
}

/// Reads the crates, and prints or checks their figures.
pub(crate) fn run(mode: Mode) -> Result<(), GraphError> {
    let metadata = metadata()?;
    let crates = crates(&metadata, &crate::root().join("crates"))?;
    if mode == Mode::Print {
        println!("{}", figures(&crates).join("\n"));
        return Ok(());
    }
    let faults: Vec<String> = crates.iter().flat_map(|member| faults(member, &order())).collect();
    if !faults.is_empty() {
        return Err(GraphError::Broken(faults));
    }
    println!("graph: no circle of files and no arrow upward in {} crates", crates.len());
    Ok(())
}

fn metadata() -> Result<Value, GraphError> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["metadata", "--format-version", "1", "--no-deps"]).current_dir(crate::root());
    let said = command.output().map_err(|error| GraphError::Metadata(error.to_string()))?;
    if !said.status.success() {
        return Err(GraphError::Metadata(String::from_utf8_lossy(&said.stderr).trim_end().to_owned()));
    }
    serde_json::from_slice(&said.stdout).map_err(|error| GraphError::Metadata(error.to_string()))
}

/// The crates below that folder, from the lowest layer up.
fn crates(metadata: &Value, folder: &Path) -> Result<Vec<Crate>, GraphError> {
    let mut crates = Vec::new();
    for package in metadata["packages"].as_array().into_iter().flatten() {
        let manifest = Path::new(package["manifest_path"].as_str().unwrap_or_default());
        let (Some(home), Some(name)) = (manifest.parent(), package["name"].as_str()) else { continue };
        if home.starts_with(folder) {
            let src = home.join("src");
            let files = Files::read(&src).map_err(|source| GraphError::Files { path: src, source })?;
            crates.push(Crate { name: name.to_owned(), files, below: below(package) });
        }
    }
    if crates.is_empty() {
        return Err(GraphError::Metadata("it has another shape".to_owned()));
    }
    crates.sort_by_key(|member| (place(&member.name, &order()), member.name.clone()));
    Ok(crates)
}

fn below(package: &Value) -> Vec<String> {
    let all = package["dependencies"].as_array().into_iter().flatten();
    let ours = all.filter(|dependency| dependency["path"].is_string() && dependency["kind"] != "dev");
    ours.filter_map(|dependency| dependency["name"].as_str().map(str::to_owned)).collect()
}

/// The crates from the lowest layer up; those that stand apart come right above what they may use.
fn order() -> Vec<&'static str> {
    let apart = layers::APART.iter().flat_map(|(_, allowed)| allowed.iter().filter_map(|name| layers::layer(name)));
    let (below, above) = layers::LAYERS.split_at(apart.max().map_or(0, |highest| highest + 1));
    let apart = layers::APART.iter().map(|(name, _)| *name);
    below.iter().copied().flatten().copied().chain(apart).chain(above.iter().copied().flatten().copied()).collect()
}

/// How high a crate stands. One that `layers` does not know, and refuses, is above all.
fn place(name: &str, order: &[&str]) -> usize {
    order.iter().position(|known| *known == name).unwrap_or(order.len())
}

/// The crates of a higher layer that this one depends on.
fn upward<'a>(member: &'a Crate, order: &[&str]) -> Vec<&'a str> {
    let own = place(&member.name, order);
    member.below.iter().map(String::as_str).filter(|name| place(name, order) > own).collect()
}

fn figures(crates: &[Crate]) -> Vec<String> {
    let mut lines =
        vec![format!("{:<20}{:>6}{:>8}{:>9}{:>12}{:>8}", "", "files", "arrows", "circles", "in circles", "upward")];
    let mut sums = [0; 5];
    for member in crates {
        let circles = member.files.circles();
        let within = circles.iter().map(Vec::len).sum();
        let (files, arrows) = (member.files.all.len(), member.files.arrows.len());
        let figures = [files, arrows, circles.len(), within, upward(member, &order()).len()];
        lines.push(row(&member.name, figures));
        sums.iter_mut().zip(figures).for_each(|(sum, figure)| *sum += figure);
    }
    lines.push(row("all", sums));
    let among: usize = crates.iter().map(|member| member.below.len()).sum();
    lines.push(format!("\n{among} arrows among {} crates", crates.len()));
    for member in crates {
        for circle in member.files.circles() {
            let names: Vec<_> = circle.iter().map(|at| member.files.name(*at)).collect();
            lines.push(format!("\na circle of {} files in {}:\n  {}", circle.len(), member.name, names.join(" ")));
        }
    }
    if let Some(shared) = crates.iter().find(|member| member.name == SHARED) {
        lines.extend(shares(shared, crates));
    }
    lines
}

fn row(name: &str, [files, arrows, circles, within, upward]: [usize; 5]) -> String {
    format!("{name:<20}{files:>6}{arrows:>8}{circles:>9}{within:>12}{upward:>8}")
}

fn shares(shared: &Crate, crates: &[Crate]) -> Vec<String> {
    let head = format!("\n{:<20}{:>6}{:>8}{:>9}", format!("users of {SHARED}"), "files", "crates", "inside");
    let line = |(module, users): (String, users::Users)| {
        let advice = if users.are_enough() { "" } else { "   fewer than three: move it down to its user" };
        format!("{module:<20}{:>6}{:>8}{:>9}{advice}", users.files, users.crates.len(), users.inside)
    };
    [head].into_iter().chain(users::of(shared, crates).into_iter().map(line)).collect()
}

fn faults(member: &Crate, order: &[&str]) -> Vec<String> {
    let name = &member.name;
    let upward = upward(member, order).into_iter().map(|to| format!("{name} depends on {to}, which stands above it"));
    let circle = |circle: Vec<usize>| {
        let names: Vec<_> = circle.iter().map(|at| member.files.name(*at)).collect();
        let cuts = member.files.cuts(&circle).join("\n  cut ");
        format!("{name}: a circle of {} files: {}\n  cut {cuts}", circle.len(), names.join(" "))
    };
    upward.chain(member.files.circles().into_iter().map(circle)).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn member(name: &str, below: &[&str], texts: &[(&str, &str)]) -> Crate {
        let texts: Vec<_> = texts.iter().map(|(path, text)| (PathBuf::from(path), (*text).to_owned())).collect();
        Crate {
            name: name.to_owned(),
            files: Files::of(&texts),
            below: below.iter().map(|&name| name.to_owned()).collect(),
        }
    }

    #[test]
    fn the_order_is_that_of_the_layers() {
        let order = order();
        assert_eq!(order.first(), Some(&"portico-domain"));
        assert_eq!(order.last(), Some(&"xtask"));
        assert!(place("portico-storage", &order) < place("portico-app", &order));
        assert_eq!(place("portico-extra", &order), order.len());
    }

    #[test]
    fn only_what_stands_above_is_upward_and_tests_may_use_anything() {
        let package = json!({"dependencies": [
            {"name": "low", "path": "/low", "kind": null},
            {"name": "high", "path": "/high", "kind": "build"},
            {"name": "higher", "path": "/higher", "kind": "dev"},
            {"name": "serde", "kind": null},
        ]});
        let middle = Crate { below: below(&package), ..member("middle", &[], &[]) };
        assert_eq!(middle.below, ["low", "high"]);
        assert_eq!(upward(&middle, &["low", "middle", "high", "higher"]), ["high"]);
    }

    #[test]
    fn a_fault_names_the_files_and_the_arrow_to_cut() {
        let texts = [("lib.rs", "mod a; mod b;"), ("a.rs", "use crate::b::{X, Y};"), ("b.rs", "use crate::a::Z;")];
        assert_eq!(
            faults(&member("low", &["high"], &texts), &["low", "high"]),
            [
                "low depends on high, which stands above it",
                "low: a circle of 2 files: a.rs b.rs\n  cut b.rs:1 → a.rs (`crate::a::Z`, named 1×)",
            ]
        );
        assert!(faults(&member("high", &["low"], &texts[..2]), &["low", "high"]).is_empty());
    }

    #[test]
    fn the_figures_add_up() {
        let circle = [("lib.rs", "mod a; mod b;"), ("a.rs", "use crate::b::X;"), ("b.rs", "use crate::a::Z;")];
        let lines = figures(&[
            member("portico-domain", &[], &circle),
            member(SHARED, &["portico-domain"], &[("lib.rs", "mod c;"), ("c.rs", "")]),
        ]);
        let text = lines.join("\n");
        assert!(text.contains(&row("all", [5, 2, 1, 2, 0])), "{text}");
        assert!(text.contains("\n1 arrows among 2 crates\n"), "{text}");
        assert!(text.contains("a circle of 2 files in portico-domain:\n  a.rs b.rs"), "{text}");
        assert!(text.contains("fewer than three"), "{text}");
    }
}
