//! No message of 1 KiB costs much memory or time, whatever is in it and whatever it is taken for.

mod common;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use borsh::BorshDeserialize;
use castcall_codec::{Codec, decode, wrap};
use common::{Blob, Order, Tree};
use peak_alloc::PeakAlloc;
use serde::Deserialize;
use serde::de::DeserializeOwned;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

const LIMIT: usize = 1 << 20;

/// Borsh makes room for up to 1 MiB of bytes that are claimed, besides the rest.
const BORSH_LIMIT: usize = 5 << 18;

/// Large to keep, small to write.
#[derive(Deserialize, BorshDeserialize)]
#[allow(dead_code)]
struct List(Vec<List>, Option<[u64; 8]>);

fn peak(decode: impl FnOnce() -> bool) -> usize {
    ALLOCATOR.reset_peak_usage();
    let before = ALLOCATOR.current_usage();
    let started = Instant::now();
    decode();
    assert!(started.elapsed() < Duration::from_secs(5));
    ALLOCATOR.peak_usage() - before
}

fn serde<T: DeserializeOwned>(message: &[u8]) {
    let peak = peak(|| decode::<T>(message).is_ok());
    let name = std::any::type_name::<T>();
    assert!(peak <= LIMIT, "{peak} bytes for {name} out of {message:02x?}");
}

fn serde_types(message: &[u8]) {
    serde::<Order>(message);
    serde::<Tree>(message);
    serde::<List>(message);
    serde::<String>(message);
    serde::<Blob>(message);
    serde::<Vec<u64>>(message);
    serde::<Vec<()>>(message);
    serde::<Vec<[u64; 16]>>(message);
    serde::<Vec<Vec<Vec<String>>>>(message);
    serde::<BTreeMap<String, Vec<u8>>>(message);
    serde::<serde_json::Value>(message);
}

fn borsh_type<T: BorshDeserialize>(message: &[u8]) {
    let peak = peak(|| castcall_codec::borsh::decode::<T>(message).is_ok());
    let name = std::any::type_name::<T>();
    assert!(peak <= BORSH_LIMIT, "{peak} bytes for {name} out of {message:02x?}");
}

fn borsh_types(message: &[u8]) {
    borsh_type::<Order>(message);
    borsh_type::<Tree>(message);
    borsh_type::<List>(message);
    borsh_type::<String>(message);
    borsh_type::<Vec<u64>>(message);
    borsh_type::<Vec<()>>(message);
    borsh_type::<Vec<[u64; 16]>>(message);
    borsh_type::<Vec<Vec<Vec<String>>>>(message);
    borsh_type::<BTreeMap<String, Vec<u8>>>(message);
}

#[test]
fn a_kibibyte_costs_no_more_than_a_mebibyte() {
    // What claims much, what nests, what is small and many; each repeated, and followed by either.
    let parts: Vec<&[u8]> = vec![
        // CBOR: arrays, texts, bytes, maps of huge length; indefinite ones; tags.
        b"\x9b\x00\x00\x00\x0f\xff\xff\xff\xff",
        b"\x9a\x7f\xff\xff\xff",
        b"\x99\xff\xff",
        b"\x7b\x00\x00\x00\x0f\xff\xff\xff\xff",
        b"\x5b\x00\x00\x00\x0f\xff\xff\xff\xff",
        b"\xbb\x00\x00\x00\x0f\xff\xff\xff\xff\x61a",
        b"\x9f",
        b"\xbf\x60",
        b"\x5f",
        b"\xc1",
        b"\x82",
        b"\xa1\x66Branch\xa2\x64name\xf6\x68children\x9a\xff\xff\xff\xff",
        // MessagePack: arrays, maps, texts, bytes; enums.
        b"\xdd\xff\xff\xff\xff",
        b"\xdc\x03\xff",
        b"\xdf\xff\xff\xff\xff\xa1a",
        b"\xdb\xff\xff\xff\xff",
        b"\xc6\xff\xff\xff\xff",
        b"\xc9\xff\xff\xff\xff\x01",
        b"\x91",
        b"\x81\x03\x92\xc0",
        // bincode: u16, u32, u64, u128; enums.
        b"\xfb\x00\x02",
        b"\xfc\xff\xff\xff\x7f",
        b"\xfd\xff\xff\xff\xff\xff\xff\xff\x0f",
        b"\xfe\xff\xff\xff\xff\xff\xff\xff\x0f",
        b"\x03\x00\x01",
        b"\x01\x00",
        // Borsh.
        b"\xff\xff\xff\xff",
        b"\x00\x00\x10\x00",
        b"\x00\x04\x00\x00",
        b"\x01\x00\x00\x00",
        b"\x01\x00\x00\x00\x00",
        b"\x03\x00\xff\xff\xff\xff",
        // JSON.
        b"[",
        b"[0,",
        b"[[],",
        b"{\"a\":",
        b"\"a",
        b"1e",
        b"\\u0000",
        // Anything.
        b"\x00",
        b"\x7f",
        b"\x80",
        b"\xff",
    ];
    let mut values = Vec::new();
    for one in &parts {
        values.push(one.to_vec());
        values.push(one.repeat(1024 / one.len()));
        for other in &parts {
            let mut value = one.repeat(512 / one.len());
            value.extend(other.repeat(512 / other.len()));
            values.push(value);
        }
    }
    for value in &values {
        for codec in [Codec::Bincode, Codec::Cbor, Codec::Json, Codec::MessagePack] {
            serde_types(&wrap(codec, value));
        }
        borsh_types(&wrap(Codec::Borsh, value));
    }
}
