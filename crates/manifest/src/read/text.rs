//! Strings: words, ids, paths.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;

use castcall_codec::Codec;
use castcall_core::ComponentId;
use toml::Spanned;
use toml::de::DeValue;

use super::{Entries, Reader, type_of};
use crate::keys::Kind;
use crate::keys::describe::codecs;
use crate::problem::ProblemKind;
use crate::suggest::closest;

/// The longest name of a setting or an environment variable, in bytes.
pub(crate) const MAX_NAME: usize = 256;

impl Reader {
    fn string<'a>(&mut self, entries: &Entries<'a>, name: &str) -> Option<(&'a str, Range<usize>)> {
        let value = entries.find(name)?;
        match value.get_ref() {
            DeValue::String(text) => Some((text, value.span())),
            _ => self.mistyped(entries, name, value),
        }
    }

    pub(crate) fn text(&mut self, entries: &Entries<'_>, name: &str) -> Option<String> {
        let (text, span) = self.string(entries, name)?;
        let Some(Kind::Text(limit)) = entries.kind(name) else { return None };
        if text.len() > limit {
            let message = format!("`{}` is too long", entries.path_of(name));
            let problem = self.problem(ProblemKind::OutOfRange, Some(span), message);
            self.note(problem.expected(Kind::Text(limit).expected()));
            return None;
        }
        Some(text.to_owned())
    }

    pub(crate) fn flag(&mut self, entries: &Entries<'_>, name: &str) -> Option<bool> {
        let value = entries.find(name)?;
        match value.get_ref() {
            DeValue::Boolean(flag) => Some(*flag),
            _ => self.mistyped(entries, name, value),
        }
    }

    /// One of the words that the key knows, and which of them.
    pub(crate) fn word(&mut self, entries: &Entries<'_>, name: &str) -> Option<&'static str> {
        let (text, span) = self.string(entries, name)?;
        let Some(Kind::Word(words)) = entries.kind(name) else { return None };
        let word = words.iter().copied().find(|word| *word == text);
        if word.is_none() {
            let message = format!("`{}` knows no such word", entries.path_of(name));
            let meant = closest(text, words.iter().copied());
            let problem = self
                .problem(ProblemKind::UnknownWord, Some(span), message)
                .expected(Kind::Word(words).expected())
                .suggest(meant.map(|word| format!("did you mean \"{word}\"?")));
            self.note(problem);
        }
        word
    }

    pub(crate) fn codec(&mut self, entries: &Entries<'_>, name: &str) -> Option<Codec> {
        let (text, span) = self.string(entries, name)?;
        self.codec_named(text, span)
    }

    pub(super) fn codec_named(&mut self, text: &str, span: Range<usize>) -> Option<Codec> {
        let codec = text.parse().ok();
        if codec.is_none() {
            let meant = closest(text, codecs());
            let problem = self
                .problem(ProblemKind::UnknownWord, Some(span), "there is no such codec")
                .expected(Kind::Codec.expected())
                .suggest(meant.map(|codec| format!("did you mean \"{codec}\"?")));
            self.note(problem);
        }
        codec
    }

    /// A component's id, which can't be a reserved one.
    pub(crate) fn id(&mut self, entries: &Entries<'_>, name: &str) -> Option<ComponentId> {
        let (text, span) = self.string(entries, name)?;
        let id = self.any_id(text, span.clone())?;
        if id.is_reserved() {
            let message = format!("the id `{id}` is reserved");
            let problem = self
                .problem(ProblemKind::ReservedId, Some(span), message)
                .expected("another id than `host` and `cli`");
            self.note(problem);
            return None;
        }
        Some(id)
    }

    pub(crate) fn any_id(&mut self, text: &str, span: Range<usize>) -> Option<ComponentId> {
        match ComponentId::new(text) {
            Ok(id) => Some(id),
            Err(error) => {
                let message = format!("this is no component id: {}", error.reason);
                let expected = "segments of A-Z a-z 0-9 _ -, joined by /";
                let problem = self.problem(ProblemKind::Malformed, Some(span), message);
                self.note(problem.expected(expected));
                None
            }
        }
    }

    /// A path, as seen from where the reader is.
    pub(crate) fn path(&mut self, entries: &Entries<'_>, name: &str) -> Option<PathBuf> {
        let (text, span) = self.string(entries, name)?;
        let fault = match text {
            "" => "is empty",
            _ if text.contains('\0') => "contains a NUL",
            _ => return Some(self.source.folder().join(text)),
        };
        let message = format!("`{}` {fault}", entries.path_of(name));
        let problem = self.problem(ProblemKind::Malformed, Some(span), message);
        self.note(problem.expected(Kind::Path.expected()));
        None
    }

    /// A table of any names, each with a string.
    pub(crate) fn settings(
        &mut self,
        entries: &Entries<'_>,
        name: &str,
    ) -> Option<BTreeMap<String, String>> {
        let value = entries.find(name)?;
        let DeValue::Table(table) = value.get_ref() else {
            return self.mistyped(entries, name, value);
        };
        let mut settings = BTreeMap::new();
        for (key, value) in table {
            let within = format!("{}.{}", entries.path_of(name), key.get_ref());
            if key.get_ref().is_empty() || key.get_ref().len() > MAX_NAME {
                let message = "the name of a setting is empty, or too long";
                let problem = self.problem(ProblemKind::OutOfRange, Some(key.span()), message);
                self.note(problem.expected(format!("a name of 1 to {MAX_NAME} bytes")));
            } else if let DeValue::String(text) = value.get_ref() {
                settings.insert(key.get_ref().to_string(), text.to_string());
            } else {
                let message = format!("`{within}` is {}", type_of(value.get_ref()));
                let problem = self
                    .problem(ProblemKind::WrongType, Some(value.span()), message)
                    .expected("a string")
                    .suggest(self.quoted(value));
                self.note(problem);
            }
        }
        Some(settings)
    }

    /// A scalar in quotes, as it was probably meant.
    fn quoted(&self, value: &Spanned<DeValue<'_>>) -> Option<String> {
        let written = self.source.text.get(value.span())?;
        let scalar = !value.get_ref().is_array() && !value.get_ref().is_table();
        (scalar && written.len() < 64).then(|| format!("write {written:?}"))
    }
}
