//! bincode: the smallest, between components that are built from the same types. Text is borrowed
//! from the message, and one buffer serves many messages.

use castcall_codec::{DecodeError, bincode};
use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, Deserialize)]
struct Reading<'a> {
    sensor: &'a str,
    celsius: f32,
    tick: u32,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut message = Vec::new();
    for (tick, celsius) in [(1, 20.5), (300, 21.0)] {
        message.clear();
        bincode::encode_into(&Reading { sensor: "cellar", celsius, tick }, &mut message)?;
        println!("{} bytes: {}", message.len(), hex(&message));

        let reading: Reading = bincode::decode(&message)?;
        println!("{}: {} degrees at {}", reading.sensor, reading.celsius, reading.tick);
    }

    // A lie about a length costs nothing.
    let lie = b"\x82\x8e\xc0\x01\xfd\xff\xff\xff\xff\xff\xff\xff\x7f";
    match bincode::decode::<String>(lie) {
        Err(DecodeError::Truncated { codec }) => println!("refused: no such text in {codec}"),
        other => println!("unexpected: {other:?}"),
    }
    Ok(())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
