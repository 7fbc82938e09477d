//! What castcall's layers talk about: ids, messages and errors.
//!
//! This crate knows nothing of queues, threads, clocks that tick, or WebAssembly. Everything in
//! it is plain data: `Clone`, `PartialEq`, `Serialize`, `Deserialize`.
//!
//! ```
//! use castcall_core::{ComponentId, RequestMessage, ResponseMessage};
//!
//! let orders: ComponentId = "shop/orders".parse()?;
//! let stock: ComponentId = "shop/stock".parse()?;
//!
//! let request = RequestMessage::new(orders, stock, &b"how many left?"[..], 500);
//! let response = ResponseMessage::success(&request, &b"three"[..]);
//!
//! assert_eq!(response.correlation_id, request.correlation_id);
//! assert_eq!(response.to, request.from);
//! assert!(response.is_success());
//! # Ok::<(), castcall_core::InvalidComponentId>(())
//! ```

mod codec_mismatch;
mod correlation_id;
mod dead_letter;
mod error;
mod grammar;
mod id;
mod message;
mod target_pattern;
mod timestamp;
mod topic;
mod trace;

pub use codec_mismatch::CodecMismatch;
pub use correlation_id::{CorrelationId, InvalidCorrelationId, RequestId};
pub use dead_letter::{DeadLetter, DeadLetterId, DeadLetterReason};
pub use error::{CancelError, Category, ComponentError, CrashCode, MessagingError, RequestError};
pub use grammar::FormError;
pub use id::{ComponentId, InvalidComponentId};
pub use message::{ComponentMessage, RequestMessage, ResponseMessage};
pub use target_pattern::{InvalidTargetPattern, TargetPattern};
pub use timestamp::Timestamp;
pub use topic::{InvalidTopic, Pattern, Topic};
pub use trace::{InvalidTraceContext, TraceContext};

/// The bytes of a message, shared by reference count.
pub use bytes::Bytes;
