//! What a key takes, in words.

use castcall_codec::Codec;

use super::Kind;
use crate::scalar::{grouped, show_duration, show_size};

impl Kind {
    /// What must stand there: follows `expected`.
    pub(crate) fn expected(self) -> String {
        match self {
            Self::Id => "a component id, as \"shop/orders\"".into(),
            Self::Path => "a path".into(),
            Self::Text(limit) => format!("a string of at most {} bytes", grouped(limit as u64)),
            Self::Flag => "true or false".into(),
            Self::Count(min, max) => {
                format!("a whole number from {} to {}", grouped(min), grouped(max))
            }
            Self::Size(min, max) => {
                let (min, max) = (show_size(min), show_size(max));
                format!("a size from {min} to {max}, as 1048576 or \"1 MiB\"")
            }
            Self::Duration(min, max) => {
                let (min, max) = (show_duration(min), show_duration(max));
                format!("a duration from {min} to {max}, as \"500ms\"")
            }
            Self::Fraction => "a number from 0 to 1".into(),
            Self::Word(words) => format!("one of {}", listed(words.iter().copied())),
            Self::Codec => format!("one of {}", listed(codecs())),
            Self::Codecs => format!("a list of {}", listed(codecs())),
            Self::Topics => "a list of topic patterns, as [\"orders.*\"]".into(),
            Self::Targets => "a list of target patterns, as [\"shop/*\"]".into(),
            Self::Subscriptions => {
                "a list of topic patterns, each as \"orders.*\" or { pattern = \"orders.*\", \
                 group = \"workers\" }"
                    .into()
            }
            Self::Settings => "a table of strings, as { key = \"value\" }".into(),
            Self::Environment => {
                "a list of names, as [\"LANG\"], or a table of strings, as { LANG = \"C\" }".into()
            }
            Self::Folders(_) => {
                "a list of folders, as [{ host = \"data\", guest = \"/data\" }]".into()
            }
            Self::Table(_) => "a table".into(),
            Self::Tables(..) => "a table of tables".into(),
        }
    }
}

pub(crate) fn codecs() -> impl Iterator<Item = &'static str> {
    Codec::ALL.into_iter().map(Codec::name)
}

fn listed<'a>(words: impl Iterator<Item = &'a str>) -> String {
    words.map(|word| format!("{word:?}")).collect::<Vec<_>>().join(", ")
}
