//! One publishes, many hear: plain subscribers, a pattern, a queue group, and a subscriber that
//! comes late.
//!
//! `cargo run --example pubsub_broadcasting`

use std::error::Error;
use std::path::PathBuf;
use std::time::Duration;

use castcall::{Capabilities, Component, Policy, System};

const PATIENCE: Duration = Duration::from_secs(5);

/// A guest that subscribes and publishes as it is told, and keeps what it hears.
fn listener() -> Component {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/components");
    Component::file(root.join("callback-receiver-component.wasm"))
}

async fn tell(system: &System, who: &str, what: &str) -> Result<String, Box<dyn Error>> {
    let answer = system.call(who, what.to_owned(), PATIENCE).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// Prints what each has heard, and has them forget it. A call is handled after all that was
/// published before it.
async fn heard(system: &System, who: &[&str]) -> Result<(), Box<dyn Error>> {
    for id in who {
        let lines = tell(system, id, "results").await?;
        let lines: Vec<_> = lines.lines().map(|line| line.trim_start_matches("message ")).collect();
        println!("  {id:<11} {}", if lines.is_empty() { "-".into() } else { lines.join(", ") });
        tell(system, id, "clear").await?;
    }
    println!();
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // Nobody may do anything that is not granted.
    let policy = Policy::new();
    let orders = || "orders.*".parse();
    policy.grant(
        &"shop/*".parse()?,
        &Capabilities::none().with_publish(orders()?).with_subscribe(orders()?),
    )?;
    policy.grant(&"pack/*".parse()?, &Capabilities::none().with_subscribe(orders()?))?;
    let system = System::builder().policy(policy).build()?;

    // What a component is always subscribed to is said when it is loaded…
    system.load("shop/audit", listener().subscribe("orders.*".parse()?)).await?;
    system.load("shop/berlin", listener().subscribe("orders.eu.*".parse()?)).await?;
    // … two share the work of packing, so that each order is packed once …
    for packer in ["pack/one", "pack/two"] {
        let packer_of = listener().subscribe_group("orders.*.paid".parse()?, "packers".parse()?);
        system.load(packer, packer_of).await?;
    }
    // … and what it decides while it runs, it subscribes to by itself.
    system.load("shop/boston", listener()).await?;
    tell(&system, "shop/boston", "subscribe orders.us.*").await?;
    let everybody = ["shop/audit", "shop/berlin", "shop/boston", "pack/one", "pack/two"];

    println!("two orders are created");
    for topic in ["orders.eu.created", "orders.us.created"] {
        println!("  {topic}: {} copies", system.publish(topic, topic)?);
    }
    heard(&system, &everybody).await?;

    println!("four are paid: of the packers, one hears of each");
    for number in 1..=4 {
        let what = format!("order {number}");
        println!("  orders.eu.paid: {} copies", system.publish("orders.eu.paid", what)?);
    }
    heard(&system, &everybody).await?;

    println!("a guest publishes, Boston has had enough, and nobody listens to offers");
    tell(&system, "shop/boston", "unsubscribe orders.us.*").await?;
    let copies = tell(&system, "shop/berlin", "publish orders.us.refunded sorry").await?;
    println!("  orders.us.refunded: {copies} copies");
    println!("  offers.new: {} copies", system.publish("offers.new", "half price")?);
    heard(&system, &everybody).await?;

    system.shutdown(Duration::from_secs(1)).await;
    Ok(())
}
