//! Guests in Rust, C and JavaScript: golden vectors, hostile bytes, and what they say to each other.

mod exchange;
mod fields;
mod hostile;
mod order;
mod vectors;

use castcall::codec::Codec;
use castcall::{CallError, RequestError};
use castcall_integration_tests::{PATIENCE, Stage};

/// A guest that understands `again`, `exchange` and `results`, and the codecs that it speaks.
#[derive(Clone, Copy)]
struct Guest {
    name: &'static str,
    codecs: &'static [Codec],
}

const ALL: &[Codec] =
    &[Codec::Cbor, Codec::Json, Codec::MessagePack, Codec::Borsh, Codec::Bincode, Codec::Raw];

/// MessagePack needs std, which this guest does not have.
const RUST: Guest = Guest {
    name: "rust-exchanger",
    codecs: &[Codec::Cbor, Codec::Json, Codec::Borsh, Codec::Bincode, Codec::Raw],
};
const C: Guest = Guest { name: "c-exchanger", codecs: ALL };
const JS: Guest = Guest { name: "js-exchanger", codecs: ALL };
const GUESTS: [Guest; 3] = [RUST, C, JS];

/// One of each, by the name of its fixture.
async fn guests() -> Stage {
    let stage = Stage::new();
    for guest in GUESTS {
        stage.add(guest.name, guest.name).await;
    }
    stage
}

/// What the guest makes of a message: decoded, and encoded again. An error says what it says.
async fn again(stage: &Stage, guest: Guest, message: &[u8]) -> Result<Vec<u8>, String> {
    let command = [b"again ", message].concat();
    match stage.call(guest.name, command, PATIENCE).await {
        Ok(answer) => Ok(answer.to_vec()),
        Err(CallError::Failed(RequestError::InvalidPayload(why))) => Err(why),
        Err(other) => panic!("{}: {message:x?}: {other:?}", guest.name),
    }
}
