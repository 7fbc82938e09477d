//! Dead letters as bytes: CBOR maps with the names of the fields, so that a field which a later
//! version adds disturbs no earlier one.

use castcall_core::DeadLetter;

pub(crate) fn encode(letter: &DeadLetter, into: &mut Vec<u8>) {
    into.clear();
    // A `Vec` takes all, and nothing in a letter has no form.
    ciborium::into_writer(letter, into).expect("a dead letter can be written to memory");
}

/// `None` if it is of a form that is not known here, as a newer version may have written.
pub(crate) fn decode(bytes: &[u8]) -> Option<DeadLetter> {
    ciborium::from_reader(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::letter;
    use castcall_core::Topic;
    use ciborium::Value;
    use proptest::prelude::*;

    fn as_map(letter: &DeadLetter) -> Vec<(Value, Value)> {
        let mut bytes = Vec::new();
        encode(letter, &mut bytes);
        let value: Value = ciborium::from_reader(&bytes[..]).unwrap();
        value.into_map().unwrap()
    }

    fn back(map: Vec<(Value, Value)>) -> Option<DeadLetter> {
        let mut bytes = Vec::new();
        ciborium::into_writer(&Value::Map(map), &mut bytes).unwrap();
        decode(&bytes)
    }

    #[test]
    fn fields_have_names_and_unknown_ones_disturb_nobody() {
        let letter = DeadLetter { topic: Some(Topic::new("a.b").unwrap()), ..letter("x", 3) };
        let mut map = as_map(&letter);
        let payload = map.iter().find(|(name, _)| name.as_text() == Some("payload"));
        assert!(payload.unwrap().1.is_bytes());
        map.push((Value::from("later"), Value::Array(vec![Value::from(1)])));
        map.reverse();
        assert_eq!(back(map), Some(letter));
    }

    #[test]
    fn a_mismatch_of_codecs_is_kept_and_may_be_missing() {
        let id = |text| castcall_core::ComponentId::new(text).unwrap();
        let mut mismatch = castcall_core::CodecMismatch::new(id("a"), id("b"));
        mismatch.codec = Some("json".into());
        mismatch.accepts = vec!["cbor".into()];
        let letter = DeadLetter { mismatch: Some(Box::new(mismatch)), ..letter("x", 3) };
        let mut map = as_map(&letter);
        assert_eq!(back(map.clone()), Some(letter.clone()));
        map.retain(|(name, _)| name.as_text() != Some("mismatch"));
        assert_eq!(back(map), Some(DeadLetter { mismatch: None, ..letter }));
    }

    #[test]
    fn what_is_of_no_known_form_is_none() {
        let mut map = as_map(&letter("x", 3));
        for (name, value) in &mut map {
            if name.as_text() == Some("reason") {
                *value = Value::from("of-a-later-version");
            }
        }
        assert_eq!(back(map), None);
        assert_eq!(decode(b""), None);
    }

    proptest! {
        #[test]
        fn round_trips(payload: Vec<u8>, attempts: u32, sent: u64) {
            let letter = DeadLetter {
                payload: payload.into(),
                attempts,
                sent: castcall_core::Timestamp::from_unix_nanos(sent),
                ..letter("x", 0)
            };
            let mut bytes = vec![1, 2, 3];
            encode(&letter, &mut bytes);
            prop_assert_eq!(decode(&bytes), Some(letter));
        }

        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            let _ = decode(&bytes);
        }
    }
}
