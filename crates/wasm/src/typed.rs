//! The guest's functions, with the types of `wit/`.

use wasmtime::component::{Func, TypedFunc, WasmList};

use crate::types::{ComponentError, RequestError};

pub(crate) type Setting<'a> = (&'a str, &'a str);
pub(crate) type Init<'a> = TypedFunc<(&'a [Setting<'a>],), (Result<(), ComponentError>,)>;
pub(crate) type Shutdown = TypedFunc<(), ()>;
/// With the answer copied out of the guest.
pub(crate) type HandleCall<'a> = TypedFunc<(&'a str, &'a [u8]), (Result<Vec<u8>, ComponentError>,)>;
/// With the answer left where it is: it can't be read after `post-return`, and nobody wants to.
pub(crate) type HandleCast<'a> =
    TypedFunc<(&'a str, &'a [u8]), (Result<WasmList<u8>, ComponentError>,)>;
pub(crate) type HandleCallback<'a> =
    TypedFunc<(&'a str, Result<&'a [u8], &'a RequestError>), (Result<(), ComponentError>,)>;

/// A function whose type was checked when the instance was made, by [`Func::typed`] with the same
/// types.
///
/// A `TypedFunc` is bound to the lifetime of its parameters, and so can't be kept from one message
/// to the next; checking the type anew for each message costs more than the rest of the entry.
/// wasmtime's own `bindgen!` does as this does.
#[derive(Clone, Copy)]
pub(crate) struct Checked(Func);

impl Checked {
    /// Checks `func` against both types it is used with.
    pub(crate) fn message(func: Func, store: impl wasmtime::AsContext) -> wasmtime::Result<Self> {
        let _: HandleCall<'_> = func.typed(&store)?;
        let _: HandleCast<'_> = func.typed(&store)?;
        Ok(Self(func))
    }

    pub(crate) fn callback(func: Func, store: impl wasmtime::AsContext) -> wasmtime::Result<Self> {
        let _: HandleCallback<'_> = func.typed(&store)?;
        Ok(Self(func))
    }

    #[allow(unsafe_code, reason = "see the type's documentation")]
    pub(crate) fn as_call<'a>(self) -> HandleCall<'a> {
        // SAFETY: `Checked::message` has checked this very function against this type; only the
        // lifetime differs, which the check does not depend on. It is only used with the store
        // that it was checked with, and with another wasmtime would panic.
        unsafe { TypedFunc::new_unchecked(self.0) }
    }

    #[allow(unsafe_code, reason = "see the type's documentation")]
    pub(crate) fn as_cast<'a>(self) -> HandleCast<'a> {
        // SAFETY: as in `as_call`.
        unsafe { TypedFunc::new_unchecked(self.0) }
    }

    #[allow(unsafe_code, reason = "see the type's documentation")]
    pub(crate) fn as_callback<'a>(self) -> HandleCallback<'a> {
        // SAFETY: as in `as_call`, for `Checked::callback`.
        unsafe { TypedFunc::new_unchecked(self.0) }
    }
}
