//! `cargo xtask schema`: the JSON Schemas of the manifests, and the tables of docs/manifest.md.

use std::fs;

use anyhow::{Context, Result, bail};
use castcall_manifest::schema;
use serde_json::Value;

const PAGE: &str = "docs/manifest.md";

/// The options of `cargo xtask schema`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Writes nothing, and fails if something is out of date.
    #[arg(long)]
    check: bool,
}

/// Writes what is out of date.
pub(crate) fn run(args: &Args) -> Result<()> {
    let root = crate::workspace();
    let page = fs::read_to_string(root.join(PAGE)).context(PAGE)?;
    let page = put(&page, "component", &schema::component_reference())?;
    let page = put(&page, "application", &schema::application_reference())?;
    let mut stale = Vec::new();
    for (file, text) in [
        ("docs/schema/component.schema.json", pretty(&schema::component())?),
        ("docs/schema/application.schema.json", pretty(&schema::application())?),
        (PAGE, page),
    ] {
        let path = root.join(file);
        if fs::read_to_string(&path).ok().as_deref() == Some(&text) {
            continue;
        }
        stale.push(file);
        if !args.check {
            fs::create_dir_all(path.parent().context(file)?)?;
            fs::write(&path, text).context(file)?;
            println!("{file}: written");
        }
    }
    if args.check && !stale.is_empty() {
        bail!("out of date, `cargo xtask schema` writes them: {}", stale.join(", "));
    }
    Ok(())
}

fn pretty(schema: &Value) -> Result<String> {
    Ok(serde_json::to_string_pretty(schema)? + "\n")
}

/// Puts a reference between its marks.
fn put(page: &str, name: &str, reference: &str) -> Result<String> {
    let (begin, end) = (format!("<!-- keys: {name} -->\n"), format!("<!-- /keys: {name} -->\n"));
    let (before, rest) = page.split_once(&begin).with_context(|| format!("{PAGE}: no {begin}"))?;
    let (_, after) = rest.split_once(&end).with_context(|| format!("{PAGE}: no {end}"))?;
    Ok(format!("{before}{begin}\n{reference}{end}{after}"))
}
