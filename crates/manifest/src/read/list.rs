//! Lists: patterns, subscriptions, codecs, and what WASI is asked for.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::ops::Range;

use castcall_codec::Codec;
use castcall_core::{ComponentId, FormError, Pattern, TargetPattern};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{Entries, MAX_NAME, Reader, type_of};
use crate::MAX_LIST;
use crate::component::Subscription;
use crate::keys::Kind;
use crate::problem::ProblemKind;
use crate::suggest::closest;
use crate::wasi::{Access, Folder};

impl Reader {
    /// A list of strings of which `read` makes something; neither empty nor with anything twice.
    fn list<T: Ord>(
        &mut self,
        entries: &Entries<'_>,
        name: &str,
        mut read: impl FnMut(&mut Self, &Spanned<DeValue<'_>>) -> Option<T>,
    ) -> Option<Vec<T>> {
        let value = entries.find(name)?;
        let DeValue::Array(list) = value.get_ref() else {
            return self.mistyped(entries, name, value);
        };
        let path = entries.path_of(name);
        if list.is_empty() || list.len() > MAX_LIST {
            let (kind, message) = if list.is_empty() {
                (ProblemKind::Empty, format!("`{path}` is an empty list"))
            } else {
                (ProblemKind::TooMany, format!("`{path}` has {} entries", list.len()))
            };
            let problem = self
                .problem(kind, Some(value.span()), message)
                .expected(format!("1 to {MAX_LIST} entries"));
            let leave_out = format!("leave `{name}` out");
            self.note(problem.suggest(list.is_empty().then_some(leave_out)));
            return None;
        }
        let mut found = Vec::new();
        for item in list.iter() {
            let read = read(self, item);
            found.extend(read.map(|read| (read, item.span())));
        }
        let mut seen = BTreeSet::new();
        for (read, span) in &found {
            if !seen.insert(read) {
                let message = format!("`{path}` says this twice");
                let problem =
                    self.problem(ProblemKind::DuplicateEntry, Some(span.clone()), message);
                self.note(problem.suggest("remove one of the two".to_owned()));
            }
        }
        Some(found.into_iter().map(|(read, _)| read).collect())
    }

    /// An entry of a list, which must be a string.
    fn entry<'a>(
        &mut self,
        value: &'a Spanned<DeValue<'_>>,
        expected: &str,
    ) -> Option<(&'a str, Range<usize>)> {
        if let DeValue::String(text) = value.get_ref() {
            return Some((text, value.span()));
        }
        let message = format!("the entry is {}", type_of(value.get_ref()));
        let problem = self.problem(ProblemKind::WrongType, Some(value.span()), message);
        self.note(problem.expected(expected));
        None
    }

    fn formed<T, E: Display>(
        &mut self,
        read: Result<T, E>,
        span: Range<usize>,
        what: &str,
        form: &str,
    ) -> Option<T> {
        match read {
            Ok(read) => Some(read),
            Err(reason) => {
                let message = format!("this is no {what}: {reason}");
                let problem = self.problem(ProblemKind::Malformed, Some(span), message);
                self.note(problem.expected(form));
                None
            }
        }
    }

    fn topic_pattern(&mut self, text: &str, span: Range<usize>) -> Option<Pattern> {
        let read = Pattern::new(text).map_err(|error| error.reason);
        let form = "segments of A-Z a-z 0-9 _ -, or *, joined by .";
        self.formed(read, span, "topic pattern", form)
    }

    pub(crate) fn topics(&mut self, entries: &Entries<'_>, name: &str) -> Option<Vec<Pattern>> {
        self.list(entries, name, |reader, value| {
            let (text, span) = reader.entry(value, "a topic pattern, as \"orders.*\"")?;
            reader.topic_pattern(text, span)
        })
    }

    pub(crate) fn targets(
        &mut self,
        entries: &Entries<'_>,
        name: &str,
    ) -> Option<Vec<TargetPattern>> {
        self.list(entries, name, |reader, value| {
            let (text, span) = reader.entry(value, "a target pattern, as \"shop/*\"")?;
            let read = TargetPattern::new(text).map_err(|error| error.reason);
            let form = "segments of A-Z a-z 0-9 _ -, or *, joined by /";
            reader.formed(read, span, "target pattern", form)
        })
    }

    pub(crate) fn codecs(&mut self, entries: &Entries<'_>, name: &str) -> Option<Vec<Codec>> {
        self.list(entries, name, |reader, value| {
            let (text, span) = reader.entry(value, &Kind::Codec.expected())?;
            reader.codec_named(text, span)
        })
    }

    pub(crate) fn subscriptions(
        &mut self,
        entries: &Entries<'_>,
        name: &str,
    ) -> Option<Vec<Subscription>> {
        self.list(entries, name, |reader, value| match value.get_ref() {
            DeValue::Table(table) => reader.group_subscription(table, value.span()),
            _ => {
                let expected =
                    "a topic pattern, or { pattern = \"orders.*\", group = \"workers\" }";
                let (text, span) = reader.entry(value, expected)?;
                Some(Subscription { pattern: reader.topic_pattern(text, span)?, group: None })
            }
        })
    }

    fn group_subscription(
        &mut self,
        table: &DeTable<'_>,
        span: Range<usize>,
    ) -> Option<Subscription> {
        let [pattern, group] = self.fields(table, span, ["pattern", "group"], 1)?;
        let (text, span) = self.entry(pattern?, "a topic pattern, as \"orders.*\"")?;
        let pattern = self.topic_pattern(text, span)?;
        let Some(group) = group else { return Some(Subscription { pattern, group: None }) };
        let (text, span) = self.entry(group, "the name of a group")?;
        // A group's name is one segment of an id.
        let read = match (text.find('/'), ComponentId::new(text)) {
            (Some(at), _) => Err(FormError::BadCharacter { at, found: '/' }),
            (None, read) => read.map(|_| text.to_owned()).map_err(|error| error.reason),
        };
        let group = self.formed(read, span, "name of a group", "1 to 128 of A-Z a-z 0-9 _ -")?;
        Some(Subscription { pattern, group: Some(group) })
    }

    /// The values of a small table in a list, of which the first so many must be there.
    fn fields<'t, 'i, const N: usize>(
        &mut self,
        table: &'t DeTable<'i>,
        span: Range<usize>,
        names: [&'static str; N],
        required: usize,
    ) -> Option<[Option<&'t Spanned<DeValue<'i>>>; N]> {
        for (key, _) in table {
            if !names.contains(&key.get_ref().as_ref()) {
                let known: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
                let meant = closest(key.get_ref(), names.into_iter());
                let problem = self
                    .problem(ProblemKind::UnknownKey, Some(key.span()), "there is no such key here")
                    .expected(format!("one of {}", known.join(", ")))
                    .suggest(meant.map(|name| format!("did you mean `{name}`?")));
                self.note(problem);
            }
        }
        let fields = names.map(|name| table.get(name));
        for (name, field) in names.into_iter().zip(fields).take(required) {
            if field.is_none() {
                let message = format!("`{name}` is missing");
                let problem = self.problem(ProblemKind::MissingKey, Some(span.clone()), message);
                self.note(problem.suggest(format!("add `{name} = \"…\"`")));
            }
        }
        fields[..required].iter().all(Option::is_some).then_some(fields)
    }

    /// Names alone stand for the host's values.
    pub(crate) fn environment(
        &mut self,
        entries: &Entries<'_>,
        name: &str,
    ) -> Option<BTreeMap<String, Option<String>>> {
        let value = entries.find(name)?;
        let mut environment = BTreeMap::new();
        match value.get_ref() {
            DeValue::Table(table) => {
                let settings = self.settings(entries, name)?;
                for (key, _) in table {
                    if let Some(text) = settings.get(key.get_ref().as_ref())
                        && let Some(key) = self.variable(key.get_ref(), key.span())
                    {
                        environment.insert(key, Some(text.clone()));
                    }
                }
            }
            _ => {
                let names = self.list(entries, name, |reader, value| {
                    let (text, span) = reader.entry(value, "a name")?;
                    reader.variable(text, span)
                })?;
                environment.extend(names.into_iter().map(|name| (name, None)));
            }
        }
        Some(environment)
    }

    fn variable(&mut self, name: &str, span: Range<usize>) -> Option<String> {
        if name.is_empty() || name.len() > MAX_NAME || name.contains(['=', '\0']) {
            let message = "no environment variable has such a name";
            let problem = self.problem(ProblemKind::Malformed, Some(span), message);
            self.note(problem.expected(format!("1 to {MAX_NAME} bytes, without =")));
            return None;
        }
        Some(name.to_owned())
    }

    pub(crate) fn folders(&mut self, entries: &Entries<'_>, name: &str) -> Option<Vec<Folder>> {
        let Kind::Folders(section) = entries.kind(name)? else { return None };
        let mut guests = BTreeMap::new();
        let path = entries.path_of(name);
        self.list(entries, name, |reader, value| {
            let DeValue::Table(table) = value.get_ref() else {
                let message = format!("the entry is {}", type_of(value.get_ref()));
                let problem = reader.problem(ProblemKind::WrongType, Some(value.span()), message);
                reader.note(problem.expected("{ host = \"data\", guest = \"/data\" }"));
                return None;
            };
            let entries = reader.open(table, Some(value.span()), path.clone(), vec![section]);
            let host = reader.path(&entries, "host");
            let guest = reader.text(&entries, "guest");
            let access = match reader.word(&entries, "access") {
                Some("read-write") => Access::ReadWrite,
                _ => Access::ReadOnly,
            };
            let guest = guest?;
            let span = entries.whereabouts(&["guest"]);
            if !guest.starts_with('/') || guest.contains('\0') {
                let message = "the guest's path does not begin with /";
                let problem = reader.problem(ProblemKind::Malformed, span, message);
                reader.note(problem.expected("an absolute path, as \"/data\""));
                return None;
            }
            if guests.insert(guest.clone(), ()).is_some() {
                let message = format!("two folders are to be {guest:?}");
                let problem = reader.problem(ProblemKind::Contradiction, span, message);
                reader.note(problem.expected("one folder for each path of the guest"));
                return None;
            }
            Some(Folder { host: host?, guest, access })
        })
    }
}
