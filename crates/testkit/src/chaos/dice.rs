//! Random arguments, mostly sound.

use castcall_core::{ComponentError, CrashCode};
use fastrand::Rng;

use super::stage::{MAX_PAYLOAD, MAX_TIMEOUT_MS, NAMES};

/// What a message carries besides padding.
#[derive(Debug, Clone, Copy)]
pub(super) struct Note {
    /// Tells messages apart.
    pub(super) number: u64,
    /// How many further messages may follow from it, one after the other.
    pub(super) depth: u8,
}

impl Note {
    const BYTES: usize = 9;

    pub(super) fn payload(self, random: &mut Rng) -> Vec<u8> {
        let length = match random.u8(..64) {
            0 => MAX_PAYLOAD + 1,
            1 => MAX_PAYLOAD,
            2..16 => random.usize(Self::BYTES..200),
            _ => Self::BYTES,
        };
        let mut payload = vec![self.depth; length];
        payload[..8].copy_from_slice(&self.number.to_le_bytes());
        payload
    }

    pub(super) fn read(payload: &[u8]) -> Option<Self> {
        let (number, rest) = payload.split_first_chunk()?;
        Some(Self { number: u64::from_le_bytes(*number), depth: *rest.first()? })
    }
}

pub(super) fn target(random: &mut Rng) -> &'static str {
    match random.u8(..64) {
        0 => "nobody",
        1 => "//",
        2 => "host",
        _ => NAMES[random.usize(..NAMES.len())],
    }
}

pub(super) fn timeout_ms(random: &mut Rng) -> u64 {
    match random.u8(..40) {
        0 => 0,
        1 => u64::MAX,
        2 => MAX_TIMEOUT_MS + 1,
        3 => MAX_TIMEOUT_MS,
        4..8 => 1,
        8..20 => random.u64(2..20),
        20..32 => random.u64(20..500),
        _ => random.u64(500..20_000),
    }
}

pub(super) fn topic(random: &mut Rng) -> &'static str {
    const TOPICS: [&str; 6] = ["a.b", "a.c", "a.b.c", "x.y.z", "lone", "not a topic"];
    TOPICS[random.usize(..TOPICS.len())]
}

pub(super) fn pattern(random: &mut Rng) -> &'static str {
    const PATTERNS: [&str; 7] = ["a.*", "a.b", "*", "x.*.z", "a.b.c", "lone", "or*"];
    PATTERNS[random.usize(..PATTERNS.len())]
}

pub(super) fn group(random: &mut Rng) -> Option<&'static str> {
    [None, Some("red"), Some("green")][random.usize(..3)]
}

pub(super) fn crash(random: &mut Rng) -> CrashCode {
    const CODES: [CrashCode; 3] =
        [CrashCode::Trap, CrashCode::MemoryLimit, CrashCode::ExecutionLimit];
    CODES[random.usize(..CODES.len())]
}

pub(super) fn error(random: &mut Rng) -> ComponentError {
    if random.bool() {
        ComponentError::InvalidPayload("as it happens".into())
    } else {
        ComponentError::failed(random.u32(..9), "as it happens")
    }
}
