//! A queue group whose members fill up, and somebody who sees everything.

use castcall_core::{Pattern, Topic};
use castcall_topics::{Group, Matches, SubscriptionTable};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let table = SubscriptionTable::new();
    let vans: Group = "vans".parse()?;
    let parcels: Pattern = "parcels.*.ready".parse()?;
    table.subscribe(&"parcels.*".parse()?, "tracking");
    for van in ["red", "green", "blue"] {
        table.subscribe_group(&parcels, &vans, van);
    }

    let topic: Topic = "parcels.4711.ready".parse()?;
    let mut room = [("red", 1), ("green", 2), ("blue", 1)];
    let mut matches = Matches::new();
    for parcel in 1..=5 {
        table.matching(&topic, &mut matches);
        let handed = matches.hand_out(|offer| {
            let van = room.iter_mut().find(|(van, _)| van == offer.subscriber);
            let taken = match van {
                Some((_, 0)) => false,
                Some((_, room)) => {
                    *room -= 1;
                    true
                }
                None => true,
            };
            println!(
                "parcel {parcel}: {} {}",
                offer.subscriber,
                ["is full", "takes it"][usize::from(taken)]
            );
            taken
        });
        println!("parcel {parcel}: {} of {} copies taken", handed.taken, handed.copies());
    }
    Ok(())
}
