//! Who uses what in the crate that services share: a module of few users belongs to its user.

use std::collections::{BTreeMap, BTreeSet};

use super::Crate;

/// The users of one module of the shared crate.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Users {
    /// Other crates of the workspace.
    pub(super) crates: BTreeSet<String>,
    /// Their files.
    pub(super) files: usize,
    /// Files of the shared crate itself that are not part of the module.
    pub(super) inside: usize,
}

impl Users {
    /// Whether it is shared: three files use it.
    pub(super) fn are_enough(&self) -> bool {
        self.files + self.inside >= 3
    }
}

/// The users of each module that stands at the root of the shared crate.
pub(super) fn of(shared: &Crate, all: &[Crate]) -> BTreeMap<String, Users> {
    let modules = shared.files.all.iter().filter_map(|file| file.module.first().cloned());
    let mut users: BTreeMap<String, Users> = modules.map(|name| (name, Users::default())).collect();
    let exports = exports(shared, &users.keys().cloned().collect());
    let root = shared.name.replace('-', "_");
    for other in all.iter().filter(|other| other.name != shared.name) {
        for file in &other.files.all {
            let paths = file.source.paths(&[&root]);
            let items = paths.iter().filter_map(|named| named.path.get(1));
            let used: BTreeSet<_> = items.map(|item| exports.get(item).unwrap_or(item)).collect();
            for (_, users) in users.iter_mut().filter(|(module, _)| used.contains(module)) {
                users.crates.insert(other.name.clone());
                users.files += 1;
            }
        }
    }
    let of_module = |at: usize| shared.files.all[at].module.first();
    let inside = shared.files.arrows.keys().map(|(from, to)| (*from, of_module(*from), of_module(*to)));
    let inside = inside.filter(|(_, from, to)| from.is_some() && from != to);
    let inside: BTreeSet<_> = inside.filter_map(|(at, _, to)| Some((at, to?))).collect();
    for (_, module) in inside {
        users.entry(module.clone()).or_default().inside += 1;
    }
    users
}

/// What `lib.rs` shows of its modules, by name: `pub use cache::Cache`.
fn exports(shared: &Crate, modules: &BTreeSet<String>) -> BTreeMap<String, String> {
    let roots: Vec<&str> = modules.iter().map(String::as_str).collect();
    let lib = shared.files.all.iter().filter(|file| file.module.is_empty());
    let paths = lib.flat_map(|file| file.source.paths(&roots)).map(|named| named.path);
    paths.filter(|path| path.len() > 1).filter_map(|path| Some((path.last()?.clone(), path.first()?.clone()))).collect()
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::graph::files::Files;

    fn member(name: &str, texts: &[(&str, &str)]) -> Crate {
        let texts: Vec<_> = texts.iter().map(|(path, text)| (PathBuf::from(path), (*text).to_owned())).collect();
        Crate { name: name.to_owned(), files: Files::of(&texts), below: Vec::new() }
    }

    #[test]
    fn users_are_counted_by_file_through_modules_and_through_what_the_root_shows() {
        let all = [
            member(
                "portico-core",
                &[
                    (
                        "lib.rs",
                        "pub mod cache;\nmod clock;\npub use clock::{Clock, System as Real};\npub use cache::Cache;",
                    ),
                    ("cache.rs", "use crate::clock::Clock; use self::flight::Flight;"),
                    ("cache/flight.rs", "use crate::clock::Clock; use super::Cache;"),
                    ("clock.rs", ""),
                ],
            ),
            member(
                "portico-app",
                &[("lib.rs", "use portico_core::{Cache, Clock};"), ("a.rs", "portico_core::cache::full()")],
            ),
            member("portico-api", &[("lib.rs", "#[cfg(test)]\nmod tests {\n    use portico_core::Cache;\n}\n")]),
        ];
        let users = of(&all[0], &all);
        let figures = |name: &str| (users[name].crates.len(), users[name].files, users[name].inside);
        assert_eq!(users.len(), 2);
        assert_eq!((figures("cache"), users["cache"].are_enough()), ((1, 2, 0), false));
        assert_eq!((figures("clock"), users["clock"].are_enough()), ((1, 1, 2), true));
    }
}
