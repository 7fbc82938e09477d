//! Everything on, as users have it: rights that are granted by pattern and asked for, quotas that
//! are counted and never used up, and a codec that is checked. Metrics are always on.

use castcall::broker::PeerConfig;
use castcall::codec::Codec;
use castcall::{Bytes, Capabilities, Component, Policy, Quotas, Rate};
use tokio::runtime::{Builder, Runtime};

/// The multicodec code of `raw`, which each message begins with.
const RAW: u8 = 0x55;

/// The shortest message that [`message_of`] makes: a prefix, and a number at the end.
pub const SHORTEST: usize = 16;

/// What all of `bench/*` may do, and ask for.
///
/// # Panics
///
/// Never: the patterns are well formed.
#[must_use]
pub fn capabilities() -> Capabilities {
    let targets = || "bench/*".parse().expect("a pattern");
    Capabilities::none()
        .with_cast(targets())
        .with_call(targets())
        .with_publish("bench.*".parse().expect("a pattern"))
        .with_subscribe("bench.*".parse().expect("a pattern"))
}

/// Grants `bench/*` that and no more.
///
/// # Panics
///
/// Never: the rule is well formed.
#[must_use]
pub fn policy() -> Policy {
    let policy = Policy::new();
    policy.grant(&"bench/*".parse().expect("a pattern"), &capabilities()).expect("a rule");
    policy
}

/// Counted, but never used up.
#[must_use]
pub fn quotas() -> Quotas {
    let mut quotas = Quotas::default();
    quotas.messages_per_second = Rate::PerSecond(Rate::MAX_PER_SECOND);
    quotas.burst = Quotas::MAX_BURST;
    quotas
}

/// A component as a manifest would describe it.
#[must_use]
pub fn component(guest: &str) -> Component {
    let component = Component::bytes(fixture(guest)).capabilities(capabilities());
    component.codecs([Codec::Raw]).quotas(quotas())
}

/// The same for who adds it to a broker.
#[must_use]
pub fn peer() -> PeerConfig {
    let mut config = PeerConfig::default();
    config.asks = capabilities();
    config.codecs = [Codec::Raw].into_iter().collect();
    config.set_quotas(quotas());
    config
}

/// Where a guest of `fixtures/` lies.
#[must_use]
pub fn fixture_path(name: &str) -> String {
    format!("{}/../fixtures/components/{name}.wasm", env!("CARGO_MANIFEST_DIR"))
}

/// A guest of `fixtures/`.
///
/// # Panics
///
/// It is not there.
#[must_use]
pub fn fixture(name: &str) -> Vec<u8> {
    let path = fixture_path(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// 64 bytes: raw, that end with a number.
#[must_use]
pub fn payload(number: u64) -> [u8; 64] {
    let mut payload = [0; 64];
    fill(&mut payload, number);
    payload
}

/// The same as a message.
#[must_use]
pub fn message(number: u64) -> Bytes {
    Bytes::copy_from_slice(&payload(number))
}

/// The same of another size.
///
/// # Panics
///
/// It is shorter than [`SHORTEST`].
#[must_use]
pub fn message_of(bytes: usize, number: u64) -> Bytes {
    let mut message = vec![0; bytes];
    fill(&mut message, number);
    message.into()
}

fn fill(message: &mut [u8], number: u64) {
    assert!(message.len() >= SHORTEST);
    message[0] = RAW;
    let at = message.len() - 8;
    message[at..].copy_from_slice(&number.to_le_bytes());
}

/// The number at the end of a message.
#[must_use]
pub fn number(message: &[u8]) -> Option<u64> {
    message.last_chunk().copied().map(u64::from_le_bytes)
}

/// A tokio runtime of one thread: the caller's.
///
/// # Panics
///
/// The machine has none.
#[must_use]
pub fn current_thread() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime")
}
