//! Random scripts and random files, in both lanes: nobody can tell them apart.

use castcall_integration_tests::differential::{Deed, Script, Step, compare, compare_files};
use castcall_integration_tests::fixture_bytes;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::{Config, FileFailurePersistence, RngSeed};

/// Places and lengths that mean something, and some that should not.
const PLACES: [u32; 30] = [
    0,
    1,
    2,
    3,
    4,
    5,
    7,
    8,
    16,
    17,
    20,
    128,
    136,
    144,
    152,
    160,
    168,
    176,
    184,
    192,
    512,
    513,
    514,
    516,
    65_516,
    65_528,
    65_532,
    65_535,
    65_536,
    u32::MAX,
];

/// What names something: where, and how long it is.
const TEXTS: [(u32, u32); 9] =
    [(200, 5), (136, 8), (144, 5), (152, 6), (160, 7), (168, 6), (176, 4), (184, 5), (192, 3)];

fn place() -> impl Strategy<Value = u32> {
    prop_oneof![8 => select(&PLACES[..]), 1 => any::<u32>(), 4 => select(vec![512, 544, 576])]
}

/// Words that a sender means, half of the time; else words.
fn deed() -> impl Strategy<Value = Deed> {
    let wild = (0_u32..28, proptest::array::uniform7(place())).prop_map(|(which, words)| {
        let [a, b, c, d, e, f, g] = words;
        [which, a, b, c, d, e, f, g]
    });
    let text = || select(&TEXTS[..]);
    let payload = prop_oneof![
        text(),
        (0_u32..4, 1_u32..4).prop_map(|(from, deeds)| { (32_768 + 32 * from, 32 * deeds) })
    ];
    let place = || select(vec![512_u32, 520, 544, 576, 65_496, 65_512]);
    let meant = (0_u32..18, text(), payload, place()).prop_map(|(which, one, other, place)| {
        let mut deed = [which, one.0, one.1, other.0, other.1, place, 0, 0];
        match which {
            1 => (deed[5], deed[6]) = (1_000, place),
            2 | 4 | 6 => deed[3] = place,
            17 => deed = [which, 1, 0, one.0, one.1, 0, 0, place],
            7..17 => deed[1] = place,
            _ => {}
        }
        deed
    });
    let lie = (0_u32..10, prop_oneof![select(&PLACES[..]), 0_u32..4])
        .prop_map(|(lie, with)| [19, lie, with, 0, 0, 0, 0, 0]);
    let after = (0_u32..6).prop_map(|after| [20, after, 0, 0, 0, 0, 0, 0]);
    let show = select(vec![(0_u32, 256_u32), (512, 256), (1_024, 512), (144, 5)])
        .prop_map(|(at, size)| [24, at, size, 0, 0, 0, 0, 0]);
    let ask = (text(), 0_u32..4, 1_u32..4, select(vec![0_u32, 1_000, 20_000])).prop_map(
        |((at, length), from, deeds, timeout)| {
            [1, at, length, 32_768 + 32 * from, 32 * deeds, timeout, 512, 0]
        },
    );
    let end = select(vec![16_u32, 23, 27, 28]).prop_map(|which| [which, 512, 0, 0, 0, 0, 0, 0]);
    let error = (25_u32..27, text(), place()).prop_map(|(which, (at, length), code)| match which {
        25 => [25, at, length, 0, 0, 0, 0, 0],
        _ => [26, code, at, length, 0, 0, 0, 0],
    });
    prop_oneof![4 => wild, 8 => meant, 2 => lie, 1 => after, 3 => show, 2 => error, 3 => ask, 2 => end]
}

fn step() -> impl Strategy<Value = Step> {
    let deeds = || vec(deed(), 0..6);
    prop_oneof![
        5 => deeds().prop_map(Step::Call),
        2 => deeds().prop_map(Step::Cast),
        1 => deeds().prop_map(Step::Publish),
        1 => Just(Step::Stop),
        1 => (0_u16..20_000).prop_map(Step::Pass),
    ]
}

fn script() -> impl Strategy<Value = Script> {
    let settings = prop_oneof![6 => Just(0_usize), 3 => Just(1), 1 => 2_usize..9];
    (settings, vec(step(), 1..8)).prop_map(|(settings, steps)| Script { settings, steps })
}

/// Small ones, so that many can be tried.
const FILES: [&str; 6] = [
    "echo-handler",
    "callback-only",
    "attacker-abi",
    "attacker-start-trap",
    "setup-recorder",
    "noisy-exports",
];

/// The same cases each time; others, as many as are asked for, with `PROPTEST_CASES`.
fn config(cases: u32) -> Config {
    let asked = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    let rng_seed = if asked.is_some() { RngSeed::Random } else { RngSeed::Fixed(7) };
    Config {
        cases: asked.unwrap_or(cases),
        failure_persistence: Some(Box::new(FileFailurePersistence::Off)),
        max_shrink_time: 10_000,
        rng_seed,
        ..Config::default()
    }
}

proptest! {
    #![proptest_config(config(600))]

    #[test]
    fn a_script_is_the_same_in_both_lanes(script in script()) {
        compare(&script);
    }
}

proptest! {
    #![proptest_config(config(120))]

    #[test]
    fn a_damaged_file_is_refused_or_taken_in_both_lanes(
        file in select(&FILES[..]),
        changes in vec((any::<Index>(), any::<u8>()), 1..4),
    ) {
        let mut wasm = fixture_bytes(file);
        for (at, byte) in &changes {
            let at = at.index(wasm.len());
            wasm[at] = *byte;
        }
        compare_files(&wasm);
    }
}

#[test]
fn each_whole_file_starts_and_answers_the_same_in_both_lanes() {
    for name in FILES.into_iter().chain([
        "attacker-start-loop",
        "attacker-unaligned",
        "rust-greeter",
        "c-exchanger",
    ]) {
        compare_files(&fixture_bytes(name));
    }
}
