//! Reads a manifest's tree by the table of keys, and notes everything that is wrong on the way.

mod list;
mod number;
mod text;

pub(crate) use text::MAX_NAME;

use std::ops::Range;
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::error::{ManifestError, Problems};
use crate::keys::{Key, Kind, Section};
use crate::problem::{Problem, ProblemKind};
use crate::source::Source;
use crate::suggest;

/// Reads one file.
pub(crate) struct Reader {
    pub(crate) source: Arc<Source>,
    pub(crate) problems: Problems,
    /// The table that the file is.
    root: &'static Section,
}

/// A table that is being read.
pub(crate) struct Entries<'a> {
    table: &'a DeTable<'a>,
    /// Its header; absent for the file itself.
    pub(crate) span: Option<Range<usize>>,
    sections: Vec<&'static Section>,
    /// The names of the tables around it and its own, joined by dots.
    path: String,
}

impl<'a> Entries<'a> {
    fn find(&self, name: &str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.table.get(name)
    }

    /// The kind of one of its keys.
    fn kind(&self, name: &str) -> Option<Kind> {
        self.sections.iter().find_map(|section| section.key(name)).map(|key| key.kind)
    }

    /// A key of it, as one writes it from the root.
    pub(crate) fn path_of(&self, name: &str) -> String {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
        let name = if !name.is_empty() && name.chars().all(plain) {
            name.to_owned()
        } else {
            format!("{:?}", &name[..name.floor_char_boundary(64)])
        };
        if self.path.is_empty() { name } else { format!("{}.{name}", self.path) }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// Where the value stands that a path of keys leads to, if it is there.
    pub(crate) fn written(&self, path: &[&str]) -> Option<Range<usize>> {
        let (last, tables) = path.split_last()?;
        let mut table = self.table;
        for name in tables {
            table = table.get(*name)?.get_ref().as_table()?;
        }
        table.get(*last).map(Spanned::span)
    }

    /// Where to point to for such a path: the value, or else this table.
    pub(crate) fn whereabouts(&self, path: &[&str]) -> Option<Range<usize>> {
        self.written(path).or_else(|| self.span.clone())
    }
}

impl Reader {
    pub(crate) fn new(source: Arc<Source>, root: &'static Section) -> Self {
        Self { source, problems: Problems::default(), root }
    }

    /// Reads the file with `read`, if it is TOML: what that makes of it and the warnings, or
    /// everything that is wrong. What `read` makes of a file with faults is for nobody.
    pub(crate) fn document<T>(
        mut self,
        read: impl FnOnce(&mut Self, &Entries<'_>) -> T,
    ) -> Result<(T, Vec<Problem>), ManifestError> {
        let source = self.source.clone();
        let (tree, errors) = DeTable::parse_recoverable(&source.text);
        let mut garbled = false;
        for error in errors {
            let span = error.span();
            if error.message() == "duplicate key" {
                let message = "this key stands here for the second time";
                let problem = self.problem(ProblemKind::DuplicateKey, span, message);
                self.note(problem.suggest("remove one of the two".to_owned()));
            } else {
                garbled = true;
                // The parser's words: `what is wrong, expected this or that`.
                let (message, expected) = error
                    .message()
                    .split_once(", expected ")
                    .map_or((error.message(), None), |(message, rest)| (message, Some(rest)));
                let message = format!("this is no TOML: {message}");
                let mut problem = self.problem(ProblemKind::Syntax, span, message);
                problem.expected = expected.map(str::to_owned);
                self.note(problem);
            }
        }
        if garbled {
            return Err(self.problems.into_error(&source.file));
        }
        let sections = vec![self.root];
        let entries = self.open(tree.get_ref(), None, String::new(), sections);
        let read = read(&mut self, &entries);
        self.problems.finish(&source.file).map(|warnings| (read, warnings))
    }

    /// A problem of this file, to be noted when everything has been said of it.
    pub(crate) fn problem(
        &self,
        kind: ProblemKind,
        span: Option<Range<usize>>,
        message: impl Into<String>,
    ) -> Problem {
        Problem::new(&self.source, kind, span, message)
    }

    pub(crate) fn note(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    /// Begins to read a table that has the keys of `sections`. Those that the first can't do
    /// without must be there.
    fn open<'a>(
        &mut self,
        table: &'a DeTable<'a>,
        span: Option<Range<usize>>,
        path: String,
        sections: Vec<&'static Section>,
    ) -> Entries<'a> {
        let entries = Entries { table, span, sections, path };
        for (name, _) in table {
            if entries.kind(name.get_ref()).is_none() {
                self.unknown_key(&entries, name);
            }
        }
        let first = entries.sections.first().map_or(&[][..], |section| section.keys);
        for key in first.iter().filter(|key| key.is_required()) {
            if !table.contains_key(key.name) {
                let message = format!("`{}` is missing", entries.path_of(key.name));
                let example = format!("{} = {}", key.name, key.example);
                let problem = self
                    .problem(ProblemKind::MissingKey, entries.span.clone(), message)
                    .expected(key.kind.expected())
                    .suggest(format!("write `{example}`"));
                self.note(problem);
            }
        }
        entries
    }

    fn unknown_key(&mut self, entries: &Entries<'_>, name: &Spanned<std::borrow::Cow<'_, str>>) {
        if self.problems.are_full() {
            return self.problems.omit();
        }
        let known: Vec<_> = entries.sections.iter().flat_map(|section| section.keys).collect();
        let known: Vec<_> = known.iter().map(|key: &&Key| format!("`{}`", key.name)).collect();
        let homes = || {
            let sections = [&[self.root], &entries.sections[..]].concat();
            let homes: Vec<_> =
                sections.iter().flat_map(|root| root.homes(name.get_ref())).collect();
            homes.first().map(|home| format!("it belongs in `[{home}]`"))
        };
        let meant = suggest::key(name.get_ref(), &entries.sections);
        let suggestion = match meant {
            Some(key) => Some(format!("did you mean `{key}`?")),
            None => homes(),
        };
        let message = format!("there is no key `{}`", entries.path_of(name.get_ref()));
        let problem = self
            .problem(ProblemKind::UnknownKey, Some(name.span()), message)
            .expected(format!("one of {}", known.join(", ")))
            .suggest(suggestion);
        self.note(problem);
    }

    /// A table below `entries`, if it is there.
    pub(crate) fn table<'a>(&mut self, entries: &Entries<'a>, name: &str) -> Option<Entries<'a>> {
        let (Kind::Table(section), value) = (entries.kind(name)?, entries.find(name)?) else {
            return None;
        };
        let path = entries.path_of(name);
        match value.get_ref() {
            DeValue::Table(table) => {
                Some(self.open(table, Some(value.span()), path, vec![section]))
            }
            _ => self.mistyped(entries, name, value),
        }
    }

    /// The tables by name below `entries`, in the order in which they stand there, which may have
    /// the keys of `more` too.
    pub(crate) fn tables<'a>(
        &mut self,
        entries: &Entries<'a>,
        name: &str,
        more: Option<&'static Section>,
    ) -> Vec<(&'a str, Range<usize>, Entries<'a>)> {
        let (Some(Kind::Tables(section, _)), Some(value)) =
            (entries.kind(name), entries.find(name))
        else {
            return Vec::new();
        };
        let DeValue::Table(tables) = value.get_ref() else {
            self.mistyped::<()>(entries, name, value);
            return Vec::new();
        };
        let around = Entries {
            table: tables,
            span: Some(value.span()),
            sections: Vec::new(),
            path: entries.path_of(name),
        };
        let mut found = Vec::new();
        for (name, value) in tables {
            let path = around.path_of(name.get_ref());
            if let DeValue::Table(table) = value.get_ref() {
                let sections = std::iter::once(section).chain(more).collect();
                let entries = self.open(table, Some(value.span()), path, sections);
                found.push((name.get_ref().as_ref(), name.span(), entries));
            } else {
                let message = format!("`{path}` is {}", type_of(value.get_ref()));
                let problem = self.problem(ProblemKind::WrongType, Some(value.span()), message);
                self.note(problem.expected("a table"));
            }
        }
        found.sort_by_key(|(_, span, _): &(_, Range<usize>, _)| span.start);
        found
    }

    /// Notes that a value is of the wrong type.
    fn mistyped<T>(
        &mut self,
        entries: &Entries<'_>,
        name: &str,
        value: &Spanned<DeValue<'_>>,
    ) -> Option<T> {
        let message = format!("`{}` is {}", entries.path_of(name), type_of(value.get_ref()));
        let mut problem = self.problem(ProblemKind::WrongType, Some(value.span()), message);
        if let Some(kind) = entries.kind(name) {
            let suggestion = other_type(kind, value.get_ref());
            problem = problem.expected(kind.expected()).suggest(suggestion);
        }
        self.note(problem);
        None
    }
}

/// How a value of the wrong type might be put right.
fn other_type(kind: Kind, value: &DeValue<'_>) -> Option<String> {
    match (kind, value) {
        (Kind::Count(..) | Kind::Flag | Kind::Fraction, DeValue::String(text)) => {
            let bare = text.parse::<f64>().is_ok() || matches!(&**text, "true" | "false");
            (bare && text.len() < 32).then(|| format!("write it without quotes: {text}"))
        }
        (Kind::Duration(..), DeValue::Integer(number)) if number.radix() == 10 => {
            let number = number.as_str().trim_start_matches('+');
            (number.len() < 20).then(|| format!("write \"{number}ms\" or \"{number}s\""))
        }
        (Kind::Text(_), DeValue::Integer(_) | DeValue::Float(_) | DeValue::Boolean(_)) => {
            Some("write it in quotes".into())
        }
        (
            Kind::Codecs | Kind::Topics | Kind::Targets | Kind::Subscriptions | Kind::Environment,
            DeValue::String(text),
        ) => (text.len() < 64).then(|| format!("write [{:?}]", &**text)),
        (Kind::Tables(..), DeValue::Array(_)) => Some("write `[components.NAME]`".into()),
        _ => None,
    }
}

pub(crate) fn type_of(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
