//! The drivers that there are, one for each form of guest, compiled when the first such guest is.

use std::sync::OnceLock;

use wasmtime::error::{Result, format_err};
use wasmtime::{Engine, Module, ModuleExport};

use super::driver::{GUEST, HOST};

/// Which handlers a guest has, each without or with a post-return function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Handler {
    None,
    Plain,
    Freed,
}

use Handler::{Freed, None as No, Plain};

/// As `driver.wat` says.
fn code(message: Handler, callback: Handler) -> Result<&'static [u8]> {
    Ok(match (message, callback) {
        (No, No) => return Err(format_err!("nothing is driven")),
        (No, Plain) => include_bytes!("drivers/01.wasm"),
        (No, Freed) => include_bytes!("drivers/02.wasm"),
        (Plain, No) => include_bytes!("drivers/10.wasm"),
        (Plain, Plain) => include_bytes!("drivers/11.wasm"),
        (Plain, Freed) => include_bytes!("drivers/12.wasm"),
        (Freed, No) => include_bytes!("drivers/20.wasm"),
        (Freed, Plain) => include_bytes!("drivers/21.wasm"),
        (Freed, Freed) => include_bytes!("drivers/22.wasm"),
    })
}

/// Something that a driver is given.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Given {
    Memory,
    Realloc,
    HandleMessage,
    HandleCallback,
    MessagePostReturn,
    CallbackPostReturn,
    /// A function of the host's.
    Host(&'static str),
}

impl Given {
    fn of(module: &str, name: &str) -> Option<Self> {
        Some(match (module, name) {
            (GUEST, "memory") => Self::Memory,
            (GUEST, "realloc") => Self::Realloc,
            (GUEST, "handle-message") => Self::HandleMessage,
            (GUEST, "handle-callback") => Self::HandleCallback,
            (GUEST, "message-post-return") => Self::MessagePostReturn,
            (GUEST, "callback-post-return") => Self::CallbackPostReturn,
            (HOST, "next") => Self::Host("next"),
            (HOST, "fill") => Self::Host("fill"),
            (HOST, "fill-error") => Self::Host("fill-error"),
            (HOST, "answer") => Self::Host("answer"),
            (HOST, "called") => Self::Host("called"),
            _ => return None,
        })
    }
}

/// A driver, compiled, and what it imports and exports.
#[derive(Clone)]
pub(crate) struct Driver {
    pub(crate) module: Module,
    pub(crate) imports: Vec<Given>,
    pub(crate) run: ModuleExport,
    pub(crate) leave: ModuleExport,
}

impl Driver {
    fn new(engine: &Engine, code: &[u8]) -> Result<Self> {
        let module = Module::new(engine, code)?;
        let imports = module.imports().map(|import| Given::of(import.module(), import.name()));
        let imports = imports.collect::<Option<_>>();
        let export = |name| module.get_export_index(name);
        let parts = imports.zip(export("run")).zip(export("leave"));
        let ((imports, run), leave) =
            parts.ok_or_else(|| format_err!("the driver is not what it was"))?;
        Ok(Self { module, imports, run, leave })
    }
}

/// Those of an engine.
#[derive(Default)]
pub(crate) struct Drivers([[OnceLock<Driver>; 3]; 3]);

impl Drivers {
    /// The one for a guest with these handlers.
    pub(crate) fn get(
        &self,
        engine: &Engine,
        message: Handler,
        callback: Handler,
    ) -> Result<Driver> {
        let driver = &self.0[message as usize][callback as usize];
        if let Some(driver) = driver.get() {
            return Ok(driver.clone());
        }
        // Two at the same time make the same.
        let made = Driver::new(engine, code(message, callback)?)?;
        Ok(driver.get_or_init(|| made).clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_imports_what_such_a_guest_has() {
        let (engine, drivers) = (Engine::default(), Drivers::default());
        for message in [No, Plain, Freed] {
            for callback in [No, Plain, Freed] {
                let driver = drivers.get(&engine, message, callback);
                if (message, callback) == (No, No) {
                    assert!(driver.is_err());
                    continue;
                }
                let driver = driver.unwrap();
                let imports = |wanted: &dyn Fn(&Given) -> bool| driver.imports.iter().any(wanted);
                let has = |handler| handler != No;
                let expected = [has(message), message == Freed, has(callback), callback == Freed];
                let found = [
                    imports(&|it| matches!(it, Given::HandleMessage)),
                    imports(&|it| matches!(it, Given::MessagePostReturn)),
                    imports(&|it| matches!(it, Given::HandleCallback)),
                    imports(&|it| matches!(it, Given::CallbackPostReturn)),
                ];
                assert_eq!(found, expected, "{message:?} {callback:?}");
                assert!(imports(&|it| matches!(it, Given::Memory)));
            }
        }
    }
}
