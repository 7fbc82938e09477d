//! CBOR: a record with names in it, that a sender may extend without breaking receivers.

use castcall_codec::{DecodeError, cbor};
use serde::{Deserialize, Serialize};

#[derive(Serialize)]
struct Order {
    id: u64,
    customer: String,
    /// Newer than the receiver.
    express: bool,
}

/// The same, as the receiver knows it.
#[derive(Debug, Deserialize)]
struct KnownOrder {
    id: u64,
    customer: String,
    /// Older than the sender.
    #[serde(default)]
    comment: Option<String>,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let order = Order { id: 4711, customer: "Zoë".into(), express: true };
    let message = cbor::encode(&order)?;
    println!("{} bytes: {}", message.len(), hex(&message));

    let known: KnownOrder = cbor::decode(&message)?;
    println!("order {} of {}, comment: {:?}", known.id, known.customer, known.comment);

    // What a component answers with `invalid-payload`.
    let cut = &message[..message.len() - 1];
    match cbor::decode::<KnownOrder>(cut) {
        Err(DecodeError::Truncated { codec }) => println!("refused: the {codec} was cut"),
        other => println!("unexpected: {other:?}"),
    }
    Ok(())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
