//! MessagePack.
#![no_main]

use castcall_codec::Codec;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    castcall_fuzz::all(Codec::MessagePack, bytes);
    castcall_fuzz::serde::<serde_json::Value>(Codec::MessagePack, bytes);
});
