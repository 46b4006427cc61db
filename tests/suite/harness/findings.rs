use std::fmt::Write as _;

/// What a sweep found wrong, told together at its end.
#[derive(Debug, Default)]
pub(crate) struct Findings(Vec<String>);

impl Findings {
    /// Nothing found yet.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Notes what is wrong unless it holds.
    pub(crate) fn check(&mut self, holds: bool, wrong: impl FnOnce() -> String) {
        if !holds {
            self.0.push(wrong());
        }
    }

    /// Notes what is wrong, if anything is; `about` says where.
    pub(crate) fn note(&mut self, about: &str, wrong: Option<String>) {
        if let Some(wrong) = wrong {
            self.0.push(format!("{about}: {wrong}"));
        }
    }

    /// Fails with everything that was found.
    #[track_caller]
    pub(crate) fn finish(self) {
        let mut told = String::new();
        for (number, finding) in self.0.iter().enumerate() {
            write!(told, "\n{:3}. {finding}", number + 1).expect("a String takes any text");
        }
        assert!(self.0.is_empty(), "{} findings:{told}", self.0.len());
    }
}
