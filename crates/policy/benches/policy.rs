//! What the policy costs a sender: with 10 rules and patterns, and with 10,000.

use std::hint::black_box;
use std::sync::Arc;

use castcall_core::{ComponentId, TargetPattern, Topic};
use castcall_policy::{Capabilities, DenialMeter, Policy, Rate, Rights, RightsCell, TokenBucket};
use criterion::{Criterion, criterion_group, criterion_main};

const SIZES: [usize; 2] = [10, 10_000];

fn target(text: &str) -> TargetPattern {
    text.parse().unwrap()
}

fn id(text: &str) -> ComponentId {
    text.parse().unwrap()
}

/// `n` rules for others, and one for `shop/orders` that grants `n` ids and `n` patterns.
fn policy(n: usize) -> Policy {
    let policy = Policy::new();
    let mut granted = Capabilities::none().with_subscribe("orders.*".parse().unwrap());
    for n in 0..n {
        let other = Capabilities::none().with_cast(target("shop/stock"));
        policy.grant(&target(&format!("tenant-{n}/*")), &other).unwrap();
        granted.cast.push(target(&format!("shop/stock-{n}")));
        granted.cast.push(target(&format!("tenant-{n}/*")));
    }
    granted.call = granted.cast.clone();
    policy.grant(&target("shop/orders"), &granted).unwrap();
    policy
}

fn rights(policy: &Policy) -> Arc<Rights> {
    policy.rights(&id("shop/orders"), &Capabilities::all())
}

fn asking(c: &mut Criterion) {
    let mut group = c.benchmark_group("rights");
    let topic: Topic = "orders.eu.created".parse().unwrap();
    for n in SIZES {
        let policy = policy(n);
        let rights = rights(&policy);
        let mut ask = |what: &str, target: &str, allowed: bool| {
            assert_eq!(rights.may_cast(target), allowed);
            group.bench_function(format!("may_cast/{what}/{n}"), |b| {
                b.iter(|| black_box(&rights).may_cast(black_box(target)));
            });
        };
        ask("by an id", "shop/stock-7", true);
        ask("by a pattern", "tenant-7/web", true);
        ask("denied early", "bank/vault", false);
        ask("denied late", "shop/stock", false);
        group.bench_function(format!("to_target/{n}"), |b| {
            b.iter(|| black_box(&rights).to_target(black_box("shop/stock-7")));
        });
        group.bench_function(format!("may_receive/{n}"), |b| {
            b.iter(|| black_box(&rights).may_receive(black_box(&topic)));
        });
        let cell = RightsCell::new(Arc::clone(&rights));
        group.bench_function(format!("may_receive, by a cell/{n}"), |b| {
            b.iter(|| cell.with(black_box(&policy), |rights| rights.may_receive(&topic)));
        });
    }
    let all = Policy::new().rights(&ComponentId::host(), &Capabilities::all());
    group.bench_function("may_cast/everything", |b| {
        b.iter(|| black_box(&all).may_cast(black_box("shop/stock")));
    });
    group.finish();
}

fn changing(c: &mut Criterion) {
    let mut group = c.benchmark_group("generation");
    for n in SIZES {
        let policy = policy(n);
        let mut rights = rights(&policy);
        group.bench_function(format!("refresh, nothing changed/{n}"), |b| {
            b.iter(|| black_box(&policy).refresh(black_box(&mut rights)));
        });
        let (other, one) = (target("other"), Capabilities::none().with_cast(target("a")));
        group.bench_function(format!("refresh, and a change for another/{n}"), |b| {
            b.iter(|| {
                policy.set(&other, &one).unwrap();
                policy.refresh(&mut rights)
            });
        });
        let (own, one) = (target("shop/orders"), Capabilities::none().with_cast(target("a")));
        group.bench_function(format!("refresh, and a change of its own rule/{n}"), |b| {
            b.iter(|| {
                policy.grant(&own, &one).unwrap();
                policy.refresh(&mut rights)
            });
        });
    }
    group.finish();
}

fn counting(c: &mut Criterion) {
    let mut group = c.benchmark_group("bucket");
    let new = |rate| TokenBucket::new(rate, 1_000, 0).unwrap();
    // One message each microsecond, on a clock of 1 ms.
    let coarse = |n: &mut u64| {
        *n += 1;
        *n / 1_000 * 1_000_000
    };
    let rate = Rate::PerSecond(1_000_000);
    let (mut bucket, mut n) = (new(rate), 0);
    group.bench_function("try_take", |b| b.iter(|| bucket.try_take(coarse(&mut n))));
    bucket = new(rate);
    n = 0;
    group.bench_function("try_take_mut", |b| b.iter(|| bucket.try_take_mut(coarse(&mut n))));
    let slow = new(Rate::PerSecond(1));
    while slow.try_take(0).is_ok() {}
    group.bench_function("try_take, refused", |b| b.iter(|| slow.try_take(black_box(0))));
    let unlimited = new(Rate::Unlimited);
    group.bench_function("try_take, unlimited", |b| b.iter(|| unlimited.try_take(black_box(0))));
    let meter = DenialMeter::new(Rate::PerSecond(1), 1, 0).unwrap();
    group.bench_function("on_denied", |b| b.iter(|| meter.on_denied(black_box(0))));
    group.finish();
}

criterion_group!(benches, asking, changing, counting);
criterion_main!(benches);
