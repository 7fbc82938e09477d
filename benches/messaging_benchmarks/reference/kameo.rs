//! Kameo's actors.

use std::hint::black_box;
use std::time::Instant;

use castcall_benches::settings::payload;
use kameo::Actor;
use kameo::actor::Spawn;
use kameo::message::{Context, Message};

use super::{BURST, RUNTIMES, on};
use crate::suite::Group;

#[derive(Actor)]
struct Echo;

struct Ask([u8; 64]);

struct Tell([u8; 64]);

impl Message<Ask> for Echo {
    type Reply = [u8; 64];

    async fn handle(&mut self, ask: Ask, _: &mut Context<Self, Self::Reply>) -> Self::Reply {
        ask.0
    }
}

impl Message<Tell> for Echo {
    type Reply = ();

    async fn handle(&mut self, tell: Tell, _: &mut Context<Self, Self::Reply>) {
        black_box(tell.0);
    }
}

pub(crate) fn ask(group: &mut Group<'_>) {
    for (threads, runtime) in RUNTIMES {
        let setup = || {
            let runtime = runtime();
            let echo = runtime.block_on(async { Echo::spawn(Echo) });
            (runtime, echo)
        };
        group.bench(&format!("kameo/{threads}"), setup, |(runtime, echo), iterations| {
            let echo = echo.clone();
            on(runtime, async move {
                let start = Instant::now();
                for _ in 0..iterations {
                    black_box(echo.ask(Ask(payload(0))).await.unwrap());
                }
                start.elapsed()
            })
        });
    }
}

pub(crate) fn tell(group: &mut Group<'_>) {
    for (threads, runtime) in RUNTIMES {
        let setup = || {
            let runtime = runtime();
            let echo = runtime.block_on(async { Echo::spawn(Echo) });
            (runtime, echo)
        };
        group.bench(&format!("kameo/{threads}"), setup, |(runtime, echo), iterations| {
            let echo = echo.clone();
            on(runtime, async move {
                let start = Instant::now();
                let mut left = iterations;
                while left > 0 {
                    let burst = left.min(BURST);
                    for _ in 0..burst {
                        echo.tell(Tell(payload(0))).await.unwrap();
                    }
                    echo.ask(Ask(payload(0))).await.unwrap();
                    left -= burst;
                }
                start.elapsed()
            })
        });
    }
}
