//! `castcall inspect`.

use std::borrow::Cow;
use std::path::Path;

use castcall::wasm::{Engine, EngineConfig, Wasi};
use serde_json::json;
use wasmparser::{BinaryReaderError, ComponentExternalKind, ComponentTypeRef, Parser, Payload};

use crate::args::Format;
use crate::exit::Failure;
use crate::output;
use crate::print;

/// What a guest can be entered for, and what it can't do without.
const HANDLERS: [(&str, &str); 3] = [
    ("component-lifecycle", "nobody can send to it"),
    ("component-callback", "it can't call others, only cast"),
    ("component-setup", "it gets no configuration, and is not told of its end"),
];

pub(crate) fn inspect(file: &Path, format: Format) -> Result<(), Failure> {
    let wasm = std::fs::read(file).map_err(Failure::file(file))?;
    let engine = Engine::new(EngineConfig::default()).map_err(Failure::failed)?;
    let (lane, refused) = match engine.compile_with(&wasm, everything()) {
        Ok(component) => (Some(component.lane().clone()), None),
        Err(error) => (None, Some(error.to_string())),
    };
    // Of a core module, what counts is the component that is made of it.
    let component = engine.component(&wasm).unwrap_or_default();
    let is_made = matches!(component, Cow::Owned(_));
    let (imports, exports) = world(&component).unwrap_or_default();
    let has = |name: &str| {
        let start = format!("castcall:component/{name}@");
        exports.iter().any(|export| export.starts_with(&start))
    };
    let lacks: Vec<_> = HANDLERS.iter().filter(|(name, _)| !has(name)).collect();
    match format {
        Format::Json => {
            let lacks: Vec<_> = lacks.iter().map(|(name, _)| name).collect();
            let all = json!({
                "imports": imports,
                "exports": exports,
                "lacks": lacks,
                "size": wasm.len(),
                "core-module": is_made,
                "refused": refused,
                "lane": lane.as_ref().map(output::lane),
            });
            print::answer(&format!("{all}\n"))?;
        }
        Format::Text => {
            let made = if is_made { ", a core module of which a component is made" } else { "" };
            let mut text = format!("{} bytes{made}\n", wasm.len());
            for (what, names) in [("imports", &imports), ("exports", &exports)] {
                names.iter().for_each(|name| text += &format!("{what} {name}\n"));
            }
            if let Some(lane) = &lane {
                text += &format!("lane    {lane}\n");
            }
            if refused.is_none() {
                if imports.iter().any(|import| import.starts_with("wasi:")) {
                    text += "needs   what it imports of WASI to be asked for in its manifest, and granted\n";
                }
                lacks.iter().for_each(|(name, so)| text += &format!("lacks   {name}: {so}\n"));
            }
            print::answer(&text)?;
        }
    }
    match refused {
        None => Ok(()),
        Some(why) => Err(Failure::NotInOrder(format!("a host refuses it: {why}"))),
    }
}

/// All of WASI: who gets how much of it is for manifests to say.
fn everything() -> Wasi {
    let mut wasi = Wasi::default();
    (wasi.clocks, wasi.random, wasi.stdio, wasi.network) = (true, true, true, true);
    wasi
}

/// The names that it imports and exports. No more of it is read than that: it may be anything.
fn world(component: &[u8]) -> Result<(Vec<String>, Vec<String>), BinaryReaderError> {
    let (mut imports, mut exports) = (Vec::new(), Vec::new());
    // What is within it comes in between, each with an end of its own.
    let mut depth = 0_u32;
    for payload in Parser::new(0).parse_all(component) {
        match payload? {
            Payload::Version { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(section) if depth == 1 => {
                for import in section {
                    let import = import?;
                    if !matches!(import.ty, ComponentTypeRef::Type(_)) {
                        imports.push(import.name.name.to_owned());
                    }
                }
            }
            Payload::ComponentExportSection(section) if depth == 1 => {
                for export in section {
                    let export = export?;
                    if export.kind != ComponentExternalKind::Type {
                        exports.push(export.name.name.to_owned());
                    }
                }
            }
            _ => {}
        }
    }
    Ok((imports, exports))
}
