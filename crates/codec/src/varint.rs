//! The unsigned varint of multiformats: 7 bits a byte, the lowest first, the high bit set in every
//! byte but the last.

use alloc::vec::Vec;

use crate::PrefixError;

/// The longest, as multiformats has it: 63 bits.
pub(crate) const MAX_BYTES: usize = 9;

/// The number at the start of the bytes, and the bytes after it.
#[inline]
pub(crate) const fn split(bytes: &[u8]) -> Result<(u64, &[u8]), PrefixError> {
    // The codes that castcall knows have one byte, two or four; the loop is for the others.
    match bytes {
        [one, rest @ ..] if *one < 0x80 => Ok((*one as u64, rest)),
        [one, two, rest @ ..] if *two < 0x80 && *two != 0 => {
            Ok(((*one & 0x7f) as u64 | (*two as u64) << 7, rest))
        }
        [one, two, three, four, rest @ ..]
            if *one & *two & *three >= 0x80 && *four < 0x80 && *four != 0 =>
        {
            let low = (*one & 0x7f) as u64 | ((*two & 0x7f) as u64) << 7;
            Ok((low | ((*three & 0x7f) as u64) << 14 | (*four as u64) << 21, rest))
        }
        _ => split_longer(bytes),
    }
}

const fn split_longer(bytes: &[u8]) -> Result<(u64, &[u8]), PrefixError> {
    let mut number = 0;
    let mut at = 0;
    while at < MAX_BYTES {
        if at == bytes.len() {
            return Err(if at == 0 { PrefixError::Empty } else { PrefixError::Truncated });
        }
        let byte = bytes[at];
        number |= ((byte & 0x7f) as u64) << (7 * at);
        at += 1;
        if byte < 0x80 {
            // A last byte of zero adds nothing: the number has a shorter form.
            if byte == 0 && at > 1 {
                return Err(PrefixError::NotMinimal);
            }
            return Ok((number, bytes.split_at(at).1));
        }
    }
    Err(PrefixError::TooLong)
}

/// Appends a number below 2^63.
#[inline]
pub(crate) fn push(mut number: u64, bytes: &mut Vec<u8>) {
    debug_assert!(number >> 63 == 0);
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;
    use proptest::prelude::*;

    #[test]
    fn malformed_ones_say_how() {
        assert_eq!(split(b""), Err(PrefixError::Empty));
        assert_eq!(split(b"\x80"), Err(PrefixError::Truncated));
        assert_eq!(split(&[0xff; 8]), Err(PrefixError::Truncated));
        assert_eq!(split(&[0xff; 9]), Err(PrefixError::TooLong));
        assert_eq!(split(&[0xff; 100]), Err(PrefixError::TooLong));
        assert_eq!(split(b"\x80\x00"), Err(PrefixError::NotMinimal));
        assert_eq!(split(b"\xd1\x80\x00"), Err(PrefixError::NotMinimal));
        assert_eq!(split(&[0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0]), {
            Err(PrefixError::NotMinimal)
        });
        // Ten bytes hold 64 bits elsewhere; here nine are all there is.
        let ten = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
        assert_eq!(split(&ten), Err(PrefixError::TooLong));
    }

    #[test]
    fn zero_is_one_byte() {
        assert_eq!(split(b"\x00\x00"), Ok((0, &b"\x00"[..])));
    }

    proptest! {
        #[test]
        fn there_and_back(number in any::<u64>(), shift in 1u32..64, rest: Vec<u8>) {
            let number = number >> shift;
            let mut bytes = vec![];
            push(number, &mut bytes);
            prop_assert!(bytes.len() <= MAX_BYTES);
            bytes.extend_from_slice(&rest);
            prop_assert_eq!(split(&bytes), Ok((number, &rest[..])));
        }

        #[test]
        fn one_number_has_one_form(bytes in proptest::collection::vec(any::<u8>(), 0..12)) {
            if let Ok((number, rest)) = split(&bytes) {
                let mut again = vec![];
                push(number, &mut again);
                prop_assert_eq!(&bytes[..bytes.len() - rest.len()], again);
            }
        }
    }
}
