//! What wasmtime itself costs, without castcall: the same `Config`, the same types, the same
//! guests, and host functions that do nothing but take what they are given.

use std::hint::black_box;
use std::thread;
use std::time::{Duration, Instant};

use castcall_benches::settings::{fixture, payload};
use wasmtime::component::{
    Component, Func, Instance, InstancePre, Linker, TypedFunc, WasmList, WasmStr,
};
use wasmtime::{
    Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, ResourceLimiter, Store,
    StoreContextMut, UpdateDeadline,
};

use crate::contract::{ComponentError, MessagingError, RequestError};
use crate::suite::Group;

/// So many instances live at once where starting is measured, castcall's as those in wasmtime's pool.
pub(crate) const AT_ONCE: u64 = 100;

const HOST_SERVICES: &str = "castcall:component/host-services@0.1.0";
const LIFECYCLE: &str = "castcall:component/component-lifecycle@0.1.0";
const CALLBACK: &str = "castcall:component/component-callback@0.1.0";
const REQUEST_ID: &str = "67e55044-10b1-426f-9247-bb680e5fe0c8";

type Sent<T> = wasmtime::Result<(Result<T, MessagingError>,)>;
type Copied = (Result<Vec<u8>, ComponentError>,);
type Uncopied = (Result<WasmList<u8>, ComponentError>,);
type Callback<'a> =
    TypedFunc<(&'a str, Result<&'a [u8], &'a RequestError>), (Result<(), ComponentError>,)>;

struct Unlimited;

impl ResourceLimiter for Unlimited {
    fn memory_growing(
        &mut self,
        _current: usize,
        _desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(true)
    }

    fn table_growing(
        &mut self,
        _current: usize,
        _desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(true)
    }
}

pub(crate) struct Bare {
    store: Store<Unlimited>,
    instance: Instance,
}

/// As castcall's engine has it.
fn config() -> Config {
    let mut config = Config::new();
    config.epoch_interruption(true);
    config.max_wasm_stack(512 << 10);
    config.concurrency_support(false);
    config
}

fn prepare(guest: &str, config: &Config) -> InstancePre<Unlimited> {
    let engine = Engine::new(config).unwrap();
    let component = Component::new(&engine, fixture(guest)).unwrap();
    let mut linker = Linker::new(&engine);
    let mut services = linker.instance(HOST_SERVICES).unwrap();
    services.func_wrap("send-message", send_message).unwrap();
    services.func_wrap("send-request", send_request).unwrap();
    linker.instantiate_pre(&component).unwrap()
}

impl Bare {
    fn new(guest: &str) -> Self {
        Self::many(guest, 1).remove(0)
    }

    /// So many instances, each in a store of its own.
    fn many(guest: &str, count: usize) -> Vec<Self> {
        let pre = prepare(guest, &config());
        (0..count).map(|_| Self::of(&pre)).collect()
    }

    fn of(pre: &InstancePre<Unlimited>) -> Self {
        let mut store = Store::new(pre.engine(), Unlimited);
        store.limiter(|unlimited| unlimited);
        store.epoch_deadline_callback(|_| Ok(UpdateDeadline::Continue(1)));
        store.set_epoch_deadline(2);
        let instance = pre.instantiate(&mut store).unwrap();
        Self { store, instance }
    }

    fn function(&mut self, interface: &str, name: &str) -> Func {
        let interface = self.instance.get_export_index(&mut self.store, None, interface).unwrap();
        let name = self.instance.get_export_index(&mut self.store, Some(&interface), name).unwrap();
        self.instance.get_func(&mut self.store, name).unwrap()
    }
}

fn take(store: &StoreContextMut<'_, Unlimited>, target: &WasmStr, message: &WasmList<u8>) {
    let mut copy = [0; 64];
    let message = message.as_le_slice(store);
    copy[..message.len()].copy_from_slice(message);
    black_box((target.to_str(store).unwrap(), copy));
}

#[allow(clippy::unnecessary_wraps, reason = "the linker's signature")]
fn send_message(
    store: StoreContextMut<'_, Unlimited>,
    (target, message): (WasmStr, WasmList<u8>),
) -> Sent<()> {
    take(&store, &target, &message);
    Ok((Ok(()),))
}

#[allow(clippy::unnecessary_wraps, reason = "the linker's signature")]
fn send_request(
    store: StoreContextMut<'_, Unlimited>,
    (target, request, timeout): (WasmStr, WasmList<u8>, u64),
) -> Sent<String> {
    take(&store, &target, &request);
    black_box(timeout);
    Ok((Ok(REQUEST_ID.to_owned()),))
}

/// `H`: one import with a string and 64 bytes, from inside the guest.
pub(crate) fn import(group: &mut Group<'_>) {
    group.bench(
        "floor/import",
        || Bare::new("importer"),
        |bare, iterations| {
            let func = bare.function(LIFECYCLE, "handle-message");
            let func: TypedFunc<(&str, &[u8]), Uncopied> = func.typed(&bare.store).unwrap();
            let start = Instant::now();
            let count = iterations.to_le_bytes();
            let (answer,) = func.call(&mut bare.store, ("bench/sender", &count)).unwrap();
            let time = start.elapsed();
            assert!(answer.is_ok());
            time
        },
    );
}

/// `F`: one synchronous `handle-message` whose answer is copied out.
pub(crate) fn handle_message(group: &mut Group<'_>) {
    group.bench(
        "floor/handle-message",
        || Bare::new("echo-handler"),
        |bare, iterations| {
            let func = bare.function(LIFECYCLE, "handle-message");
            let func: TypedFunc<(&str, &[u8]), Copied> = func.typed(&bare.store).unwrap();
            enter(iterations, |message| {
                let (answer,) = func.call(&mut bare.store, ("bench/sender", message)).unwrap();
                assert!(answer.is_ok_and(|answer| answer.len() == 64));
            })
        },
    );
}

/// `F'`: the same without copying the answer.
pub(crate) fn handle_message_uncopied(group: &mut Group<'_>) {
    group.bench(
        "floor/handle-message-uncopied",
        || Bare::new("echo-handler"),
        |bare, iterations| {
            let func = bare.function(LIFECYCLE, "handle-message");
            let func: TypedFunc<(&str, &[u8]), Uncopied> = func.typed(&bare.store).unwrap();
            enter(iterations, |message| {
                let (answer,) = func.call(&mut bare.store, ("bench/sender", message)).unwrap();
                assert!(answer.is_ok());
            })
        },
    );
}

/// `F'` of a hundred instances: `run` messages to one, then as many to the next.
pub(crate) fn handle_message_of_100(group: &mut Group<'_>, run: u64) {
    group.bench(
        &format!("floor/handle-message-of-100/{run}-each"),
        || Bare::many("echo-handler", 100),
        |instances, iterations| {
            let mut instances: Vec<_> = instances
                .iter_mut()
                .map(|bare| {
                    let func = bare.function(LIFECYCLE, "handle-message");
                    let func: TypedFunc<(&str, &[u8]), Uncopied> = func.typed(&bare.store).unwrap();
                    (func, &mut bare.store)
                })
                .collect();
            let mut number = 0;
            enter(iterations, |message| {
                let at = (number / run) as usize % instances.len();
                number += 1;
                let (func, store) = &mut instances[at];
                let (answer,) = func.call(store, ("bench/sender", message)).unwrap();
                assert!(answer.is_ok());
            })
        },
    );
}

/// A `handle-callback` that makes one `send-request`: what a requester does for each call.
pub(crate) fn callback_and_request(group: &mut Group<'_>) {
    group.bench(
        "floor/callback-and-request",
        || Bare::new("call-bouncer"),
        |bare, iterations| {
            let func = bare.function(CALLBACK, "handle-callback");
            let func: Callback<'_> = func.typed(&bare.store).unwrap();
            enter(iterations, |message| {
                let (result,) = func.call(&mut bare.store, (REQUEST_ID, Ok(message))).unwrap();
                assert!(result.is_ok());
            })
        },
    );
}

fn enter(iterations: u64, mut entry: impl FnMut(&[u8])) -> Duration {
    let message = payload(u64::MAX);
    let start = Instant::now();
    for _ in 0..iterations {
        entry(black_box(&message));
    }
    start.elapsed()
}

/// A guest to be entered for `handle-message`, its answer not copied.
pub(crate) struct Entered {
    bare: Bare,
    func: TypedFunc<(&'static str, &'static [u8]), Uncopied>,
}

impl Entered {
    pub(crate) fn new(guest: &str) -> Self {
        let mut bare = Bare::new(guest);
        let func = bare.function(LIFECYCLE, "handle-message");
        Self { func: func.typed(&bare.store).unwrap(), bare }
    }

    pub(crate) fn enter(&mut self, message: &[u8]) {
        let (answer,) = self.func.call(&mut self.bare.store, ("bench/sender", message)).unwrap();
        assert!(answer.is_ok());
    }
}

/// `H + F'` on two threads at once, each with guests of its own: what both cores can do together.
pub(crate) fn cast_on_two_threads(group: &mut Group<'_>) {
    let setup = || [(); 2].map(|()| (Entered::new("importer"), Entered::new("echo-handler")));
    group.bench("floor/cast/2-threads", setup, |threads, iterations| {
        let each = iterations.div_ceil(2);
        let start = Instant::now();
        thread::scope(|scope| {
            for (importer, echo) in threads {
                scope.spawn(move || {
                    importer.enter(&each.to_le_bytes());
                    enter(each, |message| echo.enter(message));
                });
            }
        });
        start.elapsed().mul_f64(iterations as f64 / (2 * each) as f64)
    });
}

/// A store, set up as castcall does, and an instance in it; that they go again does not count.
pub(crate) fn instantiate(group: &mut Group<'_>, id: &str, pooled: bool) {
    let setup = || {
        let mut config = config();
        if pooled {
            let mut pool = PoolingAllocationConfig::new();
            pool.total_component_instances(2 * AT_ONCE as u32);
            pool.total_core_instances(2 * AT_ONCE as u32);
            pool.total_memories(2 * AT_ONCE as u32);
            pool.total_tables(2 * AT_ONCE as u32);
            config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
        }
        prepare("echo-handler", &config)
    };
    group.bench(id, setup, |pre, iterations| {
        let mut time = Duration::ZERO;
        let mut left = iterations;
        while left > 0 {
            let count = left.min(AT_ONCE);
            let start = Instant::now();
            let instances: Vec<_> = (0..count).map(|_| Bare::of(pre)).collect();
            time += start.elapsed();
            drop(instances);
            left -= count;
        }
        time
    });
}
