//! Layouts against wasmtime's own, and what is taken from a guest.

use wasmtime::component::ComponentType;

use super::*;
use crate::types::{
    CancelError, CodecMismatch, ComponentError, CrashCode, DeferError, Failure, MessageRate,
    MessagingError, PayloadTooLarge, QuotaExceeded, ReplyError, RequestError, TraceContextValue,
    UsageReport,
};

fn is_as_wasmtime_has_it<T: Abi + ComponentType>() {
    let name = std::any::type_name::<T>();
    assert_eq!(T::SIZE as usize, T::SIZE32, "{name}");
    assert_eq!(T::ALIGN, T::ALIGN32, "{name}");
    assert_eq!(Some(T::FLAT), T::ABI.flat_count(usize::MAX), "{name}");
}

type Fate<T, E> = std::result::Result<T, E>;

#[test]
fn every_type_lies_as_wasmtime_has_it() {
    macro_rules! same {
        ($($type:ty),* $(,)?) => { $(is_as_wasmtime_has_it::<$type>();)* };
    }
    same!(u8, u32, u64, bool, (), String, Vec<u8>, Vec<String>, Vec<(String, String)>);
    same!(CancelError, CodecMismatch, ComponentError, CrashCode, DeferError, Failure, MessageRate);
    same!(MessagingError, PayloadTooLarge, QuotaExceeded, ReplyError, RequestError, UsageReport);
    same!(TraceContextValue, Option<TraceContextValue>, Option<MessageRate>);
    same!(Option<u64>, Option<String>, Option<u8>, (String, String), (u8, u64), (u64, u8));
    same!(Fate<(), MessagingError>, Fate<String, MessagingError>, Fate<bool, MessagingError>);
    same!(Fate<u32, MessagingError>, Fate<(), CancelError>, Fate<u64, DeferError>);
    same!(Fate<(), ReplyError>, Fate<Vec<u8>, ComponentError>, Fate<(), ComponentError>);
    same!(Fate<Vec<u8>, RequestError>, Fate<u8, u64>, Fate<u64, u8>);
}

/// A memory with these words at 0, and some bytes at 64.
fn memory(words: &[u32], bytes: &[u8]) -> Vec<u8> {
    let mut memory: Vec<_> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    memory.resize(64, 0);
    memory.extend_from_slice(bytes);
    memory
}

fn text(error: &wasmtime::Error) -> String {
    format!("{error:#}")
}

#[test]
fn answers_are_taken_as_they_lie() {
    type Answer<'a> = Fate<&'a [u8], ComponentError>;
    let load = |words: &[u32]| {
        let memory = memory(words, "grün".as_bytes());
        let answer = Answer::load(&View::new(&memory), 0);
        answer
            .map(|answer| format!("{:?}", answer.map(<[u8]>::to_vec)))
            .map_err(|error| text(&error))
    };
    assert_eq!(load(&[0, 64, 2]).unwrap(), "Ok([103, 114])");
    assert_eq!(load(&[0, 69, 0]).unwrap(), "Ok([])");
    assert_eq!(load(&[1, 0, 64, 5]).unwrap(), "Err(InvalidPayload(\"grün\"))");
    let failed = "Err(Failed(Failure { code: 7, message: \"gr\" }))";
    assert_eq!(load(&[1, 1, 7, 64, 2]).unwrap(), failed);
    // Only the lowest byte says which case it is.
    assert_eq!(load(&[0xffff_ff01, 0xffff_ff01, 7, 64, 2]).unwrap(), failed);
    for out in [[0, 64, 6], [0, 70, 0], [0, u32::MAX, 1], [0, 0, u32::MAX]] {
        assert_eq!(load(&out).unwrap_err(), "pointer out of bounds", "{out:?}");
    }
    assert_eq!(load(&[2, 0, 0]).unwrap_err(), "unexpected discriminant");
    assert_eq!(load(&[1, 2, 0]).unwrap_err(), "unexpected discriminant");
    assert!(load(&[1, 0, 64, 3]).unwrap_err().contains("utf-8"), "half of an ü");
}

#[test]
fn core_values_are_taken_as_they_are_passed() {
    type Answer<'a> = Fate<&'a [u8], ComponentError>;
    let memory = memory(&[], b"hello");
    let guest = View::new(&memory);
    let lift = |flat: &[u64]| {
        let mut args = Args::new(&guest, flat);
        let answer = args.next::<Answer<'_>>();
        answer
            .map(|answer| format!("{:?}", answer.map(<[u8]>::to_vec)))
            .map_err(|error| text(&error))
    };
    assert_eq!(lift(&[0, 64, 2, 0, 0]).unwrap(), "Ok([104, 101])");
    assert_eq!(lift(&[1, 0, 64, 5, 0]).unwrap(), "Err(InvalidPayload(\"hello\"))");
    let failed = "Err(Failed(Failure { code: 9, message: \"hello\" }))";
    assert_eq!(lift(&[1, 1, 9, 64, 5]).unwrap(), failed);
    // All 32 bits of it, which is what is passed.
    assert_eq!(lift(&[256, 64, 2, 0, 0]).unwrap_err(), "unexpected discriminant");
    assert_eq!(lift(&[1, 256, 64, 2, 0]).unwrap_err(), "unexpected discriminant");
    assert_eq!(lift(&[0, 64, 6, 0, 0]).unwrap_err(), "pointer out of bounds");
    assert_eq!(lift(&[0, 64, 2]).unwrap_err(), "a core value is missing");
    let mut args = Args::new(&guest, &[64, 5, u64::MAX, 64, 1]);
    assert_eq!(args.next::<&str>().unwrap(), "hello");
    assert_eq!(args.next::<u64>().unwrap(), u64::MAX);
    assert_eq!(args.next::<String>().unwrap(), "h");
    assert!(args.next::<u32>().is_err(), "there is no more");
    assert_eq!(<()>::lift(&guest, &[]).unwrap(), ());
}

#[test]
fn no_more_than_so_much_is_taken_at_once() {
    let memory = vec![b'a'; 1 << 20];
    let guest = View::new(&memory);
    for _ in 0..memory::MAX_TAKEN >> 20 {
        assert_eq!(guest.list(0, 1 << 20).unwrap().len(), 1 << 20);
    }
    assert_eq!(text(&guest.list(0, 1).unwrap_err()), "too much data at once");
    assert!(guest.list(7, 0).is_ok());
}

#[test]
fn a_place_is_in_bounds_and_aligned() {
    assert!(within(64, 60, 4, 4).is_ok() && within(64, 64, 4, 0).is_ok());
    assert_eq!(text(&within(64, 61, 4, 3).unwrap_err()), "pointer not aligned");
    assert_eq!(text(&within(64, 64, 4, 1).unwrap_err()), "pointer out of bounds");
    assert_eq!(text(&within(64, u32::MAX - 3, 4, 4).unwrap_err()), "pointer out of bounds");
    assert!(within(1 << 32, u32::MAX, 1, 1).is_ok());
}

#[test]
fn what_other_cases_have_more_of_is_zero() {
    let mut flat = Flat::default();
    flat.push(3);
    flat.push(1 << 40 | 5);
    flat.pad(4);
    assert_eq!((flat.length(), flat.word(0), flat.word(1), flat.word(2)), (4, 3, 5, 0));
    flat.pad(2);
    assert_eq!((flat.length(), flat.word(99)), (4, 0));
}
