//! What a timeout means, and what it does not; how to cancel; how much time a handler has left.
//!
//! `cargo run --example timeouts`

use std::error::Error;
use std::time::Duration;

use castcall::{CallError, Context, Message, Policy, RequestError, System};

const SHORT: Duration = Duration::from_millis(50);

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let system = System::builder().policy(Policy::open()).build()?;
    // Says how long it has, and then takes 100 ms all the same.
    let slow = |context: &mut Context, _: Message| {
        let left = context.remaining_ms().map_or("no end".to_owned(), |ms| format!("{ms} ms"));
        println!("  slow: I have {left}");
        std::thread::sleep(SHORT * 2);
        println!("  slow: done; is anybody waiting? {}", !context.is_cancelled());
        Ok("done")
    };
    system.register_fn("slow", slow).await?;

    println!("a call that takes longer than it may ends once, with `timeout`");
    match system.call("slow", "", SHORT).await {
        Err(CallError::Failed(RequestError::Timeout)) => println!("  caller: timeout"),
        other => return Err(format!("{other:?}").into()),
    }
    println!("  the work may be done all the same: ask again only what may be done twice");
    tokio::time::sleep(SHORT * 2).await;

    println!("to drop the future of a call is to cancel it");
    drop(tokio::time::timeout(SHORT, system.call("slow", "", Duration::from_secs(60))).await);
    let calls = system.calls();
    println!("  pending: {}, cancelled: {}", calls.pending, calls.cancelled);
    tokio::time::sleep(SHORT * 2).await;

    println!("a cast has no end to wait for");
    system.cast("slow", "")?;
    tokio::time::sleep(SHORT * 3).await;
    system.shutdown(Duration::from_secs(1)).await;
    Ok(())
}
