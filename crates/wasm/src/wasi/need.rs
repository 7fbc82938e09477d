//! What a component's imports need to be granted.

use wasmtime::component::Component;
use wasmtime::component::types::ComponentItem;

use super::Wasi;
use crate::error::CompileError;
use crate::names;

const KNOWN: [&str; 4] =
    [names::TYPES, names::HOST_SERVICES, names::MESSAGE_CONTEXT, names::DEFERRED_REPLY];

/// Checks that there is everything that the component imports, and that it is granted.
pub(crate) fn check_imports(
    engine: &wasmtime::Engine,
    component: &Component,
    wasi: &Wasi,
) -> Result<(), CompileError> {
    for (name, item) in component.component_type().imports(engine) {
        if KNOWN.contains(&name) {
            continue;
        }
        let import = || name.to_owned();
        match package(name) {
            Some(package) if !uses(&item.ty, engine) => {
                // Types alone, as `wall-clock` for the times of files: there is nothing to use.
                tracing::trace!(import = name, package, "only types are imported");
            }
            Some(package) => {
                if !is_granted(package, wasi) {
                    return Err(CompileError::NotGranted {
                        import: import(),
                        needs: needs(package),
                    });
                }
            }
            None => return Err(CompileError::UnknownImport { import: import() }),
        }
    }
    Ok(())
}

/// The package of an interface of WASI 0.2 that can be granted: `clocks` of
/// `wasi:clocks/wall-clock@0.2.3`.
fn package(import: &str) -> Option<&str> {
    let (package, interface) = import.strip_prefix("wasi:")?.split_once('/')?;
    let (_, version) = interface.split_once('@')?;
    let known = ["cli", "clocks", "filesystem", "io", "random", "sockets"].contains(&package);
    (known && version.starts_with("0.2.")).then_some(package)
}

fn is_granted(package: &str, wasi: &Wasi) -> bool {
    match package {
        "clocks" => wasi.clocks,
        "random" => wasi.random,
        // What of these is not granted is empty, or says that it is denied.
        _ => !wasi.is_nothing(),
    }
}

fn needs(package: &str) -> &'static str {
    match package {
        "clocks" => "clocks",
        "random" => "random",
        "filesystem" => "dirs",
        "sockets" => "network",
        "cli" => "env or stdio",
        _ => "anything",
    }
}

/// Whether an import is more than the names of types.
fn uses(item: &ComponentItem, engine: &wasmtime::Engine) -> bool {
    match item {
        ComponentItem::ComponentInstance(instance) => {
            instance.exports(engine).any(|(_, export)| uses(&export.ty, engine))
        }
        ComponentItem::Type(_) => false,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_packages_of_wasi_0_2_can_be_granted() {
        assert_eq!(package("wasi:clocks/wall-clock@0.2.0"), Some("clocks"));
        assert_eq!(package("wasi:io/poll@0.2.12"), Some("io"));
        for other in [
            "wasi:clocks/wall-clock",
            "wasi:clocks/wall-clock@0.3.0",
            "wasi:clocks/wall-clock@0.20.0",
            "wasi:http/types@0.2.0",
            "wasi:clocks",
            "evil:clocks/wall-clock@0.2.0",
            "wasi-clocks",
        ] {
            assert_eq!(package(other), None, "{other}");
        }
    }
}
