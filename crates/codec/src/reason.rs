//! What a codec says of a fault, cut to a length that a log bears.

use alloc::boxed::Box;
use alloc::string::String;
use core::fmt::{self, Write};

use crate::{Codec, DecodeError, EncodeError, MAX_REASON};

impl EncodeError {
    pub(crate) fn unrepresentable(codec: Codec, reason: impl fmt::Display) -> Self {
        Self::Unrepresentable { codec, reason: cut(reason) }
    }
}

impl DecodeError {
    pub(crate) fn invalid(codec: Codec, reason: impl fmt::Display) -> Self {
        Self::Invalid { codec, reason: cut(reason) }
    }
}

/// The first [`MAX_REASON`] bytes or so.
fn cut(reason: impl fmt::Display) -> Box<str> {
    struct Short(String);

    impl Write for Short {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            let room = MAX_REASON - self.0.len();
            let fits = text.floor_char_boundary(room);
            self.0.push_str(&text[..fits]);
            if fits < text.len() { Err(fmt::Error) } else { Ok(()) }
        }
    }

    let mut short = Short(String::new());
    // The error says only that it was cut.
    let _ = write!(short, "{reason}");
    short.0.into_boxed_str()
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn reasons_are_cut_between_characters() {
        assert_eq!(&*cut("short"), "short");
        let long = "ä".repeat(MAX_REASON);
        let reason = cut(alloc::format!("x{long}"));
        assert_eq!(reason.len(), MAX_REASON - 1);
        assert_eq!(cut(format_args!("{long}{long}")).len(), MAX_REASON);
    }

    #[test]
    fn errors_name_the_codec() {
        let error = DecodeError::invalid(Codec::Cbor, "no bool");
        assert_eq!(error.to_string(), "no such value in cbor: no bool");
        let error = EncodeError::unrepresentable(Codec::Json, "key must be a string");
        assert_eq!(error.to_string(), "the value has no form in json: key must be a string");
    }
}
