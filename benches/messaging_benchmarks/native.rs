//! `system.call(…).await` from a tokio task. The answer comes from one of castcall's workers, so
//! two threads take part, and what is in flight alone has to wake both.

use std::time::Instant;

use castcall::{Bytes, Context, Message};
use castcall_benches::host::{Host, TIMEOUT};
use castcall_benches::lane::Lane;
use castcall_benches::settings::payload;

use crate::reference::bare_tokio;
use crate::suite::{Group, Suite};

pub(crate) fn run(suite: &mut Suite) {
    let mut group = suite.group("native-call");
    call(&mut group, "to-component", load_echo);
    call(&mut group, "to-native-peer", register_echo);
    bare_tokio::between_threads(&mut group);
}

fn load_echo(host: &Host) {
    let _stays = host.load("bench/echo", "echo-handler");
}

fn register_echo(host: &Host) {
    let echo = |_: &mut Context, message: Message| Ok(message.payload);
    host.register("bench/echo", echo);
}

fn call(group: &mut Group<'_>, id: &str, add_echo: fn(&Host)) {
    for in_flight in [1, 64] {
        let setup = || {
            let host = Host::new(Lane::Component, 1);
            add_echo(&host);
            host
        };
        group.bench(&format!("{id}/{in_flight}-in-flight"), setup, |host, iterations| {
            let each = iterations.div_ceil(in_flight);
            let start = Instant::now();
            host.runtime.block_on(async {
                let ask = || {
                    let system = host.system.clone();
                    tokio::spawn(async move {
                        for _ in 0..each {
                            let message = Bytes::copy_from_slice(&payload(0));
                            system.call("bench/echo", message, TIMEOUT).await.unwrap();
                        }
                    })
                };
                let tasks: Vec<_> = (0..in_flight).map(|_| ask()).collect();
                for task in tasks {
                    task.await.unwrap();
                }
            });
            start.elapsed().mul_f64(iterations as f64 / (each * in_flight) as f64)
        });
    }
}
