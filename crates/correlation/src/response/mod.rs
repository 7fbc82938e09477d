//! Commands that require a response, which goes not to who sent the command but to a reply path.

mod builder;
mod config;
mod ended;
mod error;
mod listing;
mod manager;
mod pending;
mod reply_path;
mod timeout;

pub use builder::ResponseManagerBuilder;
pub use config::{ResponseConfig, ResponseRequired};
pub use error::{RegisterResponseError, RejectedResponse};
pub use manager::ResponseManager;
pub use pending::{PendingResponse, PendingResponseSnapshot, ResponseStatus};
pub use reply_path::{InvalidReplyPath, OpaquePath, ReplyPath, ReplyPathError};
pub use timeout::{TimeoutDetail, TimeoutKind, TimeoutResponse};

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;
