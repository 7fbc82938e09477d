//! Many seeds of chaos, and not one broken promise.

use castcall_testkit::chaos::{Chaos, Report};

fn calls_from(first: u64, calls: u64) {
    let (mut seed, mut made, mut rare) = (first, 0, [0; 3]);
    while made < calls {
        let report = Chaos::new(seed).run();
        made += report.calls;
        seed += 1;
        for (sum, more) in
            rare.iter_mut().zip([report.dead_letters, report.redelivered, report.cut_off])
        {
            *sum += more;
        }
    }
    assert!(rare.iter().all(|sum| *sum > made / 1_000), "{rare:?} in {made} calls");
}

#[test]
fn no_promise_is_broken_in_short_runs() {
    for seed in 0..100 {
        Chaos::new(seed).calls(200).run();
    }
}

#[test]
fn no_promise_is_broken_in_usual_runs() {
    calls_from(1_000, 45_000);
}

#[test]
fn no_promise_is_broken_in_a_long_run() {
    Chaos::new(5_000).calls(15_000).run();
}

/// Seeds that have shown a bug.
#[test]
fn what_was_broken_once_stays_mended() {
    for seed in [0, 2, 15, 172, 214] {
        Chaos::new(seed).run();
    }
}

#[test]
fn a_seed_makes_the_same_run_again() {
    for seed in [3, 4] {
        let runs: [Report; 2] = [0, 1].map(|_| Chaos::new(seed).run());
        assert_eq!(runs[0], runs[1]);
    }
}
