//! All that is wrong with a manifest.

use std::fmt;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::problem::{Problem, Severity};

/// How many errors are reported at most; what is wrong besides is counted.
pub(crate) const MAX_PROBLEMS: usize = 64;

/// Why a manifest is refused: everything that is wrong with it and with the manifests that it
/// names, not only what was found first.
///
/// Shown with `{}`, it is one line that names the first problem; [`render`](Self::render) shows
/// them all, as a compiler does.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub struct ManifestError {
    /// The manifest that was to be read.
    pub file: PathBuf,
    /// What is wrong, by file and place: 1 to 64 errors, and among them at most 64 warnings.
    pub problems: Vec<Problem>,
    /// How many more errors were found.
    pub omitted: usize,
}

impl ManifestError {
    /// All problems as a compiler shows them: each over several lines, with the offending text
    /// underlined, then how many there are.
    #[must_use]
    pub fn render(&self) -> String {
        self.report(Problem::render)
    }

    /// The same in colours, as ANSI escape codes.
    #[must_use]
    pub fn render_coloured(&self) -> String {
        self.report(Problem::render_coloured)
    }

    fn report(&self, render: impl Fn(&Problem) -> String) -> String {
        let mut report = String::new();
        for problem in &self.problems {
            report += &render(problem);
            report += "\n\n";
        }
        let errors = self.errors().count() + self.omitted;
        let problems = if errors == 1 { "1 error".into() } else { format!("{errors} errors") };
        report += &format!("{}: {problems}", self.file.display());
        if self.omitted > 0 {
            report += &format!(", of which {} are not shown", self.omitted);
        }
        report.push('\n');
        report
    }

    fn errors(&self) -> impl Iterator<Item = &Problem> {
        self.problems.iter().filter(|problem| problem.severity == Severity::Error)
    }
}

impl fmt::Display for ManifestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.errors().next() {
            Some(first) => first.fmt(f)?,
            None => write!(f, "{}: refused", self.file.display())?,
        }
        match self.errors().count().saturating_sub(1) + self.omitted {
            0 => Ok(()),
            1 => f.write_str(" (and one more error)"),
            more => write!(f, " (and {more} more errors)"),
        }
    }
}

/// The problems found so far.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    errors: Vec<Problem>,
    warnings: Vec<Problem>,
    /// Errors beyond those that are kept.
    omitted: usize,
}

impl Problems {
    pub(crate) fn push(&mut self, problem: Problem) {
        match problem.severity {
            Severity::Warning => self.warnings.push(problem),
            Severity::Error if self.are_full() => self.omit(),
            Severity::Error => self.errors.push(problem),
        }
    }

    /// Takes over what is wrong with another manifest.
    pub(crate) fn extend(&mut self, error: ManifestError) {
        error.problems.into_iter().for_each(|problem| self.push(problem));
        self.omitted += error.omitted;
    }

    /// Whether further errors are only counted.
    pub(crate) fn are_full(&self) -> bool {
        self.errors.len() >= MAX_PROBLEMS
    }

    /// Counts an error of which nothing is said.
    pub(crate) fn omit(&mut self) {
        self.omitted += 1;
    }

    /// How many errors there are; warnings don't count.
    pub(crate) fn errors(&self) -> usize {
        self.errors.len() + self.omitted
    }

    /// The warnings, if nothing is worse than that.
    pub(crate) fn finish(mut self, file: &Path) -> Result<Vec<Problem>, ManifestError> {
        if self.errors() > 0 {
            return Err(self.into_error(file));
        }
        sort(&mut self.warnings);
        Ok(self.warnings)
    }

    pub(crate) fn into_error(self, file: &Path) -> ManifestError {
        let mut problems = self.errors;
        problems.extend(self.warnings.into_iter().take(MAX_PROBLEMS));
        sort(&mut problems);
        ManifestError { file: file.to_owned(), problems, omitted: self.omitted }
    }
}

fn sort(problems: &mut [Problem]) {
    problems.sort_by(|one, other| one.order().cmp(&other.order()));
}

impl From<Problem> for ManifestError {
    fn from(problem: Problem) -> Self {
        Self { file: problem.file.clone(), problems: vec![problem], omitted: 0 }
    }
}
