//! WASI for one instance: what is granted, as wasmtime-wasi wants it, and its functions.

use std::fmt;

use castcall_core::ComponentId;
use wasmtime::component::{HasData, Linker, ResourceTable};
use wasmtime_wasi::cli::{WasiCli, WasiCliView as _};
use wasmtime_wasi::clocks::{WasiClocks, WasiClocksView as _};
use wasmtime_wasi::filesystem::{WasiFilesystem, WasiFilesystemView as _};
use wasmtime_wasi::p2::bindings::{self, sync};
use wasmtime_wasi::random::WasiRandom;
use wasmtime_wasi::sockets::{WasiSockets, WasiSocketsView as _};
use wasmtime_wasi::{FsPerms, WasiCtx, WasiCtxView, WasiView};

use super::log::{Output, Stream};
use super::wait::Waiting;
use super::{Access, FolderError, Wasi};
use crate::state::State;

/// Open files, sockets, streams and what is waited for, of one instance together.
const MAX_RESOURCES: usize = 1_000;
/// Random bytes at once; for more, the guest is ended.
const MAX_RANDOM: u64 = 1 << 20;

/// What an instance has of WASI.
pub(crate) struct WasiState {
    context: WasiCtx,
    pub(super) table: ResourceTable,
}

impl fmt::Debug for WasiState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WasiState").finish_non_exhaustive()
    }
}

impl WasiState {
    /// Opens the folders that are granted.
    pub(crate) fn new(wasi: &Wasi, id: &ComponentId) -> Result<Self, FolderError> {
        let mut builder = WasiCtx::builder();
        // Guests are entered on threads that may block: see the runtime crate.
        builder.allow_blocking_current_thread(true);
        builder.max_random_size(MAX_RANDOM);
        for (name, value) in &wasi.env {
            builder.env(name, value);
        }
        for folder in &wasi.folders {
            let permissions = match folder.access {
                Access::ReadOnly => FsPerms::ReadOnly,
                Access::ReadWrite => FsPerms::ReadWrite,
            };
            builder.preopened_dir(&folder.host, &folder.guest, permissions).map_err(|error| {
                let (host, guest) = (folder.host.clone(), folder.guest.clone());
                let source = match error.downcast::<std::io::Error>() {
                    Ok(error) => error,
                    Err(error) => std::io::Error::other(format!("{error:#}")),
                };
                FolderError { host, guest, source }
            })?;
        }
        if wasi.stdio {
            builder.stdout(Output::new(id, Stream::Stdout));
            builder.stderr(Output::new(id, Stream::Stderr));
        }
        if wasi.network {
            builder.inherit_network().allow_tcp(true).allow_udp(true).allow_ip_name_lookup(true);
        }
        let mut table = ResourceTable::new();
        table.set_max_capacity(MAX_RESOURCES);
        Ok(Self { context: builder.build(), table })
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        let wasi = self.wasi_mut();
        WasiCtxView { ctx: &mut wasi.context, table: &mut wasi.table }
    }
}

struct HasTable;

impl HasData for HasTable {
    type Data<'a> = &'a mut ResourceTable;
}

struct HasWaiting;

impl HasData for HasWaiting {
    type Data<'a> = Waiting<'a>;
}

/// Offers what is granted. That a component imports nothing else has been checked.
pub(crate) fn link(linker: &mut Linker<State>, wasi: &Wasi) -> wasmtime::Result<()> {
    let l = linker;
    bindings::io::error::add_to_linker::<State, HasTable>(l, |state| &mut state.wasi_mut().table)?;
    sync::io::poll::add_to_linker::<State, HasWaiting>(l, |state| Waiting::new(state))?;
    sync::io::streams::add_to_linker::<State, HasWaiting>(l, |state| Waiting::new(state))?;

    bindings::cli::exit::add_to_linker::<State, WasiCli>(l, State::cli)?;
    bindings::cli::environment::add_to_linker::<State, WasiCli>(l, State::cli)?;
    bindings::cli::stdin::add_to_linker::<State, WasiCli>(l, State::cli)?;
    bindings::cli::stdout::add_to_linker::<State, WasiCli>(l, State::cli)?;
    bindings::cli::stderr::add_to_linker::<State, WasiCli>(l, State::cli)?;
    bindings::cli::terminal_input::add_to_linker::<State, WasiCli>(l, State::cli)?;
    bindings::cli::terminal_output::add_to_linker::<State, WasiCli>(l, State::cli)?;
    bindings::cli::terminal_stdin::add_to_linker::<State, WasiCli>(l, State::cli)?;
    bindings::cli::terminal_stdout::add_to_linker::<State, WasiCli>(l, State::cli)?;
    bindings::cli::terminal_stderr::add_to_linker::<State, WasiCli>(l, State::cli)?;

    let files = State::filesystem;
    bindings::filesystem::preopens::add_to_linker::<State, WasiFilesystem>(l, files)?;
    sync::filesystem::types::add_to_linker::<State, WasiFilesystem>(l, files)?;

    let sockets = State::sockets;
    let options = Default::default();
    bindings::sockets::network::add_to_linker::<State, WasiSockets>(l, &options, sockets)?;
    bindings::sockets::instance_network::add_to_linker::<State, WasiSockets>(l, sockets)?;
    bindings::sockets::ip_name_lookup::add_to_linker::<State, WasiSockets>(l, sockets)?;
    bindings::sockets::tcp_create_socket::add_to_linker::<State, WasiSockets>(l, sockets)?;
    sync::sockets::tcp::add_to_linker::<State, WasiSockets>(l, sockets)?;
    sync::sockets::udp::add_to_linker::<State, WasiSockets>(l, sockets)?;
    sync::sockets::udp_create_socket::add_to_linker::<State, WasiSockets>(l, sockets)?;

    if wasi.clocks {
        bindings::clocks::wall_clock::add_to_linker::<State, WasiClocks>(l, State::clocks)?;
        bindings::clocks::monotonic_clock::add_to_linker::<State, WasiClocks>(l, State::clocks)?;
    }
    if wasi.random {
        bindings::random::random::add_to_linker::<State, WasiRandom>(l, random)?;
        bindings::random::insecure::add_to_linker::<State, WasiRandom>(l, random)?;
        bindings::random::insecure_seed::add_to_linker::<State, WasiRandom>(l, random)?;
    }
    Ok(())
}

fn random(state: &mut State) -> &mut wasmtime_wasi::random::WasiRandomCtx {
    state.ctx().ctx.random()
}
