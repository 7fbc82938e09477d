//! `cargo xtask fixtures`: from `fixtures/wat`, `rust`, `c` and `js` to `fixtures/components`, and
//! from `examples/shop/guests` to `examples/shop/components`.

mod c;
mod component;
mod files;
mod js;
mod language;
mod rust;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use component::Contract;
use files::{Files, entries, list, stem};
use language::LANGUAGES;

/// The options of `cargo xtask fixtures`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Writes nothing; fails if what is committed is not what the sources give.
    #[arg(long)]
    check: bool,
    /// Makes the guests in Rust too, those of the example application included; takes an
    /// installed wasm32-unknown-unknown, or the sysroot that CASTCALL_WASM_SYSROOT names
    /// (fixtures/rust/sysroot/build.sh makes one).
    #[arg(long, conflicts_with = "check")]
    rust: bool,
    /// Makes the guests in C too; takes clang (CASTCALL_CLANG) with wasi-libc, and the command
    /// wit-bindgen (CASTCALL_WIT_BINDGEN).
    #[arg(long, conflicts_with = "check")]
    c: bool,
    /// Makes the guests in JavaScript too; takes `npm install` in fixtures/js.
    #[arg(long, conflicts_with = "check")]
    js: bool,
}

/// Makes, or checks, the fixtures.
pub(crate) fn run(args: &Args) -> Result<()> {
    let folders = Folders::new(crate::workspace());
    let made = from_wat(&folders)?;
    if args.check {
        return check(&folders, &made);
    }
    write(&folders.components, &made)?;
    for language in LANGUAGES {
        if args.wants(language.option) {
            let built = language.build(&folders)?;
            write(&language.components(&folders), &built)?;
            language.record(&folders, &built)?;
        }
    }
    for path in surplus(&folders, &made)? {
        fs::remove_file(&path)?;
        println!("removed {}", path.display());
    }
    Ok(())
}

impl Args {
    fn wants(&self, option: &str) -> bool {
        [("rust", self.rust), ("c", self.c), ("js", self.js)].contains(&(option, true))
    }
}

/// Where things are.
struct Folders {
    workspace: PathBuf,
    contract: PathBuf,
    wat: PathBuf,
    components: PathBuf,
}

impl Folders {
    fn new(workspace: &Path) -> Self {
        let fixtures = workspace.join("fixtures");
        Self {
            workspace: workspace.into(),
            contract: workspace.join("wit"),
            wat: fixtures.join("wat"),
            components: fixtures.join("components"),
        }
    }
}

/// Everything that comes from `fixtures/wat`, and the files that are broken on purpose.
fn from_wat(folders: &Folders) -> Result<Files> {
    let contract = Contract::load(&folders.contract)?;
    let mut made = Files::new();
    for wat in list(&folders.wat, "wat")? {
        let name = stem(&wat)?;
        let module = wat::parse_file(&wat)?;
        let own_wit = wat.with_extension("wit");
        let component = component::from_wat(&contract, &name, &module, &own_wit)
            .with_context(|| wat.display().to_string())?;
        if name == "echo-handler" {
            made.insert("core-module.wasm".into(), module);
            made.insert("corrupt.wasm".into(), component[..component.len() / 2].into());
        }
        made.insert(format!("{name}.wasm"), component);
    }
    made.insert("text.wasm".into(), b"This is no WebAssembly.\n".into());
    Ok(made)
}

fn write(components: &Path, made: &Files) -> Result<()> {
    fs::create_dir_all(components)?;
    for (name, content) in made {
        let path = components.join(name);
        if fs::read(&path).ok().as_ref() != Some(content) {
            fs::write(&path, content).with_context(|| path.display().to_string())?;
            println!("wrote {name}, {} bytes", content.len());
        }
    }
    Ok(())
}

fn check(folders: &Folders, made: &Files) -> Result<()> {
    let mut faults = Vec::new();
    for (name, content) in made {
        match fs::read(folders.components.join(name)) {
            Ok(committed) if committed == *content => {}
            Ok(_) => faults.push(format!("stale: {name}")),
            Err(_) => faults.push(format!("missing: {name}")),
        }
    }
    for path in surplus(folders, made)? {
        faults.push(format!("surplus: {}", path.display()));
    }
    for language in LANGUAGES {
        faults.extend(language.check(folders)?);
    }
    if faults.is_empty() {
        return Ok(());
    }
    faults.sort();
    bail!(
        "the committed components are not what the sources give; run `cargo xtask fixtures`, with \
         `--c` or `--js` if a name begins with that, and `--rust` if it does or is of the example\n{}",
        faults.join("\n")
    )
}

/// Committed files that nothing gives.
fn surplus(folders: &Folders, made: &Files) -> Result<Vec<PathBuf>> {
    let mut given: BTreeSet<_> = made.keys().map(|name| folders.components.join(name)).collect();
    let mut places = BTreeSet::from([folders.components.clone()]);
    for language in LANGUAGES {
        let place = language.components(folders);
        given.extend(language.names(folders)?.iter().map(|name| place.join(name)));
        places.insert(place);
    }
    let mut surplus = Vec::new();
    for place in places {
        surplus.extend(entries(&place)?.into_iter().filter(|path| !given.contains(path)));
    }
    Ok(surplus)
}
