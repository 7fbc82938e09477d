//! A system as users have it, with messages that go to and fro between two guests, to have its
//! system calls counted: `strace -f -c steady cast|call [MESSAGES [--lane=LANE]]`.

use std::env;
use std::error::Error;

use castcall_benches::host::Host;
use castcall_benches::lane::Lane;

fn main() -> Result<(), Box<dyn Error>> {
    let (options, args): (Vec<_>, Vec<_>) =
        env::args().skip(1).partition(|arg| arg.starts_with("--"));
    let mut lane = Lane::ALL[0];
    for option in &options {
        let name = option.strip_prefix("--lane=").ok_or_else(|| format!("no option {option}"))?;
        lane = Lane::by_name(name).ok_or_else(|| format!("no lane {name}"))?;
    }
    let messages = args.get(1).map_or(Ok(1_000_000), |text| text.parse())?;
    let host = Host::new(lane, 2);
    let (sender, target) = match args.first().map_or("cast", String::as_str) {
        "cast" => (host.load("bench/one", "bouncer"), host.load("bench/other", "bouncer")),
        "call" => {
            (host.load("bench/echo", "echo-handler"), host.load("bench/caller", "call-bouncer"))
        }
        other => return Err(format!("no path {other}").into()),
    };
    let time = host.time(messages, 64, |_, message| {
        sender.cast(target.id(), message).expect("the first message is sent");
    });
    println!("{messages} messages, {} ns each", time.as_nanos() / u128::from(messages));
    Ok(())
}
