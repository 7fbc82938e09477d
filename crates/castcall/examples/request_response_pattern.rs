//! Two components in real wasmtime exchange casts and calls; everything that can become of a call,
//! with times.
//!
//! `cargo run --example request_response_pattern`

use std::error::Error;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use castcall::{Capabilities, Component, Policy, System};

const PATIENCE: Duration = Duration::from_secs(5);

/// Prints what happens, and when.
struct Narrator(Instant);

impl Narrator {
    fn say(&self, text: impl AsRef<str>) {
        let at = self.0.elapsed().as_secs_f64() * 1000.0;
        for (number, line) in text.as_ref().lines().enumerate() {
            let at = if number == 0 { format!("{at:9.3} ms") } else { " ".repeat(12) };
            println!("{at}  {line}");
        }
    }
}

fn fixture(name: &str) -> Component {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/components");
    Component::file(root.join(name).with_extension("wasm"))
}

/// Tells the requester to do something, and returns what it says.
async fn tell(system: &System, what: &str) -> Result<String, Box<dyn Error>> {
    let answer = system.call("requester", what.to_owned(), PATIENCE).await?;
    Ok(String::from_utf8(answer.to_vec())?)
}

/// Waits until the requester has had `count` callbacks, and returns what they brought.
async fn callbacks(system: &System, count: u64) -> Result<String, Box<dyn Error>> {
    let requester = system.component("requester").ok_or("the requester is gone")?;
    while requester.stats().callbacks < count {
        tokio::time::sleep(Duration::from_micros(200)).await;
    }
    tell(system, "results").await
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let narrator = Narrator(Instant::now());
    // The requester may cast and call whomever it likes; nobody else may send at all.
    let policy = Policy::new();
    let anybody = Capabilities::none().with_cast("*".parse()?).with_call("*".parse()?);
    policy.grant(&"requester".parse()?, &anybody)?;
    let system = System::builder().policy(policy).build()?;

    system.load("requester", fixture("callback-receiver-component")).await?;
    system.load("journal", fixture("callback-receiver-component")).await?;
    system.load("echo", fixture("echo-handler")).await?;
    system.load("slow", fixture("slow-handler")).await?;
    system.load("fragile", fixture("trapping-handler")).await?;
    narrator.say("loaded requester, journal, echo, slow and fragile");

    narrator.say("\n-- a cast: requester -> journal");
    let answer = tell(&system, "cast journal hello there").await?;
    narrator.say(format!("requester: send-message returned {answer}"));
    let seen = system.call("journal", "results", PATIENCE).await?;
    narrator.say(format!("journal has seen:\n{}", String::from_utf8_lossy(&seen)));

    narrator.say("\n-- a call: requester -> echo, and the callback");
    let id = tell(&system, "call echo 1000 how are you?").await?;
    narrator.say(format!("requester: send-request returned {id}"));
    narrator.say(format!("handle-callback brought:\n{}", callbacks(&system, 1).await?));
    tell(&system, "clear").await?;

    narrator
        .say("\n-- a timeout: requester -> slow, which takes longer than the 20 ms it is given");
    let id = tell(&system, "call slow 20 1000000").await?;
    narrator.say(format!("requester: send-request returned {id}"));
    narrator.say(format!("handle-callback brought:\n{}", callbacks(&system, 2).await?));
    tell(&system, "clear").await?;

    narrator.say("\n-- a cancel: requester -> slow, and then the requester changes its mind");
    let id = tell(&system, "call slow 60000 1000000").await?;
    narrator.say(format!("requester: send-request returned {id}"));
    let answer = tell(&system, &format!("cancel {id}")).await?;
    narrator.say(format!("requester: cancel-request returned {answer}"));
    narrator.say(format!("handle-callback brought:\n{}", callbacks(&system, 3).await?));
    tell(&system, "clear").await?;

    narrator.say("\n-- a crash: requester -> fragile, which traps, and is restarted");
    let before = system.component("fragile").ok_or("fragile is gone")?.incarnation();
    let id = tell(&system, "call fragile 1000 please trap").await?;
    narrator.say(format!("requester: send-request returned {id}"));
    narrator.say(format!("handle-callback brought:\n{}", callbacks(&system, 4).await?));
    let answer = system.call("fragile", "ok", PATIENCE).await?;
    let after = system.component("fragile").ok_or("fragile is gone")?.incarnation();
    narrator.say(format!(
        "fragile answers again: {} (its instance was number {before}, and is number {after})",
        String::from_utf8_lossy(&answer)
    ));

    let stats = system.stats();
    narrator.say(format!(
        "\n{} casts, {} calls; {} answered, {} timed out, {} cancelled, {} failed; {} crash",
        stats.casts_sent,
        stats.calls_sent,
        stats.answered,
        stats.timeouts,
        stats.cancelled,
        stats.failed,
        stats.crashes,
    ));
    system.shutdown(Duration::from_secs(1)).await;
    narrator.say("shut down");
    Ok(())
}
