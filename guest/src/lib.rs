//! For castcall guests in Rust: typed messages, handlers and errors over the contract in `wit/`.
//!
//! ```
//! use castcall_guest::{Cbor, ComponentError, Handler};
//!
//! #[derive(Default)]
//! struct Greeter;
//!
//! castcall_guest::export!(Greeter: Handler);
//!
//! impl Handler for Greeter {
//!     type Codec = Cbor;
//!     type Request = String;
//!     type Response = String;
//!
//!     fn handle(&mut self, _sender: &str, name: String) -> Result<String, ComponentError> {
//!         Ok(format!("Hello, {name}!"))
//!     }
//! }
//! ```
//!
//! Built as a `cdylib` for `wasm32-unknown-unknown`, this is a component: a message that is no text
//! in CBOR is answered with `invalid-payload` and never gets there.
//!
//! * [`Handler`] is for who is sent to, [`Callback`] for who calls, [`Setup`] for who has a
//!   configuration. [`export!`] names those that a type implements.
//! * [`cast`], [`call`] and [`publish`] send in CBOR; [`Codec`] has them for each codec:
//!   `Borsh::call("shop/stock", &order, timeout)`. Nothing ever blocks; a call's answer comes to
//!   [`Callback::callback`].
//! * [`context`] tells of the message being handled; [`defer`] takes a call over, to be answered
//!   later.
//! * [`mock`] is a host for tests that are not WebAssembly. It is not there in WebAssembly.
//!
//! # Features
//!
//! `cbor`, on by default, `json`, `borsh`, `bincode`: codecs, each only if it is named.
//! `messagepack` needs a guest with std. [`Raw`] and [`Bare`] are always there. A guest without std
//! takes `allocator` and `panic-handler` as well: a panic is then a trap, and callers hear
//! `crashed`.

#![no_std]

extern crate alloc;
#[cfg(not(target_arch = "wasm32"))]
extern crate std;

#[cfg(target_arch = "wasm32")]
mod bindings;
mod codec;
pub mod context;
mod dispatch;
mod error;
mod export;
mod handler;
#[cfg(not(target_arch = "wasm32"))]
pub mod mock;
#[cfg(target_arch = "wasm32")]
mod rt;
mod services;

/// Tests what the README shows.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

/// Who does what is asked: the host, or the mock.
#[cfg(target_arch = "wasm32")]
use bindings as host;
#[cfg(not(target_arch = "wasm32"))]
use mock as host;

pub use castcall_codec::{self as envelope, DecodeError, EncodeError};
#[cfg(feature = "bincode")]
pub use codec::Bincode;
#[cfg(feature = "borsh")]
pub use codec::Borsh;
#[cfg(feature = "cbor")]
pub use codec::Cbor;
#[cfg(feature = "json")]
pub use codec::Json;
#[cfg(feature = "messagepack")]
pub use codec::MessagePack;
pub use codec::{Bare, Codec, Decode, Encode, Raw};
pub use context::TraceContext;
pub use error::{
    CallError, CancelError, CodecMismatch, ComponentError, CrashCode, DeferError, MessagingError,
    RESPONSE_NOT_ENCODED, ReplyError, RequestError, SendError,
};
pub use handler::{Callback, Config, Handler, Setup};
pub use services::{
    MessageRate, RequestId, Token, Usage, cancel, defer, self_id, subscribe, subscribe_group,
    unsubscribe, usage,
};
#[cfg(feature = "cbor")]
pub use services::{call, cast, decode, encode, publish, reply};

/// What `export!` expands to needs this.
#[doc(hidden)]
pub mod __private {
    pub use crate::dispatch::State;

    #[cfg(target_arch = "wasm32")]
    pub use {
        crate::bindings::{ComponentError, RequestError, callback, lifecycle, setup},
        alloc::string::String,
        alloc::vec::Vec,
    };

    #[cfg(target_arch = "wasm32")]
    pub fn handle<H: crate::Handler>(
        handler: &mut H,
        sender: &str,
        message: &[u8],
    ) -> Result<Vec<u8>, ComponentError> {
        crate::dispatch::handle(handler, sender, message).map_err(Into::into)
    }

    #[cfg(target_arch = "wasm32")]
    pub fn end_of_call<C: crate::Callback>(
        guest: &mut C,
        id: String,
        result: Result<Vec<u8>, RequestError>,
    ) -> Result<(), ComponentError> {
        let (id, result) = (crate::RequestId(id), result.map_err(Into::into));
        crate::dispatch::callback(guest, &id, result).map_err(Into::into)
    }
}
