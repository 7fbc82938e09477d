//! A messaging fabric for WebAssembly components.
//!
//! Components that one Rust program embeds send each other messages: **cast** (fire and forget) and
//! **call** (request, then exactly one callback), addressed by id or published to topics. A crash
//! of one harms no other, and one that loops for ever holds nobody up.
//!
//! ```
//! use std::time::Duration;
//! use castcall::{Context, Message, System};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let system = System::builder().build()?;
//!
//! // A native peer. A component is loaded with `system.load("shop/orders", Component::file(…))`.
//! system
//!     .register_fn("shout", |_context: &mut Context, message: Message| {
//!         Ok(message.payload.to_ascii_uppercase())
//!     })
//!     .await?;
//!
//! let answer = system.call("shout", "hello", Duration::from_secs(1)).await?;
//! assert_eq!(&answer[..], b"HELLO");
//!
//! system.shutdown(Duration::from_secs(1)).await;
//! # Ok(())
//! # }
//! ```
//!
//! # Layers
//!
//! This crate puts the layers together and hands each on as a module; each is a crate of its own.
//!
//! | module | crate | what it is | what it knows nothing of |
//! | --- | --- | --- | --- |
//! | [`core`] | `castcall-core` | ids, messages, errors | queues, clocks, WebAssembly |
//! | [`correlation`] | `castcall-correlation` | calls that wait for their answer | mailboxes, WebAssembly |
//! | [`policy`] | `castcall-policy` | who may do what, and how much | messages, threads, WebAssembly |
//! | [`audit`] | `castcall-audit` | who did what, in lines of JSON | mailboxes, policies, WebAssembly |
//! | [`state`] | `castcall-state` | what outlives the process | messages on their way, WebAssembly |
//! | [`manifests`] | `castcall-manifest` | `Component.toml` and the application manifest | who acts on them |
//! | [`codec`] | `castcall-codec` | the envelope, and typed codecs behind features | who reads what |
//! | [`adapter`] | `castcall-adapter` | the way to other systems | mailboxes, WebAssembly |
//! | [`topics`] | `castcall-topics` | who is subscribed to what | messages, WebAssembly |
//! | [`broker`] | `castcall-broker` | mailboxes, routing, calls, supervision | threads, WebAssembly |
//! | [`runtime`] | `castcall-runtime` | worker threads that nobody can hold up | messages, WebAssembly |
//! | [`wasm`] | `castcall-wasm` | components in wasmtime | mailboxes, routing, threads |

mod builder;
mod command;
mod component;
mod error;
mod keeper;
mod lanes;
mod manifest;
mod outlet;
mod reply;
mod schedule;
mod system;

pub use castcall_adapter as adapter;
pub use castcall_audit as audit;
pub use castcall_broker as broker;
pub use castcall_codec as codec;
pub use castcall_core as core;
pub use castcall_correlation as correlation;
pub use castcall_manifest as manifests;
pub use castcall_policy as policy;
pub use castcall_runtime as runtime;
pub use castcall_state as state;
pub use castcall_topics as topics;
pub use castcall_wasm as wasm;

pub use builder::SystemBuilder;
pub use bytes::Bytes;
pub use castcall_audit::{Audit, AuditConfig};
pub use castcall_broker::{
    CallError, ComponentHandle, Context, MailboxConfig, Message, MessagingStats, NativePeer,
    Overflow, PeerState, RestartConfig, RestartPolicy, SendError, StartError,
};
pub use castcall_core::{
    CancelError, Category, CodecMismatch, ComponentError, ComponentId, CrashCode, DeadLetter,
    DeadLetterId, DeadLetterReason, MessagingError, RequestError, RequestId,
};
pub use castcall_correlation::{
    InvalidReplyPath, OpaquePath, ReplyPath, ResponseConfig, ResponseManager,
};
pub use castcall_policy::{Capabilities, Policy, Quotas, Rate};
pub use castcall_state::{DeadLetterLimits, DeadLetters};
pub use castcall_wasm::{Access, CompileLimits, CompileStats, Lane, Limits, NotCore, Wasi};
pub use command::Command;
pub use component::Component;
pub use error::{BuildError, LoadError, ResendError};
pub use outlet::ReplyStats;
pub use reply::{CommandReply, InvalidCommandReply, ReplyError, ReplyErrorKind};
pub use system::System;

/// The README's host example, compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct ReadmeDoctests;
