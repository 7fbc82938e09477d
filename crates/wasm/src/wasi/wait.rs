//! Waiting on behalf of a guest, and no longer than it may run.
//!
//! A guest that waits in the host sees no tick. So each function of `wasi:io` that may wait does so
//! here, in slices, and between two slices the same is asked that a tick asks: whether its time is
//! up, and whether its thread is wanted back. The functions themselves are wasmtime-wasi's.

use std::pin::pin;
use std::time::Duration;

use castcall_broker::Interrupt;
use castcall_core::CrashCode;
use wasmtime::Result;
use wasmtime::component::{Resource, ResourceTable};
use wasmtime_wasi::p2::bindings::io::{poll as p, streams as s};
use wasmtime_wasi::p2::bindings::sync::io::{poll, streams};
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream, DynPollable, StreamError, StreamResult};
use wasmtime_wasi::runtime::in_tokio;

use crate::error::Crash;
use crate::state::State;
use crate::watch::{Pause, Watch};

/// How long it takes at most until somebody looks.
const SLICE: Duration = Duration::from_millis(5);

/// An instance's streams and what it waits for, with who watches over its time.
pub(super) struct Waiting<'a> {
    table: &'a mut ResourceTable,
    clock: Clock<'a>,
}

struct Clock<'a> {
    watch: &'a mut Watch,
    interrupt: &'a Interrupt,
}

impl<'a> Waiting<'a> {
    pub(super) fn new(state: &'a mut State) -> Self {
        let (wasi, watch, interrupt) = state.wasi_and_watch();
        Self { table: &mut wasi.table, clock: Clock { watch, interrupt } }
    }
}

impl Clock<'_> {
    /// Waits for `future`, as long as the guest may run. All of it counts as time that it ran.
    fn wait<T>(&mut self, future: impl Future<Output = T>) -> Result<T, Crash> {
        in_tokio(async {
            let mut future = pin!(future);
            loop {
                let pause = Pause::begin();
                let slice = SLICE.min(self.watch.left());
                let ended = tokio::time::timeout(slice, &mut future).await;
                self.watch.waited(pause.length());
                if let Ok(output) = ended {
                    return Ok(output);
                }
                if self.interrupt.is_set() || self.watch.left().is_zero() {
                    return Err(Crash(CrashCode::ExecutionLimit));
                }
            }
        })
    }

    /// The same for what may fail by itself.
    fn wait_stream<T>(&mut self, future: impl Future<Output = StreamResult<T>>) -> StreamResult<T> {
        self.wait(future).unwrap_or_else(|crash| Err(StreamError::Trap(crash.into())))
    }
}

impl poll::Host for Waiting<'_> {
    fn poll(&mut self, pollables: Vec<Resource<DynPollable>>) -> Result<Vec<u32>> {
        self.clock.wait(p::Host::poll(self.table, pollables))?
    }
}

impl poll::HostPollable for Waiting<'_> {
    fn ready(&mut self, pollable: Resource<DynPollable>) -> Result<bool> {
        self.clock.wait(p::HostPollable::ready(self.table, pollable))?
    }

    fn block(&mut self, pollable: Resource<DynPollable>) -> Result<()> {
        self.clock.wait(p::HostPollable::block(self.table, pollable))?
    }

    fn drop(&mut self, pollable: Resource<DynPollable>) -> Result<()> {
        p::HostPollable::drop(self.table, pollable)
    }
}

impl streams::Host for Waiting<'_> {
    fn convert_stream_error(&mut self, error: StreamError) -> Result<streams::StreamError> {
        streams::Host::convert_stream_error(self.table, error)
    }
}

impl streams::HostInputStream for Waiting<'_> {
    fn read(&mut self, stream: Resource<DynInputStream>, len: u64) -> StreamResult<Vec<u8>> {
        s::HostInputStream::read(self.table, stream, len)
    }

    fn blocking_read(
        &mut self,
        stream: Resource<DynInputStream>,
        len: u64,
    ) -> StreamResult<Vec<u8>> {
        self.clock.wait_stream(s::HostInputStream::blocking_read(self.table, stream, len))
    }

    fn skip(&mut self, stream: Resource<DynInputStream>, len: u64) -> StreamResult<u64> {
        s::HostInputStream::skip(self.table, stream, len)
    }

    fn blocking_skip(&mut self, stream: Resource<DynInputStream>, len: u64) -> StreamResult<u64> {
        self.clock.wait_stream(s::HostInputStream::blocking_skip(self.table, stream, len))
    }

    fn subscribe(&mut self, stream: Resource<DynInputStream>) -> Result<Resource<DynPollable>> {
        s::HostInputStream::subscribe(self.table, stream)
    }

    fn drop(&mut self, stream: Resource<DynInputStream>) -> Result<()> {
        self.clock.wait(s::HostInputStream::drop(self.table, stream))?
    }
}

impl streams::HostOutputStream for Waiting<'_> {
    fn check_write(&mut self, stream: Resource<DynOutputStream>) -> StreamResult<u64> {
        s::HostOutputStream::check_write(self.table, stream)
    }

    fn write(&mut self, stream: Resource<DynOutputStream>, bytes: Vec<u8>) -> StreamResult<()> {
        s::HostOutputStream::write(self.table, stream, bytes)
    }

    fn blocking_write_and_flush(
        &mut self,
        stream: Resource<DynOutputStream>,
        bytes: Vec<u8>,
    ) -> StreamResult<()> {
        let write = s::HostOutputStream::blocking_write_and_flush(self.table, stream, bytes);
        self.clock.wait_stream(write)
    }

    fn flush(&mut self, stream: Resource<DynOutputStream>) -> StreamResult<()> {
        s::HostOutputStream::flush(self.table, stream)
    }

    fn blocking_flush(&mut self, stream: Resource<DynOutputStream>) -> StreamResult<()> {
        self.clock.wait_stream(s::HostOutputStream::blocking_flush(self.table, stream))
    }

    fn subscribe(&mut self, stream: Resource<DynOutputStream>) -> Result<Resource<DynPollable>> {
        s::HostOutputStream::subscribe(self.table, stream)
    }

    fn write_zeroes(&mut self, stream: Resource<DynOutputStream>, len: u64) -> StreamResult<()> {
        s::HostOutputStream::write_zeroes(self.table, stream, len)
    }

    fn blocking_write_zeroes_and_flush(
        &mut self,
        stream: Resource<DynOutputStream>,
        len: u64,
    ) -> StreamResult<()> {
        let write = s::HostOutputStream::blocking_write_zeroes_and_flush(self.table, stream, len);
        self.clock.wait_stream(write)
    }

    fn splice(
        &mut self,
        to: Resource<DynOutputStream>,
        from: Resource<DynInputStream>,
        len: u64,
    ) -> StreamResult<u64> {
        s::HostOutputStream::splice(self.table, to, from, len)
    }

    fn blocking_splice(
        &mut self,
        to: Resource<DynOutputStream>,
        from: Resource<DynInputStream>,
        len: u64,
    ) -> StreamResult<u64> {
        self.clock.wait_stream(s::HostOutputStream::blocking_splice(self.table, to, from, len))
    }

    fn drop(&mut self, stream: Resource<DynOutputStream>) -> Result<()> {
        self.clock.wait(s::HostOutputStream::drop(self.table, stream))?
    }
}
