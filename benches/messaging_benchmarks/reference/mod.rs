//! What castcall is measured against.

use std::time::Duration;

use castcall_benches::settings::current_thread;
use tokio::runtime::{Builder, Runtime};

pub(crate) mod bare_tokio;
pub(crate) mod kameo;
pub(crate) mod ractor;

/// How many messages are sent before it is waited for that they were handled.
const BURST: u64 = 1024;

type Make = fn() -> Runtime;

const RUNTIMES: [(&str, Make); 2] = [("1-thread", current_thread), ("2-threads", two_threads)];

fn two_threads() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// Runs a task on the runtime's own threads, as an actor that asks another would be.
fn on(runtime: &Runtime, task: impl Future<Output = Duration> + Send + 'static) -> Duration {
    let task = runtime.spawn(task);
    runtime.block_on(task).unwrap()
}
