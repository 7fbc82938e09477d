//! What people get wrong first, and what castcall says of it.
//!
//! `cargo run --example common_mistakes`

use std::error::Error;
use std::path::PathBuf;
use std::time::Duration;

use castcall::codec::{Codec, json};
use castcall::{Capabilities, Component, Policy, System};

const SECOND: Duration = Duration::from_secs(1);

fn fixture(name: &str) -> Component {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/components");
    Component::file(root.join(name).with_extension("wasm"))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let policy = Policy::new();
    let system = System::builder().policy(policy).max_payload(1 << 20).build()?;
    system.load("echo", fixture("echo-handler").codecs([Codec::Cbor])).await?;
    system.load("asker", fixture("callback-receiver-component")).await?;

    println!("nothing was granted: policies begin with nothing, for everybody but `host`");
    say(system.call("asker", "cast echo hello", SECOND).await);
    let some = Capabilities::none().with_cast("echo".parse()?).with_call("echo".parse()?);
    system.policy().grant(&"asker".parse()?, &some)?;

    println!("another codec than the target accepts: refused at the send, not in its decoder");
    say(system.cast("echo", json::encode("hello")?));

    println!("an id out of form, and one that nobody has");
    say(system.cast("shop/*", "x"));
    say(system.cast("ehco", "x"));

    println!("a timeout of nothing, and a payload without measure");
    say(system.call("echo", castcall::codec::cbor::encode("x")?, Duration::ZERO).await);
    say(system.cast("echo", vec![0; 2 << 20]));

    println!("an answer is what the handler returns: a cast's is dropped, silently");
    system.cast("asker", "results")?;

    println!("a file that is no component, and one that imports what no host offers");
    say(system.load("text", fixture("text")).await);
    say(system.load("foreign", fixture("foreign-import")).await);
    system.shutdown(SECOND).await;
    Ok(())
}

fn say<T, E: Error>(result: Result<T, E>) {
    match result {
        Ok(_) => println!("  no complaint"),
        Err(error) => println!("  {error}"),
    }
}
