//! The files of one crate, and the arrows among them.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::circles::{self, Arrow};
use super::source::Source;

/// A file that is not for tests alone.
#[derive(Debug)]
pub(super) struct File {
    /// From the crate's `src` on.
    pub(super) path: PathBuf,
    /// The module that it is: none for `lib.rs` and `main.rs`.
    pub(super) module: Vec<String>,
    pub(super) source: Source,
}

/// Where an arrow begins.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Origin {
    /// The first line that names the other file, and the path that stands there.
    pub(super) line: usize,
    pub(super) path: String,
    /// How often it is named.
    pub(super) times: usize,
}

/// A crate's files.
#[derive(Debug)]
pub(super) struct Files {
    pub(super) all: Vec<File>,
    /// Who names whom, by their place in `all`. A file may name its own ancestors; that is no arrow.
    pub(super) arrows: BTreeMap<Arrow, Origin>,
}

impl Files {
    /// Reads the files below `src`.
    pub(super) fn read(src: &Path) -> io::Result<Self> {
        let mut texts = Vec::new();
        collect(src, src, &mut texts)?;
        texts.sort();
        Ok(Self::of(&texts))
    }

    /// Takes each file's path from `src` on, and its text.
    pub(super) fn of(texts: &[(PathBuf, String)]) -> Self {
        let file = |(path, text): &(PathBuf, String)| File {
            path: path.clone(),
            module: module(path),
            source: Source::read(text),
        };
        let mut all: Vec<File> = texts.iter().map(file).collect();
        let for_tests = |file: &File| -> Vec<_> {
            file.source.tests.iter().map(|name| [file.module.clone(), vec![name.clone()]].concat()).collect()
        };
        let left_out: Vec<Vec<String>> = all.iter().flat_map(for_tests).collect();
        all.retain(|file| !left_out.iter().any(|module| file.module.starts_with(module)));
        let arrows = arrows(&all);
        Self { all, arrows }
    }

    /// The circles among them, by their place in `all`.
    pub(super) fn circles(&self) -> Vec<Vec<usize>> {
        let arrows: Vec<_> = self.arrows.keys().copied().collect();
        circles::circles(self.all.len(), &arrows)
    }

    /// The arrows to cut so that there is no such circle, as text.
    pub(super) fn cuts(&self, circle: &[usize]) -> Vec<String> {
        let weights: Vec<_> = self.arrows.iter().map(|(arrow, origin)| (*arrow, origin.times)).collect();
        let text = |arrow: &Arrow| {
            let (from, to, origin) = (self.name(arrow.0), self.name(arrow.1), &self.arrows[arrow]);
            format!("{from}:{} → {to} (`{}`, named {}×)", origin.line, origin.path, origin.times)
        };
        circles::cuts(circle, &weights).iter().map(text).collect()
    }

    pub(super) fn name(&self, at: usize) -> String {
        self.all[at].path.display().to_string()
    }
}

fn collect(src: &Path, folder: &Path, texts: &mut Vec<(PathBuf, String)>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(src, &path, texts)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path)?;
            texts.push((path.strip_prefix(src).unwrap_or(&path).to_owned(), text));
        }
    }
    Ok(())
}

fn module(path: &Path) -> Vec<String> {
    let mut module: Vec<_> = path.with_extension("").iter().map(|part| part.to_string_lossy().into_owned()).collect();
    if module.last().is_some_and(|last| ["mod", "lib", "main"].contains(&last.as_str())) {
        module.pop();
    }
    module
}

fn arrows(all: &[File]) -> BTreeMap<Arrow, Origin> {
    let places: BTreeMap<&[String], usize> = all.iter().enumerate().map(|(at, file)| (&*file.module, at)).collect();
    let mut arrows = BTreeMap::new();
    for (from, file) in all.iter().enumerate() {
        for named in file.source.paths(&["crate", "self", "super"]) {
            let path = absolute(&named.path, &file.module);
            let longest = (1..=path.len()).rev().find_map(|length| places.get(&path[..length]));
            let Some(&to) = longest.filter(|to| !file.module.starts_with(&all[**to].module)) else { continue };
            let first = || Origin { line: named.line, path: named.path.join("::"), times: 0 };
            arrows.entry((from, to)).or_insert_with(first).times += 1;
        }
    }
    arrows
}

/// A path from the crate on, as it stands in that module. A `super` in a module inside of a file is
/// taken for the file's own; it names an ancestor either way.
fn absolute(path: &[String], module: &[String]) -> Vec<String> {
    let up = path.iter().take_while(|part| *part == "super").count();
    let (base, rest) = match path.first().map(String::as_str) {
        Some("crate") => (&module[..0], &path[1..]),
        Some("self") => (module, &path[1..]),
        _ => (&module[..module.len().saturating_sub(up)], &path[up..]),
    };
    [base, rest].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(texts: &[(&str, &str)]) -> Files {
        let texts: Vec<_> = texts.iter().map(|(path, text)| (PathBuf::from(path), (*text).to_owned())).collect();
        Files::of(&texts)
    }

    fn arrows(files: &Files) -> Vec<String> {
        files.arrows.keys().map(|(from, to)| format!("{} → {}", files.name(*from), files.name(*to))).collect()
    }

    #[test]
    fn a_path_leads_to_the_deepest_file_on_it() {
        let files = files(&[
            ("lib.rs", "mod a; mod b;\npub use crate::b::c::Thing;"),
            ("a.rs", "use crate::b::{c::Thing, Other};\nuse crate::Root;"),
            ("b/mod.rs", "mod c;\nuse self::c::Thing;"),
            ("b/c.rs", "use super::super::a::X;\nfn f() { crate::a::g() }"),
        ]);
        let expected = ["a.rs → b/mod.rs", "a.rs → b/c.rs", "b/c.rs → a.rs", "b/mod.rs → b/c.rs", "lib.rs → b/c.rs"];
        let mut found = arrows(&files);
        found.sort();
        let mut expected = expected.map(str::to_owned).to_vec();
        expected.sort();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_child_that_names_its_parent_is_no_arrow() {
        let files = files(&[
            ("lib.rs", "mod a;"),
            ("a.rs", "mod b; use self::b::X;"),
            ("a/b.rs", "use super::Y; use crate::Z;"),
        ]);
        assert_eq!(arrows(&files), ["a.rs → a/b.rs"]);
        assert!(files.circles().is_empty());
    }

    #[test]
    fn files_for_tests_are_left_out_with_all_below_them() {
        let files = files(&[
            ("lib.rs", "mod a;\n#[cfg(test)]\nmod tests;"),
            ("a.rs", ""),
            ("tests.rs", "mod more; use crate::a::X;"),
            ("tests/more.rs", "use crate::a::X;"),
        ]);
        assert_eq!(files.all.len(), 2);
        assert!(arrows(&files).is_empty());
    }

    #[test]
    fn a_circle_is_found_and_the_arrow_that_is_named_least_is_to_be_cut() {
        let files = files(&[
            ("lib.rs", "mod a; mod b; mod c;"),
            ("a.rs", "use crate::b::X;\nuse crate::b::Y;"),
            ("b.rs", "\nuse crate::a::Z;"),
            ("c.rs", "use crate::a::Z;"),
        ]);
        assert_eq!(files.circles(), [[1, 2]]);
        assert_eq!(files.cuts(&[1, 2]), ["b.rs:2 → a.rs (`crate::a::Z`, named 1×)"]);
    }
}
