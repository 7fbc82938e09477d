//! What wasmtime itself costs, without castcall: the same `Config`, the same types, the same
//! guests, and host functions that do nothing but take what they are given.
#![allow(unsafe_code, reason = "wasmtime's derives expand to it")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use wasmtime::component::{
    Component, ComponentType, Func, Instance, Lift, Linker, Lower, TypedFunc, WasmList, WasmStr,
};
use wasmtime::{Config, Engine, ResourceLimiter, Store, StoreContextMut, UpdateDeadline};

use crate::host::{fixture, payload};
use crate::suite::Group;

const HOST_SERVICES: &str = "castcall:component/host-services@0.1.0";
const LIFECYCLE: &str = "castcall:component/component-lifecycle@0.1.0";
const CALLBACK: &str = "castcall:component/component-callback@0.1.0";
const REQUEST_ID: &str = "67e55044-10b1-426f-9247-bb680e5fe0c8";

#[derive(ComponentType, Lift, Lower)]
#[component(record)]
struct Failure {
    code: u32,
    message: String,
}

#[derive(ComponentType, Lift, Lower)]
#[component(variant)]
enum ComponentError {
    #[component(name = "invalid-payload")]
    InvalidPayload(String),
    #[component(name = "failed")]
    Failed(Failure),
}

#[derive(Clone, Copy, ComponentType, Lift, Lower)]
#[component(enum)]
#[repr(u8)]
#[allow(dead_code, reason = "part of a type")]
enum CrashCode {
    #[component(name = "trap")]
    Trap,
    #[component(name = "stack-overflow")]
    StackOverflow,
    #[component(name = "memory-limit")]
    MemoryLimit,
    #[component(name = "execution-limit")]
    ExecutionLimit,
    #[component(name = "panic")]
    Panic,
}

#[derive(ComponentType, Lift, Lower)]
#[component(variant)]
#[allow(dead_code, reason = "part of a type")]
enum RequestError {
    #[component(name = "timeout")]
    Timeout,
    #[component(name = "cancelled")]
    Cancelled,
    #[component(name = "component-not-found")]
    ComponentNotFound(String),
    #[component(name = "unavailable")]
    Unavailable,
    #[component(name = "crashed")]
    Crashed(CrashCode),
    #[component(name = "dropped")]
    Dropped,
    #[component(name = "invalid-payload")]
    InvalidPayload(String),
    #[component(name = "processing-failed")]
    ProcessingFailed(Failure),
}

#[derive(ComponentType, Lift, Lower)]
#[component(record)]
struct QuotaExceeded {
    #[component(name = "retry-after-ms")]
    retry_after_ms: u64,
}

#[derive(ComponentType, Lift, Lower)]
#[component(record)]
struct PayloadTooLarge {
    limit: u64,
}

#[derive(ComponentType, Lift, Lower)]
#[component(record)]
struct CodecMismatch {
    sender: String,
    target: String,
    codec: Option<String>,
    accepts: Vec<String>,
    preferred: Option<String>,
}

#[derive(ComponentType, Lift, Lower)]
#[component(variant)]
#[allow(dead_code, reason = "part of a type")]
enum MessagingError {
    #[component(name = "component-not-found")]
    ComponentNotFound,
    #[component(name = "cannot-receive")]
    CannotReceive,
    #[component(name = "no-callback-handler")]
    NoCallbackHandler,
    #[component(name = "capability-denied")]
    CapabilityDenied,
    #[component(name = "quota-exceeded")]
    QuotaExceeded(QuotaExceeded),
    #[component(name = "mailbox-full")]
    MailboxFull,
    #[component(name = "payload-too-large")]
    PayloadTooLarge(PayloadTooLarge),
    #[component(name = "invalid-message")]
    InvalidMessage,
    #[component(name = "codec-not-accepted")]
    CodecNotAccepted(CodecMismatch),
    #[component(name = "invalid-timeout")]
    InvalidTimeout,
    #[component(name = "too-many-pending")]
    TooManyPending,
    #[component(name = "invalid-topic")]
    InvalidTopic,
    #[component(name = "shutting-down")]
    ShuttingDown,
}

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

impl Bare {
    fn new(guest: &str) -> Self {
        Self::many(guest, 1).remove(0)
    }

    /// So many instances, each in a store of its own.
    fn many(guest: &str, count: usize) -> Vec<Self> {
        let mut config = Config::new();
        config.epoch_interruption(true);
        config.max_wasm_stack(512 << 10);
        config.concurrency_support(false);
        let engine = Engine::new(&config).unwrap();
        let component = Component::new(&engine, fixture(guest)).unwrap();
        let mut linker = Linker::new(&engine);
        let mut services = linker.instance(HOST_SERVICES).unwrap();
        services.func_wrap("send-message", send_message).unwrap();
        services.func_wrap("send-request", send_request).unwrap();
        let instantiate = |_| {
            let mut store = Store::new(&engine, Unlimited);
            store.limiter(|unlimited| unlimited);
            store.epoch_deadline_callback(|_| Ok(UpdateDeadline::Continue(1)));
            store.set_epoch_deadline(2);
            let instance = linker.instantiate(&mut store, &component).unwrap();
            Self { store, instance }
        };
        (0..count).map(instantiate).collect()
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
