//! `cargo xtask abi`: derives from `wit/castcall.wit` how the contract's values lie in a guest's
//! memory and how its functions are entered, for the core lane.

mod types;

use std::fmt::Write;
use std::fs;

use anyhow::{Context, Result, bail, ensure};
use wit_component::{StringEncoding, embed_component_metadata};
use wit_parser::{Function, Interface, Resolve, Type, WorldItem};

use crate::workspace;
use types::{AS_CORE_VALUES, INTO_THE_GUEST, OUT_OF_THE_GUEST, Types, snake};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only looks whether what is there is what would be written.
    #[arg(long)]
    check: bool,
}

const MADE: &str = "crates/wasm/src/core_lane/contract.rs";
/// Where the sections are that say what a core module is for.
const SECTIONS: &str = "crates/wasm/src/core_module";
/// Made of the text.
const DRIVERS: &str = "crates/wasm/src/core_lane/drivers";
const DRIVER: &str = "crates/wasm/src/core_lane/driver.wat";

/// How many parameters a function may have before they are passed in memory.
const MAX_FLAT_PARAMS: usize = 16;

pub(crate) fn run(args: &Args) -> Result<()> {
    let mut resolve = Resolve::default();
    let wit = workspace().join("wit");
    let (package, _) = resolve.push_path(&wit).with_context(|| wit.display().to_string())?;
    let text = contract(&resolve, package)?;
    settle(args, MADE, text.as_bytes())?;
    let exports = resolve.packages[package].worlds.get("component").context("no world")?;
    let exports = resolve.worlds[*exports].exports.keys();
    let exports: Vec<_> = exports.map(|key| resolve.name_world_key(key)).collect();
    for interface in exports {
        let (name, section) = section(resolve.clone(), &interface)?;
        settle(args, &format!("{SECTIONS}/{name}.section"), &section)?;
    }
    let text = fs::read_to_string(workspace().join(DRIVER)).context(DRIVER)?;
    let kinds = || 0..=2;
    for (message, callback) in kinds().flat_map(|one| kinds().map(move |two| (one, two))) {
        if (message, callback) != (0, 0) {
            let driver = wat::parse_str(driver(&text, message, callback)?).context(DRIVER)?;
            settle(args, &format!("{DRIVERS}/{message}{callback}.wasm"), &driver)?;
        }
    }
    Ok(())
}

/// The driver for a guest with handlers of these kinds: what is not for it is left out.
fn driver(text: &str, message: u8, callback: u8) -> Result<String> {
    let (mut driver, mut within) = (String::new(), None);
    for line in text.lines() {
        match (line.trim().strip_prefix(";; if "), line.trim() == ";; end") {
            (Some(part), _) => {
                ensure!(within.is_none(), "{DRIVER}: {part} within another");
                within = Some(match part {
                    "message" => message > 0,
                    "message-freed" => message > 1,
                    "callback" => callback > 0,
                    "callback-freed" => callback > 1,
                    _ => bail!("{DRIVER}: nobody knows {part}"),
                });
            }
            (None, true) => ensure!(within.take().is_some(), "{DRIVER}: the end of nothing"),
            (None, false) if within != Some(false) => driver.extend([line, "\n"]),
            (None, false) => {}
        }
    }
    ensure!(within.is_none(), "{DRIVER}: something has no end");
    Ok(driver)
}

/// Writes what is to be there, or only looks whether it is.
fn settle(args: &Args, path: &str, made: &[u8]) -> Result<()> {
    let file = workspace().join(path);
    if args.check {
        let found = fs::read(&file).unwrap_or_default();
        ensure!(found == made, "{path} is not what it is made of: run `cargo xtask abi`");
        return Ok(());
    }
    fs::write(&file, made).with_context(|| file.display().to_string())
}

fn contract(resolve: &Resolve, package: wit_parser::PackageId) -> Result<String> {
    let world = *resolve.packages[package].worlds.get("component").context("no world")?;
    let world = &resolve.worlds[world];
    let mut types = Types::new(resolve);
    let mut links = String::new();
    let mut imports = String::new();
    let mut exports = String::new();
    for item in world.imports.values() {
        let WorldItem::Interface { id, .. } = item else { continue };
        let (name, interface) = named(resolve, *id)?;
        for function in interface.functions.values() {
            link(&mut types, &mut links, &name, interface, function)?;
            row(&types, &mut imports, &name, function)?;
        }
    }
    for item in world.exports.values() {
        let WorldItem::Interface { id, .. } = item else { bail!("the world exports no interface") };
        let (name, interface) = named(resolve, *id)?;
        for function in interface.functions.values() {
            for param in &function.params {
                types.see(&param.ty, INTO_THE_GUEST)?;
                types.see(&param.ty, AS_CORE_VALUES)?;
            }
            if let Some(result) = &function.result {
                types.see(result, OUT_OF_THE_GUEST)?;
            }
            row(&types, &mut exports, &name, function)?;
        }
    }
    Ok(format!(
        "//! The contract as `wit/castcall.wit` has it. Made by `cargo xtask abi`: don't edit it.\n\n\
         use castcall_core::RequestId;\n\
         use wasmtime::{{Caller, Linker, error::Result}};\n\n\
         use super::abi::{{Abi, Args, Flat, Flatten, Lift, Lower, View, Writer, aligned, larger, more, no_case}};\n\
         use super::imports::{{give, serve}};\n\
         use super::layout::{{record, variant}};\n\
         use crate::services;\n\
         use crate::state::State;\n\
         use crate::types::{{{}}};\n\n\
         {}\n\
         /// Interface, function and type of all that a guest may import.\n\
         pub(crate) const IMPORTS: &[(&str, &str, &str)] = &[\n{imports}];\n\n\
         /// Interface, function and type of all that the host enters.\n\
         pub(crate) const EXPORTS: &[(&str, &str, &str)] = &[\n{exports}];\n\n\
         /// Defines all imports.\n\
         pub(crate) fn link(linker: &mut Linker<State>) -> Result<()> {{\n{links}    Ok(())\n}}\n",
        types.names().join(", "),
        types.layouts(),
    ))
}

/// The section of a core module that exports one interface, and imports all that it may; and the
/// interface's own name.
fn section(mut resolve: Resolve, interface: &str) -> Result<(String, Vec<u8>)> {
    let name = interface.rsplit('/').next().and_then(|name| name.split('@').next());
    let name = name.context("an interface without a name")?.to_owned();
    let (package, version) = interface.split_once('/').context("an interface without a package")?;
    let version = version.split_once('@').context("an interface without a version")?.1;
    // Worlds that are made one must have names of their own.
    let wit = format!(
        "package castcall:module; world with-{name} {{ include {package}/imports@{version}; \
         export {interface}; }}"
    );
    let package = resolve.push_str("module.wit", &wit)?;
    let world = resolve.select_world(&[package], None)?;
    let mut section = Vec::new();
    embed_component_metadata(&mut section, &resolve, world, StringEncoding::UTF8)?;
    Ok((name, section))
}

fn named(resolve: &Resolve, id: wit_parser::InterfaceId) -> Result<(String, &Interface)> {
    let name = resolve.id_of(id).context("an interface without a name")?;
    Ok((name, &resolve.interfaces[id]))
}

fn row(types: &Types<'_>, rows: &mut String, interface: &str, function: &Function) -> Result<()> {
    let signature = types.signature(function);
    writeln!(rows, "    ({interface:?}, {:?}, {signature:?}),", function.name)?;
    Ok(())
}

/// A function that a guest imports: its flat parameters, what they are, and whose result it gives.
fn link(
    types: &mut Types<'_>,
    links: &mut String,
    interface: &str,
    of: &Interface,
    function: &Function,
) -> Result<()> {
    let mut flat = 0;
    let mut lifted = Vec::new();
    for param in &function.params {
        types.see(&param.ty, OUT_OF_THE_GUEST)?;
        flat += types.flat(&param.ty);
        lifted.push(format!("args.next::<{}>()?", types.borrowed(&param.ty)?));
    }
    ensure!(flat <= MAX_FLAT_PARAMS, "{} has too many parameters", function.name);
    let mut widths = Vec::new();
    for param in &function.params {
        types.widths(&param.ty, &mut widths);
    }
    let mut params: Vec<String> =
        widths.iter().enumerate().map(|(at, width)| format!("a{at}: {width}")).collect();
    let slot = |(at, width): (usize, &&str)| match *width {
        "u64" => format!("a{at}"),
        _ => format!("a{at}.into()"),
    };
    let slots: Vec<String> = widths.iter().enumerate().map(slot).collect();
    let slots = slots.join(", ");
    let result = function.result.as_ref().with_context(|| function.name.clone())?;
    types.see(result, INTO_THE_GUEST)?;
    let in_memory = types.flat(result) > 1;
    if in_memory {
        params.push("ret: u32".into());
    }
    let params: String = params.iter().map(|param| format!(", {param}")).collect();
    let of = of.name.as_deref().unwrap_or_default();
    let arguments: String = lifted.iter().map(|lift| format!(", {lift}")).collect();
    let args = if lifted.is_empty() { "_" } else { "args" };
    let rust = types.owned(result)?;
    let (returns, give) = match (in_memory, result) {
        (true, _) => ("()".to_owned(), "give(&mut caller, ret, &result)".to_owned()),
        (false, Type::Bool) => ("u32".to_owned(), "Ok(result.into())".to_owned()),
        (false, _) => bail!("{of}.{} returns what is not provided for", function.name),
    };
    write!(
        links,
        "    linker.func_wrap({interface:?}, {name:?}, |mut caller: Caller<'_, State>{params}| -> Result<{returns}> {{\n\
         \x20       let result: {rust} = serve(&mut caller, &[{slots}], |context, {args}| Ok(services::{call}(context{arguments})))?;\n\
         \x20       {give}\n\
         \x20   }})?;\n",
        name = function.name,
        call = snake(&function.name),
    )?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::types::{camel, snake};

    #[test]
    fn names_are_rusts() {
        assert_eq!(camel("retry-after-ms"), "RetryAfterMs");
        assert_eq!(snake("retry-after-ms"), "retry_after_ms");
    }
}
