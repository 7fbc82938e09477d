//! `castcall inspect`.

use std::path::Path;

use castcall::wasm::{Engine, EngineConfig, Wasi};
use serde_json::json;
use wit_parser::decoding::{DecodedWasm, decode};
use wit_parser::{Resolve, WorldItem, WorldKey};

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
    let (imports, exports) = world(&wasm).unwrap_or_default();
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
                "refused": refused,
                "lane": lane.as_ref().map(output::lane),
            });
            print::answer(&format!("{all}\n"))?;
        }
        Format::Text => {
            let mut text = format!("{} bytes\n", wasm.len());
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

/// The names that it imports and exports, as WIT has them. `None` if it is no component.
fn world(wasm: &[u8]) -> Option<(Vec<String>, Vec<String>)> {
    let DecodedWasm::Component(resolve, id) = decode(wasm).ok()? else { return None };
    let world = &resolve.worlds[id];
    let names = |items: &mut dyn Iterator<Item = (&WorldKey, &WorldItem)>| {
        let items = items.filter(|(_, item)| !matches!(item, WorldItem::Type { .. }));
        items.map(|(key, _)| name(&resolve, key)).collect()
    };
    Some((names(&mut world.imports.iter()), names(&mut world.exports.iter())))
}

fn name(resolve: &Resolve, key: &WorldKey) -> String {
    resolve.name_world_key(key)
}
