//! `export!`.

/// Makes a component of a type: `export!(Greeter: Handler)`. What it implements of [`Handler`],
/// [`Callback`] and [`Setup`] is named; what is not named is not exported.
///
/// Once in a crate of the type `cdylib`. Off WebAssembly it only checks that the traits are there.
/// It expands to `unsafe` code, so that a guest can't forbid that.
///
/// [`Handler`]: crate::Handler
/// [`Callback`]: crate::Callback
/// [`Setup`]: crate::Setup
#[macro_export]
macro_rules! export {
    ($guest:ty: $($role:ident),+ $(,)?) => {
        const _: () = {
            static STATE: $crate::__private::State<$guest> = $crate::__private::State::new();
            struct Export;
            $($crate::__export_role!($role, $guest, Export, STATE);)+
        };
    };
}

/// One interface.
#[cfg(target_arch = "wasm32")]
#[doc(hidden)]
#[macro_export]
macro_rules! __export_role {
    (Handler, $guest:ty, $export:ident, $state:ident) => {
        impl $crate::__private::lifecycle::Guest for $export {
            fn handle_message(
                sender: $crate::__private::String,
                message: $crate::__private::Vec<u8>,
            ) -> Result<$crate::__private::Vec<u8>, $crate::__private::ComponentError> {
                $state.with(|guest| $crate::__private::handle(guest, &sender, &message))
            }
        }
        $crate::__private::lifecycle::export_lifecycle!(
            $export with_types_in $crate::__private::lifecycle
        );
    };
    (Callback, $guest:ty, $export:ident, $state:ident) => {
        impl $crate::__private::callback::Guest for $export {
            fn handle_callback(
                id: $crate::__private::String,
                result: Result<$crate::__private::Vec<u8>, $crate::__private::RequestError>,
            ) -> Result<(), $crate::__private::ComponentError> {
                $state.with(|guest| $crate::__private::end_of_call(guest, id, result))
            }
        }
        $crate::__private::callback::export_callback!(
            $export with_types_in $crate::__private::callback
        );
    };
    (Setup, $guest:ty, $export:ident, $state:ident) => {
        impl $crate::__private::setup::Guest for $export {
            fn init(
                config: $crate::__private::Vec<(
                    $crate::__private::String,
                    $crate::__private::String,
                )>,
            ) -> Result<(), $crate::__private::ComponentError> {
                let config = $crate::Config::new(config);
                $state.with(|guest| $crate::Setup::init(guest, &config)).map_err(Into::into)
            }

            fn shutdown() {
                $state.with(|guest| $crate::Setup::shutdown(guest));
            }
        }
        $crate::__private::setup::export_setup!($export with_types_in $crate::__private::setup);
    };
}

/// Nothing is exported, and the state is not used.
#[cfg(not(target_arch = "wasm32"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __export_role {
    ($role:ident, $guest:ty, $export:ident, $state:ident) => {
        impl $export {
            #[allow(dead_code, non_snake_case)]
            fn $role()
            where
                $guest: $crate::$role,
            {
                let _ = (&$state, Self);
            }
        }
    };
}
