//! From bytes to handlers, and back.

use alloc::format;
use alloc::vec::Vec;

use spin::Mutex;

use crate::codec::{Decode, Encode};
use crate::error::{ComponentError, RESPONSE_NOT_ENCODED, RequestError};
use crate::{Callback, Handler, RequestId};

/// Where a guest lies between two messages. Made by [`export!`](crate::export).
#[derive(Debug)]
pub struct State<T>(Mutex<Option<T>>);

impl<T: Default> State<T> {
    /// Holds nothing yet; the guest is made when it is first needed.
    #[must_use]
    pub const fn new() -> Self {
        Self(Mutex::new(None))
    }

    /// Lends the guest.
    ///
    /// # Panics
    ///
    /// It is lent already: a host that enters a guest twice breaks the contract.
    pub fn with<R>(&self, f: impl FnOnce(&mut T) -> R) -> R {
        let mut guest = self.0.try_lock().expect("entered by one message at a time");
        f(guest.get_or_insert_default())
    }
}

impl<T: Default> Default for State<T> {
    fn default() -> Self {
        Self::new()
    }
}

/// Gives a handler a message.
pub(crate) fn handle<H: Handler>(
    handler: &mut H,
    sender: &str,
    message: &[u8],
) -> Result<Vec<u8>, ComponentError> {
    let request = H::Codec::decode(message)?;
    let response = handler.handle(sender, request)?;
    H::Codec::encode(&response).map_err(|error| {
        ComponentError::failed(RESPONSE_NOT_ENCODED, format!("the response: {error}"))
    })
}

/// Brings the end of a call.
pub(crate) fn callback<C: Callback>(
    guest: &mut C,
    id: &RequestId,
    result: Result<Vec<u8>, RequestError>,
) -> Result<(), ComponentError> {
    let result = match result {
        Ok(answer) => C::Codec::decode(&answer).map_err(Into::into),
        Err(error) => Err(error.into()),
    };
    guest.callback(id, result)
}
