//! Borsh: one form for each value, so that equal values have equal bytes, to be hashed or signed.

use borsh::{BorshDeserialize, BorshSerialize};
use castcall_codec::DecodeError;
use castcall_codec::borsh::{decode, encode};

#[derive(Debug, PartialEq, BorshSerialize, BorshDeserialize)]
enum Command {
    Deposit { account: u64, cents: u64 },
    Close(u64),
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let command = Command::Deposit { account: 4711, cents: 12_50 };
    let message = encode(&command)?;
    println!("{} bytes: {}", message.len(), hex(&message));

    assert_eq!(decode::<Command>(&message)?, command);
    println!("{:?}", decode::<Command>(&encode(&Command::Close(4711))?)?);

    // Nothing in the bytes says what they are: both sides must have the same type.
    match decode::<(u8, u64)>(&message) {
        Err(DecodeError::TrailingBytes { codec, extra }) => {
            println!("refused: {extra} bytes of {codec} left over");
        }
        other => println!("unexpected: {other:?}"),
    }
    Ok(())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
