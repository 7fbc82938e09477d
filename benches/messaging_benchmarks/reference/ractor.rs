//! Ractor's actors.

use std::hint::black_box;
use std::time::Instant;

use castcall_benches::settings::payload;
use ractor::{Actor, ActorProcessingErr, ActorRef, RpcReplyPort};
use tokio::runtime::Runtime;

use super::{BURST, RUNTIMES, on};
use crate::suite::Group;

struct Echo;

enum Message {
    Call([u8; 64], RpcReplyPort<[u8; 64]>),
    Cast([u8; 64]),
}

impl Actor for Echo {
    type Msg = Message;
    type State = ();
    type Arguments = ();

    async fn pre_start(&self, _: ActorRef<Message>, (): ()) -> Result<(), ActorProcessingErr> {
        Ok(())
    }

    async fn handle(
        &self,
        _: ActorRef<Message>,
        message: Message,
        (): &mut (),
    ) -> Result<(), ActorProcessingErr> {
        match message {
            Message::Call(payload, reply) => reply.send(payload)?,
            Message::Cast(payload) => drop(black_box(payload)),
        }
        Ok(())
    }
}

fn spawn(runtime: Runtime) -> (Runtime, ActorRef<Message>) {
    let (echo, _) = runtime.block_on(Actor::spawn(None, Echo, ())).unwrap();
    (runtime, echo)
}

async fn ask(echo: &ActorRef<Message>) {
    let answer = echo.call(|reply| Message::Call(payload(0), reply), None).await;
    black_box(answer.unwrap().unwrap());
}

pub(crate) fn call(group: &mut Group<'_>) {
    for (threads, runtime) in RUNTIMES {
        let setup = || spawn(runtime());
        group.bench(&format!("ractor/{threads}"), setup, |(runtime, echo), iterations| {
            let echo = echo.clone();
            on(runtime, async move {
                let start = Instant::now();
                for _ in 0..iterations {
                    ask(&echo).await;
                }
                start.elapsed()
            })
        });
    }
}

pub(crate) fn cast(group: &mut Group<'_>) {
    for (threads, runtime) in RUNTIMES {
        let setup = || spawn(runtime());
        group.bench(&format!("ractor/{threads}"), setup, |(runtime, echo), iterations| {
            let echo = echo.clone();
            on(runtime, async move {
                let start = Instant::now();
                let mut left = iterations;
                while left > 0 {
                    let burst = left.min(BURST);
                    for _ in 0..burst {
                        echo.cast(Message::Cast(payload(0))).unwrap();
                    }
                    ask(&echo).await;
                    left -= burst;
                }
                start.elapsed()
            })
        });
    }
}
