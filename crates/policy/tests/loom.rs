//! What threads share, under every interleaving: built and run with `--cfg loom`.
#![cfg(loom)]

use castcall_core::{ComponentId, TargetPattern, Topic};
use castcall_policy::{Capabilities, DenialMeter, Policy, Rate, RightsCell, TokenBucket, Verdict};
use loom::sync::Arc;
use loom::sync::atomic::{AtomicBool, Ordering};
use loom::thread;

struct World {
    policy: Policy,
    id: ComponentId,
    who: TargetPattern,
    right: Capabilities,
}

fn world() -> Arc<World> {
    let right =
        Capabilities::none().with_cast("b".parse().unwrap()).with_subscribe("t".parse().unwrap());
    let (id, who) = ("a".parse().unwrap(), "a".parse().unwrap());
    let policy = Policy::new();
    policy.grant(&who, &right).unwrap();
    Arc::new(World { policy, id, who, right })
}

#[test]
fn no_send_after_revoke_returned() {
    loom::model(|| {
        let world = world();
        let returned = Arc::new(AtomicBool::new(false));
        let mut rights = world.policy.rights(&world.id, &world.right);
        let mut remembered = rights.to_target("b");
        assert!(remembered.cast);
        let operator = thread::spawn({
            let (world, returned) = (Arc::clone(&world), Arc::clone(&returned));
            move || {
                world.policy.revoke(&world.who, &world.right).unwrap();
                returned.store(true, Ordering::Release);
            }
        });
        for _ in 0..2 {
            let after = returned.load(Ordering::Acquire);
            // A send.
            if world.policy.refresh(&mut rights) {
                remembered = rights.to_target("b");
            }
            assert!(!(after && remembered.cast));
        }
        operator.join().unwrap();
        world.policy.refresh(&mut rights);
        assert!(!rights.may_cast("b"));
    });
}

#[test]
fn rights_hold_what_their_generation_says() {
    loom::model(|| {
        let world = world();
        let granted = world.policy.generation();
        let operator = thread::spawn({
            let world = Arc::clone(&world);
            move || {
                world.policy.revoke(&world.who, &world.right).unwrap();
                world.policy.grant(&world.who, &world.right).unwrap();
            }
        });
        let seen = world.policy.generation();
        let rights = world.policy.rights(&world.id, &world.right);
        assert!(rights.generation() >= seen);
        // Revoked in between only.
        assert_eq!(rights.may_cast("b"), rights.generation() != granted + 1);
        operator.join().unwrap();
    });
}

#[test]
fn a_cell_is_never_behind() {
    loom::model(|| {
        let world = world();
        let returned = Arc::new(AtomicBool::new(false));
        let cell = Arc::new(RightsCell::new(world.policy.rights(&world.id, &world.right)));
        let topic: Topic = "t".parse().unwrap();
        let operator = thread::spawn({
            let (world, returned) = (Arc::clone(&world), Arc::clone(&returned));
            move || {
                world.policy.revoke(&world.who, &world.right).unwrap();
                returned.store(true, Ordering::Release);
            }
        });
        let deliver = move |world: &World, cell: &RightsCell, returned: &AtomicBool| {
            let after = returned.load(Ordering::Acquire);
            let may = cell.with(&world.policy, |rights| rights.may_receive(&topic));
            assert!(!(after && may));
        };
        let other = thread::spawn({
            let (world, returned) = (Arc::clone(&world), Arc::clone(&returned));
            let (cell, deliver) = (Arc::clone(&cell), deliver.clone());
            move || deliver(&world, &cell, &returned)
        });
        deliver(&world, &cell, &returned);
        operator.join().unwrap();
        other.join().unwrap();
        deliver(&world, &cell, &returned);
    });
}

#[test]
fn a_bucket_gives_each_token_once() {
    loom::model(|| {
        let bucket = Arc::new(TokenBucket::new(Rate::PerSecond(1), 2, 0).unwrap());
        let threads = [0, 1].map(|now| {
            let bucket = Arc::clone(&bucket);
            thread::spawn(move || usize::from(bucket.try_take(now).is_ok()))
        });
        let mut taken = usize::from(bucket.try_take(1).is_ok());
        for thread in threads {
            taken += thread.join().unwrap();
        }
        assert_eq!(taken, 2);
    });
}

#[test]
fn a_meter_counts_each_denial() {
    loom::model(|| {
        let meter = Arc::new(DenialMeter::new(Rate::PerSecond(1), 1, 0).unwrap());
        let other = thread::spawn({
            let meter = Arc::clone(&meter);
            move || meter.on_denied(0) == Verdict::Trap
        });
        let trapped = meter.on_denied(0) == Verdict::Trap;
        // One of them, and not both.
        assert_ne!(trapped, other.join().unwrap());
        assert_eq!((meter.denied(), meter.traps()), (2, 1));
    });
}
