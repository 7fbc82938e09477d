//! What a guest implements.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::str::FromStr;

use crate::RequestId;
use crate::codec::{Decode, Encode};
use crate::error::{CallError, ComponentError};

/// Handles casts, calls and published messages: a component that can be sent to.
///
/// From its arguments it can't tell which of the three a message is. What it returns is the answer
/// to a call, and dropped otherwise. It is entered by one message at a time; `self` lasts as long as
/// the instance, and a restart begins with `Self::default()`.
pub trait Handler: Default + Send + 'static {
    /// What requests and responses are written in.
    type Codec: Decode<Self::Request> + Encode<Self::Response>;
    /// What comes in. A message that is none is answered with `invalid-payload`, and never seen.
    type Request;
    /// What a call is answered with.
    type Response;

    /// Handles one. `sender` is stamped by the host and can be trusted.
    ///
    /// # Errors
    ///
    /// It could not be done: a call ends with this, a cast is counted and logged.
    fn handle(
        &mut self,
        sender: &str,
        request: Self::Request,
    ) -> Result<Self::Response, ComponentError>;
}

/// Takes the ends of this component's own calls: a component that may call.
pub trait Callback: Default + Send + 'static {
    /// What answers are written in. Where those of several targets differ, take
    /// [`Bare`](crate::Bare) and decode by the id.
    type Codec: Decode<Self::Response>;
    /// What answers are.
    type Response;

    /// Takes the end of the call that returned `id`: exactly one for each.
    ///
    /// # Errors
    ///
    /// Whatever is returned is counted and logged; nobody is told.
    fn callback(
        &mut self,
        id: &RequestId,
        result: Result<Self::Response, CallError>,
    ) -> Result<(), ComponentError>;
}

/// Is told of its beginning and its end. Optional.
pub trait Setup: Default + Send + 'static {
    /// Called once, before anything else.
    ///
    /// # Errors
    ///
    /// The instance ends as by a trap. A configuration that can't be used, say.
    fn init(&mut self, config: &Config) -> Result<(), ComponentError>;

    /// Called last, when the component is stopped in order; not after a trap.
    fn shutdown(&mut self) {}
}

/// The configuration in the component's manifest.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Config(Vec<(String, String)>);

impl Config {
    /// Of these keys and values.
    #[must_use]
    pub fn new(entries: Vec<(String, String)>) -> Self {
        Self(entries)
    }

    /// The value of a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.iter().find(|(found, _)| *found == key).map(|(_, value)| value)
    }

    /// The value of a key, read as a `T`, if it is there.
    ///
    /// # Errors
    ///
    /// It is no `T`: what to return from [`Setup::init`], with `expected` in it.
    pub fn parse<T: FromStr>(
        &self,
        key: &str,
        expected: &str,
    ) -> Result<Option<T>, ComponentError> {
        let parse = |value: &str| {
            value
                .parse()
                .map_err(|_| ComponentError::invalid(format!("{key}: expected {expected}")))
        };
        self.get(key).map(parse).transpose()
    }

    /// All keys and values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }
}
