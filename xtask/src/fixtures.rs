//! `cargo xtask fixtures`: from `fixtures/wat`, `rust`, `c` and `js` to `fixtures/components`.

mod c;
mod component;
mod files;
mod js;
mod language;
mod rust;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use component::Contract;
use files::{Files, list, stem};
use language::LANGUAGES;

/// The options of `cargo xtask fixtures`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Writes nothing; fails if what is committed is not what the sources give.
    #[arg(long)]
    check: bool,
    /// Makes the guests in Rust too; takes an installed wasm32-unknown-unknown, or the sysroot
    /// that CASTCALL_WASM_SYSROOT names (fixtures/rust/sysroot/build.sh makes one).
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
    write(&folders, &made)?;
    for (language, wanted) in LANGUAGES.into_iter().zip([args.rust, args.c, args.js]) {
        if wanted {
            let built = language.build(&folders)?;
            write(&folders, &built)?;
            language.record(&folders, &built)?;
        }
    }
    for name in surplus(&folders, &made)? {
        fs::remove_file(folders.components.join(&name))?;
        println!("removed {name}");
    }
    Ok(())
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

fn write(folders: &Folders, made: &Files) -> Result<()> {
    fs::create_dir_all(&folders.components)?;
    for (name, content) in made {
        let path = folders.components.join(name);
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
    faults.extend(surplus(folders, made)?.into_iter().map(|name| format!("surplus: {name}")));
    for language in LANGUAGES {
        faults.extend(language.check(folders)?);
    }
    if faults.is_empty() {
        return Ok(());
    }
    faults.sort();
    bail!(
        "fixtures/components is not what the sources give; run `cargo xtask fixtures`, with \
         `--rust`, `--c` or `--js` if a name begins with that\n{}",
        faults.join("\n")
    )
}

/// Committed files that nothing gives.
fn surplus(folders: &Folders, made: &Files) -> Result<Vec<String>> {
    let mut guests = Vec::new();
    for language in LANGUAGES {
        guests.extend(language.names(folders)?);
    }
    let mut surplus = Vec::new();
    for entry in fs::read_dir(&folders.components)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if !made.contains_key(&name) && !guests.contains(&name) {
            surplus.push(name);
        }
    }
    Ok(surplus)
}
