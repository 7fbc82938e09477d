//! The two lanes into a guest: whatever it does, and is sent, nobody can tell which it took.
#![no_main]

use castcall_integration_tests::differential::{Deed, Script, Step, compare};
use libfuzzer_sys::fuzz_target;

/// Places and lengths that mean something to the guest, and some that should not.
const WORDS: [u32; 24] = [
    0, 1, 2, 3, 5, 7, 8, 16, 17, 20, 128, 136, 144, 152, 200, 512, 513, 544, 576, 65_516, 65_528,
    65_535, 65_536, u32::MAX,
];

/// Deeds that the guest knows, and one that it does not.
const DEEDS: u8 = 30;

/// Takes words from bytes, for as long as there are any.
struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    /// One that means something, or the four bytes that follow.
    fn word(&mut self) -> u32 {
        match self.byte() {
            Some(byte) if byte < 240 => WORDS[usize::from(byte) % WORDS.len()],
            Some(_) => {
                u32::from_le_bytes(std::array::from_fn(|_| self.byte().unwrap_or_default()))
            }
            None => 0,
        }
    }

    fn deeds(&mut self) -> Vec<Deed> {
        let count = self.byte().unwrap_or_default() % 6;
        let deed = |bytes: &mut Self| {
            let which = u32::from(bytes.byte().unwrap_or_default() % DEEDS);
            std::array::from_fn(|at| if at == 0 { which } else { bytes.word() })
        };
        (0..count).map(|_| deed(self)).collect()
    }

    fn step(&mut self) -> Option<Step> {
        Some(match self.byte()? % 8 {
            0..=2 => Step::Call(self.deeds()),
            3 | 4 => Step::Cast(self.deeds()),
            5 => Step::Publish(self.deeds()),
            6 => Step::Stop,
            _ => Step::Pass(u16::from(self.byte()?) * 64),
        })
    }
}

/// A script is over in some milliseconds.
const MOST_STEPS: usize = 8;

fuzz_target!(|bytes: &[u8]| {
    let mut bytes = Bytes(bytes);
    let settings = usize::from(bytes.byte().unwrap_or_default() % 4);
    let steps = std::iter::from_fn(|| bytes.step()).take(MOST_STEPS).collect();
    compare(&Script { settings, steps });
});
