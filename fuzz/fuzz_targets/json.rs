//! JSON.
#![no_main]

use castcall_codec::Codec;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    castcall_fuzz::all(Codec::Json, bytes);
    castcall_fuzz::serde::<serde_json::Value>(Codec::Json, bytes);
    castcall_fuzz::serde::<f64>(Codec::Json, bytes);
});
