//! CBOR.
#![no_main]

use castcall_codec::Codec;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    castcall_fuzz::all(Codec::Cbor, bytes);
    // Values may hold NaN, which is not equal to itself.
    let message = castcall_codec::wrap(Codec::Cbor, bytes);
    match castcall_codec::decode::<ciborium::Value>(&message) {
        Ok(value) => drop(castcall_codec::cbor::encode(&value)),
        Err(error) => castcall_fuzz::right(Codec::Cbor, &error),
    }
});
