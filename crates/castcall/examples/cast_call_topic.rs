//! The three ways to say something, side by side: a cast, a call, a topic.
//!
//! `cargo run --example cast_call_topic`

use std::error::Error;
use std::time::Duration;

use castcall::{Context, Message, Policy, System};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let system = System::builder().policy(Policy::open()).build()?;
    for id in ["stock", "journal", "billing"] {
        let listener = move |_: &mut Context, message: Message| {
            let way = match (message.request_id(), &message.topic) {
                (Some(_), _) => "call".to_owned(),
                (None, Some(topic)) => format!("topic {topic}"),
                (None, None) => "cast".to_owned(),
            };
            let text = String::from_utf8_lossy(&message.payload).into_owned();
            println!("  {id:<8} {way:<20} {text}");
            Ok(format!("{id} has read it"))
        };
        system.register_fn(id, listener).await?;
    }

    println!("a cast: it matters that it arrives, not what comes of it");
    system.cast("journal", "a customer came in")?;

    println!("a call: the answer matters, and one is told how it ended, whatever happens");
    let answer = system.call("stock", "three chairs?", Duration::from_secs(1)).await?;
    println!("  {}", String::from_utf8_lossy(&answer));

    println!("a topic: whoever wants to know is nobody's business");
    for id in ["journal", "billing"] {
        system.component(id).ok_or("loaded above")?.subscribe("orders.*")?;
    }
    let copies = system.publish("orders.created", "order 7")?;
    println!("  {copies} copies");
    system.shutdown(Duration::from_secs(1)).await;
    Ok(())
}
