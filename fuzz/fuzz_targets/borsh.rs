//! Borsh: besides, a value has one form only.
#![no_main]

use std::collections::BTreeMap;

use borsh::{BorshDeserialize, BorshSerialize};
use castcall_codec::{Codec, wrap};
use castcall_fuzz::{Order, Tree};
use libfuzzer_sys::fuzz_target;

fn check<T: BorshSerialize + BorshDeserialize>(bytes: &[u8]) {
    let message = wrap(Codec::Borsh, bytes);
    match castcall_codec::borsh::decode::<T>(&message) {
        Ok(value) => assert_eq!(castcall_codec::borsh::encode(&value).unwrap(), message),
        Err(error) => castcall_fuzz::right(Codec::Borsh, &error),
    }
}

fuzz_target!(|bytes: &[u8]| {
    check::<Order>(bytes);
    check::<String>(bytes);
    check::<Vec<u8>>(bytes);
    check::<Vec<Option<f64>>>(bytes);
    // A map's keys may come in any order, and are written in theirs.
    let message = wrap(Codec::Borsh, bytes);
    for error in [
        castcall_codec::borsh::decode::<Tree>(&message).err(),
        castcall_codec::borsh::decode::<BTreeMap<String, u8>>(&message).err(),
    ] {
        error.inspect(|error| castcall_fuzz::right(Codec::Borsh, error));
    }
});
