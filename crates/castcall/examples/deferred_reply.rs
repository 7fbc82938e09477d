//! Two components and a native peer: a requester asks a broker, which can't answer by itself. It
//! takes the call over, asks a greeter, and answers from its callback.
//!
//! `cargo run --example deferred_reply`

use std::error::Error;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use castcall::{Component, Context, Message, Policy, System};

const PATIENCE: Duration = Duration::from_secs(5);

fn fixture(name: &str) -> Component {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/components");
    Component::file(root.join(name).with_extension("wasm"))
}

/// Has the requester call the broker, and prints what the callback brings.
async fn ask(system: &System, question: &str) -> Result<(), Box<dyn Error>> {
    let requester = system.component("requester").ok_or("the requester is gone")?;
    let before = requester.stats().callbacks;
    system.call("requester", "clear", PATIENCE).await?;
    let began = Instant::now();
    let id = system.call("requester", format!("call broker 1000 {question}"), PATIENCE).await?;
    println!("requester -> broker     {question:?}, call {}", String::from_utf8_lossy(&id));
    while requester.stats().callbacks == before {
        tokio::time::sleep(Duration::from_micros(100)).await;
    }
    let took = began.elapsed();
    let results = system.call("requester", "results", PATIENCE).await?;
    print!("requester <- callback   {}", String::from_utf8_lossy(&results));
    println!("                        after {took:.1?}\n");
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let system = System::builder().policy(Policy::open()).build()?;
    system.load("requester", fixture("callback-receiver-component")).await?;
    system.load("broker", fixture("deferrer")).await?;
    let greet = |_context: &mut Context, message: Message| {
        Ok(format!("Hello, {}!", String::from_utf8_lossy(&message.payload)))
    };
    system.register_fn("greeter", greet).await?;

    println!("the broker defers, asks the greeter, and replies with its answer\n");
    ask(&system, "ask greeter Ada").await?;

    println!("the one it asks is not there: the broker replies with an error\n");
    ask(&system, "ask nobody Ada").await?;

    println!("the broker takes the call over and never replies: the deadline ends it\n");
    ask(&system, "hold").await?;

    system.shutdown(Duration::from_secs(1)).await;
    Ok(())
}
