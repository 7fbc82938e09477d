//! Texts, each kept once.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

/// Texts of records are at most 256 bytes; what claims to be longer is cut.
const LONGEST: usize = 256;

/// A text of a recording, as a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Name(u32);

/// The texts of a recording.
#[derive(Debug, Default)]
pub(crate) struct Names {
    texts: Vec<Arc<str>>,
    numbers: HashMap<Arc<str>, Name>,
    bytes: usize,
}

impl Names {
    pub(crate) fn add(&mut self, text: &str) -> Name {
        let text = &*shown(cut(text));
        if let Some(&name) = self.numbers.get(text) {
            return name;
        }
        // Each line has few, and lines are limited.
        let name = Name(u32::try_from(self.texts.len()).unwrap_or(u32::MAX));
        let text: Arc<str> = text.into();
        self.bytes += text.len();
        self.texts.push(text.clone());
        self.numbers.insert(text, name);
        name
    }

    pub(crate) fn get(&self, name: Name) -> &str {
        self.texts.get(name.0 as usize).map_or("", |text| text)
    }

    pub(crate) fn find(&self, text: &str) -> Option<Name> {
        self.numbers.get(&*shown(cut(text))).copied()
    }

    /// The bytes of all texts.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }
}

/// As much of it as has 256 bytes.
pub(crate) fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(LONGEST)]
}

/// The same, without what would move or hide other text.
pub(crate) fn shown(text: &str) -> Cow<'_, str> {
    if text.contains(is_hidden) { text.replace(is_hidden, "\u{fffd}").into() } else { text.into() }
}

/// Whether a character is a control, turns the direction of writing, or has no width.
fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_move_other_text_is_not_kept() {
        let mut names = Names::default();
        let name = names.add("a\u{202e}b\nc\u{feff}\u{85}");
        assert_eq!(names.get(name), "a\u{fffd}b\u{fffd}c\u{fffd}\u{fffd}");
    }

    #[test]
    fn a_text_is_kept_once_and_cut_between_characters() {
        let mut names = Names::default();
        let one = names.add("shop/stock");
        assert_eq!(names.add("shop/stock"), one);
        assert_eq!((names.get(one), names.bytes()), ("shop/stock", 10));
        assert_eq!((names.find("shop/stock"), names.find("shop")), (Some(one), None));

        let long = names.add(&"ä".repeat(200));
        assert_eq!(names.get(long), "ä".repeat(128));
        let odd = names.add(&format!("x{}", "ä".repeat(200)));
        assert_eq!(names.get(odd).len(), 255);
    }
}
