//! What the envelope costs: each codec beside the crate that it is made of, in the same run, and
//! the check that a host makes at each send.

use std::hint::black_box;

use borsh::{BorshDeserialize, BorshSerialize};
use castcall_codec::{Codec, CodecSet, bincode as our_bincode, cbor, json, messagepack, peek};
use criterion::{Criterion, criterion_group, criterion_main};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, BorshSerialize, BorshDeserialize)]
struct Order {
    id: u64,
    customer: String,
    balance: i32,
    paid: bool,
    lines: Vec<u32>,
}

fn order() -> Order {
    Order {
        id: 4711,
        customer: "Zoë".to_owned(),
        balance: -300,
        paid: true,
        lines: vec![1, 300, 70_000],
    }
}

/// At most 10 ns.
fn check(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("check");
    let set = CodecSet::of(&[Codec::Cbor, Codec::Bincode, Codec::Borsh]);
    for codec in [Codec::Cbor, Codec::Json, Codec::Borsh] {
        let message = castcall_codec::wrap(codec, &[0; 64]);
        group.bench_function(format!("{codec}"), |bencher| {
            bencher.iter(|| black_box(set).check(black_box(&message)).is_ok());
        });
        group.bench_function(format!("{codec}, peek"), |bencher| {
            bencher.iter(|| peek(black_box(&message)).is_ok());
        });
    }
    group.bench_function("any", |bencher| {
        bencher.iter(|| black_box(CodecSet::ANY).check(black_box(&[0; 64])).is_ok());
    });
}

/// The same, bare and in the envelope, one after the other.
macro_rules! beside {
    ($criterion:ident, $name:literal, bare: $bare_write:expr, $bare_read:expr,
     ours: $our_write:expr, $our_read:expr) => {
        let order = order();
        let (bare, ours) = ($bare_write(&order), $our_write(&order));
        let mut group = $criterion.benchmark_group($name);
        group.bench_function("encode, bare", |bencher| {
            bencher.iter(|| $bare_write(black_box(&order)));
        });
        group.bench_function("encode", |bencher| bencher.iter(|| $our_write(black_box(&order))));
        group.bench_function("decode, bare", |bencher| {
            bencher.iter(|| -> Order { $bare_read(black_box(&bare)) });
        });
        group.bench_function("decode", |bencher| {
            bencher.iter(|| -> Order { $our_read(black_box(&ours)) });
        });
        group.finish();
    };
}

fn codecs(criterion: &mut Criterion) {
    beside!(criterion, "cbor",
        bare: |order: &Order| {
            let mut bytes = Vec::with_capacity(128);
            ciborium::into_writer(order, &mut bytes).unwrap();
            bytes
        },
        |bytes: &[u8]| ciborium::from_reader(bytes).unwrap(),
        ours: |order: &Order| cbor::encode(order).unwrap(),
        |bytes: &[u8]| cbor::decode(bytes).unwrap());
    beside!(criterion, "borsh",
        bare: |order: &Order| borsh::to_vec(order).unwrap(),
        |bytes: &[u8]| borsh::from_slice(bytes).unwrap(),
        ours: |order: &Order| castcall_codec::borsh::encode(order).unwrap(),
        |bytes: &[u8]| castcall_codec::borsh::decode(bytes).unwrap());
    let config = bincode::config::standard();
    beside!(criterion, "bincode",
        bare: |order: &Order| bincode::serde::encode_to_vec(order, config).unwrap(),
        |bytes: &[u8]| bincode::serde::decode_from_slice(bytes, config).unwrap().0,
        ours: |order: &Order| our_bincode::encode(order).unwrap(),
        |bytes: &[u8]| our_bincode::decode(bytes).unwrap());
    beside!(criterion, "json",
        bare: |order: &Order| serde_json::to_vec(order).unwrap(),
        |bytes: &[u8]| serde_json::from_slice(bytes).unwrap(),
        ours: |order: &Order| json::encode(order).unwrap(),
        |bytes: &[u8]| json::decode(bytes).unwrap());
    beside!(criterion, "messagepack",
        bare: |order: &Order| rmp_serde::to_vec_named(order).unwrap(),
        |bytes: &[u8]| rmp_serde::from_slice(bytes).unwrap(),
        ours: |order: &Order| messagepack::encode(order).unwrap(),
        |bytes: &[u8]| messagepack::decode(bytes).unwrap());
}

criterion_group!(benches, check, codecs);
criterion_main!(benches);
