//! Reads Rust as far as imports need it: which paths a file names outside of its tests, and which of its
//! modules are tests. It goes by lines, as rustfmt lays them out; it is no parser, and a path in a text
//! is one like any other.

use std::collections::BTreeSet;

/// One path that a file names, such as `crate::audit::Recorder`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Named {
    /// The line, from 1.
    pub(super) line: usize,
    /// All parts of it: the first is `crate`, `self`, `super` or another crate's name.
    pub(super) path: Vec<String>,
}

/// A file without comments and without the modules under `#[cfg(test)]`.
#[derive(Debug)]
pub(super) struct Source {
    code: String,
    /// The modules under `#[cfg(test)]` that are files of their own.
    pub(super) tests: BTreeSet<String>,
}

impl Source {
    pub(super) fn read(text: &str) -> Self {
        let mut source = Self { code: String::new(), tests: BTreeSet::new() };
        let (mut is_test, mut end) = (false, None);
        for line in text.lines() {
            let line = line.split("//").next().unwrap_or_default().trim_end();
            let item = line.trim();
            let module = if is_test { module(item) } else { None };
            is_test = item == "#[cfg(test)]" || is_test && item.starts_with('#');
            match (&end, module) {
                (Some(last), _) if line == last => end = None,
                (Some(_), _) => {}
                (None, Some((name, true))) => drop(source.tests.insert(name.to_owned())),
                (None, Some(_)) => end = Some(line.replace(item, "}")),
                (None, None) => source.code.push_str(line),
            }
            source.code.push('\n');
        }
        source
    }

    /// Every path that begins with one of these words. Of a group, `a::{b, c::d}`, each member is one,
    /// and so is what stands before the brace.
    pub(super) fn paths(&self, roots: &[&str]) -> Vec<Named> {
        let mut found = Vec::new();
        let (mut at, mut line) = (0, 1);
        while let Some(first) = self.code[at..].chars().next() {
            let rest = &self.code[at..];
            let word = word(rest);
            let mut after = &rest[word.len().max(first.len_utf8())..];
            if roots.contains(&word) && !self.code[..at].ends_with("::") {
                let mut paths = Vec::new();
                after = read_path(rest, &[], &mut paths);
                found.extend(paths.into_iter().map(|path| Named { line, path }));
            }
            let read = rest.len() - after.len();
            line += rest[..read].matches('\n').count();
            at += read;
        }
        found
    }
}

/// The name of the module that this line begins, and whether it is a file of its own.
fn module(line: &str) -> Option<(&str, bool)> {
    let (before, name) = line.split_once("mod ")?;
    let is_visibility = before.is_empty() || before.starts_with("pub");
    match (is_visibility, name.strip_suffix(';'), name.strip_suffix(" {")) {
        (true, Some(name), _) => Some((name, true)),
        (true, _, Some(name)) => Some((name, false)),
        _ => None,
    }
}

/// The identifier that a text begins with; empty if none.
fn word(text: &str) -> &str {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap_or_default()
}

/// Reads one path with all members of its groups, and gives what follows it.
fn read_path<'a>(mut rest: &'a str, before: &[String], found: &mut Vec<Vec<String>>) -> &'a str {
    let mut path = before.to_vec();
    loop {
        let segment = word(rest);
        if segment.is_empty() {
            break;
        }
        path.push(segment.to_owned());
        rest = &rest[segment.len()..];
        let Some(more) = rest.strip_prefix("::") else { break };
        rest = more;
    }
    found.push(path.clone());
    rest.strip_prefix('{').map_or(rest, |members| read_group(members, &path, found))
}

fn read_group<'a>(mut rest: &'a str, before: &[String], found: &mut Vec<Vec<String>>) -> &'a str {
    loop {
        rest = rest.trim_start();
        if !word(rest).is_empty() {
            rest = read_path(rest, before, found);
        }
        // Over `as name` and `*`.
        let Some(end) = rest.find([',', '}']) else { return "" };
        let is_last = rest[end..].starts_with('}');
        rest = &rest[end + 1..];
        if is_last {
            return rest;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(text: &str) -> Vec<String> {
        let found = Source::read(text).paths(&["crate", "self", "super"]);
        found.into_iter().map(|named| format!("{} {}", named.line, named.path.join("::"))).collect()
    }

    #[test]
    fn every_member_of_a_group_is_a_path_and_so_is_its_head() {
        let text = "use crate::a::{\n    b::{C, d::E},\n    f as g, *,\n};\nfn h() -> super::super::i::J {}";
        let expected = [
            "1 crate::a",
            "1 crate::a::b",
            "1 crate::a::b::C",
            "1 crate::a::b::d::E",
            "1 crate::a::f",
            "5 super::super::i::J",
        ];
        assert_eq!(paths(text), expected);
    }

    #[test]
    fn paths_are_found_inside_of_code() {
        assert_eq!(paths("let x = f(crate::a::b::<T>(), $crate::c!());"), ["1 crate::a::b", "1 crate::c"]);
        assert_eq!(paths("pub(crate) fn selfish(self_: crate_x::Y) {}"), ["1 crate"]);
    }

    #[test]
    fn comments_and_tests_are_left_out() {
        let text = "\
// crate::a
use crate::b; // crate::c
#[cfg(test)]
use crate::d;
#[cfg(test)]
#[expect(dead_code, reason = \"a\")]
pub(crate) mod tests {
    mod inner {
    }
    use crate::e;
}
use crate::f;
mod g {
    #[cfg(test)]
    mod tests {
        use crate::h;
    }
    use crate::i;
}
";
        assert_eq!(paths(text), ["2 crate::b", "4 crate::d", "12 crate::f", "18 crate::i"].map(str::to_owned).to_vec());
    }

    #[test]
    fn modules_that_are_files_for_tests_are_named() {
        let source = Source::read("mod a;\n#[cfg(test)]\nmod b;\nmod c;\n#[cfg(test)]\npub(crate) mod d;\n");
        assert_eq!(source.tests.into_iter().collect::<Vec<_>>(), ["b", "d"]);
    }
}
