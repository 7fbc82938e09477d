//! Draws a recording.
//!
//! ```text
//! cargo run -p castcall-diagram --example draw -- audit.jsonl [DIRECTORY [ALLOWED]]
//! ```
//!
//! Writes `sequence.mmd`, `sequence.html`, `topology.mmd` and `topology.html` beside the file, or
//! into the directory. What is allowed is a file with lines like `shop/orders call shop/stock`.

use std::error::Error;
use std::fs::{self, File};
use std::io::BufReader;
use std::path::{Path, PathBuf};

use castcall_diagram::{Allowed, Recording, Topology, Via, html, mermaid};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let file = arguments.next().ok_or("which file? draw FILE [DIRECTORY [ALLOWED]]")?;
    let into = arguments.next();
    let into = into.as_deref().or(file.parent()).unwrap_or(Path::new("."));
    let allowed = match arguments.next() {
        Some(file) => allowed(&fs::read_to_string(file)?)?,
        None => Vec::new(),
    };

    let recording = Recording::read(BufReader::new(File::open(&file)?))?;
    let topology = Topology::of(&recording, &allowed);
    for (name, text) in [
        ("sequence.mmd", mermaid(&recording)),
        ("sequence.html", html(&recording)),
        ("topology.mmd", topology.mermaid()),
        ("topology.html", topology.html()),
    ] {
        let path = into.join(name);
        fs::write(&path, text)?;
        println!("{}", path.display());
    }
    Ok(())
}

fn allowed(text: &str) -> Result<Vec<Allowed>, String> {
    let lines = text.lines().filter(|line| !line.is_empty());
    let allowed = lines.map(|line| match line.split_whitespace().collect::<Vec<_>>()[..] {
        [who, "cast", whom] => Ok(Allowed::new(who, Via::Cast, whom)),
        [who, "call", whom] => Ok(Allowed::new(who, Via::Call, whom)),
        [who, "publish", whom] => Ok(Allowed::new(who, Via::Publish, whom)),
        _ => Err(format!("what is \"{line}\"? WHO cast|call|publish WHOM")),
    });
    allowed.collect()
}
