//! What somebody probably meant.

use strsim::damerau_levenshtein;

use crate::keys::Section;

/// Longer words are no typing mistakes, and would cost much to compare.
const MAX_WORD: usize = 64;

/// The candidate that a misspelt word is closest to, if it is close.
pub(crate) fn closest<'a>(
    word: &str,
    candidates: impl Iterator<Item = &'a str>,
) -> Option<&'a str> {
    if word.len() > MAX_WORD {
        return None;
    }
    let word = normal(word);
    let tolerated = (word.chars().count() / 3).max(1);
    candidates
        .map(|candidate| (damerau_levenshtein(&word, &normal(candidate)), candidate))
        .filter(|(distance, _)| *distance <= tolerated)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// The key of one of these tables that an unknown one was probably meant to be.
pub(crate) fn key(name: &str, sections: &[&'static Section]) -> Option<&'static str> {
    let keys = || sections.iter().flat_map(|section| section.keys);
    let spelt = normal(name);
    let misnamed = keys().find(|key| key.misnomers.contains(&spelt.as_str()));
    misnamed.map(|key| key.name).or_else(|| closest(name, keys().map(|key| key.name)))
}

/// Case, and what joins words, are nobody's point.
fn normal(word: &str) -> String {
    word.to_lowercase().replace(['_', ' '], "-")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::component::COMPONENT;

    #[test]
    fn close_words_are_found() {
        let words = ["reject", "drop-newest", "drop-oldest"];
        let found = |word| closest(word, words.into_iter());
        assert_eq!(found("rejct"), Some("reject"));
        assert_eq!(found("Reject"), Some("reject"));
        assert_eq!(found("DROP_NEWEST"), Some("drop-newest"));
        assert_eq!(found("dorp-oldest"), Some("drop-oldest"));
        assert_eq!(found("block"), None);
        assert_eq!(found(""), None);
        assert_eq!(found(&"reject".repeat(100_000)), None);
    }

    #[test]
    fn keys_are_found_by_what_people_call_them() {
        assert_eq!(key("mailbx", &[&COMPONENT]), Some("mailbox"));
        assert_eq!(key("Permissions", &[&COMPONENT]), Some("capabilities"));
        assert_eq!(key("zzz", &[&COMPONENT]), None);
    }
}
