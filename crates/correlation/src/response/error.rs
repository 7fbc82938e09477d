//! Why a manager refuses a command, or rejects a response.

use std::time::Duration;

use castcall_core::{Category, ComponentId, ComponentMessage, CorrelationId};
use thiserror::Error;

use crate::response::ResponseRequired;

/// Why a command was not registered. Gives back what it asked for; nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RegisterResponseError {
    /// A response to a message of that id is waited for: give each command a new one, or none.
    #[error("a response to {id} is waited for already")]
    AlreadyPending {
        /// The message's.
        id: CorrelationId,
        /// What was passed.
        required: ResponseRequired,
    },
    /// The owner waits for as many responses as it may: wait for some.
    #[error("{owner} waits for {limit} responses, as many as it may")]
    TooManyPending {
        /// Whose.
        owner: ComponentId,
        /// How many it may wait for.
        limit: usize,
        /// What was passed.
        required: ResponseRequired,
    },
    /// The timeout is zero or longer than the maximum: change it, or name none.
    #[error("a timeout of {:?} is not between 1 ns and {max:?}", required.timeout.unwrap_or(*max))]
    InvalidTimeout {
        /// How long it may be.
        max: Duration,
        /// What was passed.
        required: ResponseRequired,
    },
}

impl RegisterResponseError {
    /// What was passed.
    #[must_use]
    pub fn into_required(self) -> ResponseRequired {
        match self {
            Self::AlreadyPending { required, .. }
            | Self::TooManyPending { required, .. }
            | Self::InvalidTimeout { required, .. } => required,
        }
    }

    /// Whose matter it is.
    #[must_use]
    pub fn category(&self) -> Category {
        match self {
            Self::AlreadyPending { .. } | Self::InvalidTimeout { .. } => Category::Caller,
            Self::TooManyPending { .. } => Category::Overload,
        }
    }

    /// Whether the same command may be registered later.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        self.category() == Category::Overload
    }
}

/// Why a response was rejected. Gives the message back; nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RejectedResponse {
    /// It names no command: answer with the command's correlation id, or pass one.
    #[error("the response has no correlation id")]
    NoCorrelationId {
        /// What was passed.
        message: ComponentMessage,
    },
    /// No command of that id is known: it never was, or ended too long ago to be remembered.
    #[error("no response to {id} is waited for")]
    Unknown {
        /// The id that was looked for.
        id: CorrelationId,
        /// What was passed.
        message: ComponentMessage,
    },
    /// The command has its response: drop this one.
    #[error("{id} has its response already")]
    AlreadyResolved {
        /// The id that was looked for.
        id: CorrelationId,
        /// What was passed.
        message: ComponentMessage,
    },
    /// The command's deadline has passed: a synthetic response went, or is about to go, to the
    /// reply path. Drop this one.
    #[error("the response to {id} comes too late")]
    TimedOut {
        /// The id that was looked for.
        id: CorrelationId,
        /// What was passed.
        message: ComponentMessage,
    },
    /// The command was given up, or its owner is gone: drop this response.
    #[error("{id} was cancelled")]
    Cancelled {
        /// The id that was looked for.
        id: CorrelationId,
        /// What was passed.
        message: ComponentMessage,
    },
}

impl RejectedResponse {
    /// What was passed.
    #[must_use]
    pub fn into_message(self) -> ComponentMessage {
        match self {
            Self::NoCorrelationId { message }
            | Self::Unknown { message, .. }
            | Self::AlreadyResolved { message, .. }
            | Self::TimedOut { message, .. }
            | Self::Cancelled { message, .. } => message,
        }
    }

    /// The id that was looked for.
    #[must_use]
    pub fn id(&self) -> Option<CorrelationId> {
        match self {
            Self::NoCorrelationId { .. } => None,
            Self::Unknown { id, .. }
            | Self::AlreadyResolved { id, .. }
            | Self::TimedOut { id, .. }
            | Self::Cancelled { id, .. } => Some(*id),
        }
    }

    /// Whose matter it is.
    #[must_use]
    pub fn category(&self) -> Category {
        match self {
            Self::TimedOut { .. } => Category::Timeout,
            _ => Category::Caller,
        }
    }

    /// Whether the same response may be accepted later: never.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        false
    }
}
