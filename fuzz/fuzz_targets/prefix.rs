//! The prefix: one code has one form, and what is accepted is what is peeked at.
#![no_main]

use castcall_codec::{Codec, CodecSet, NotAccepted, Prefix, peek, unwrap_as, wrap};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|message: &[u8]| {
    let all: CodecSet = Codec::ALL.into_iter().collect();
    let checked = all.check(message);
    assert_eq!(CodecSet::ANY.check(message), Ok(()));
    match peek(message) {
        Ok((Prefix::Known(codec), value)) => {
            assert_eq!(checked, Ok(()));
            assert_eq!(unwrap_as(codec, message), Ok(value));
            let again = wrap(codec, value);
            // The other form is the alias.
            assert!(again == message || message.len() == value.len() + 2);
            assert_eq!(peek(&again), Ok((Prefix::Known(codec), value)));
        }
        Ok((Prefix::Unknown(code), value)) => {
            assert_eq!(checked, Err(NotAccepted::Unknown { code }));
            assert_eq!(Codec::from_code(code), None);
            let length = message.len() - value.len();
            assert_eq!(length, (64 - (code | 1).leading_zeros() as usize).div_ceil(7));
        }
        Err(error) => assert_eq!(checked, Err(NotAccepted::Malformed(error))),
    }
});
