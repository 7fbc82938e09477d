//! `castcall new`.

use std::path::{Path, PathBuf};
use std::{fs, io};

use castcall::ComponentId;

use crate::exit::Failure;
use crate::print;

const FILES: [(&str, &str); 4] = [
    ("Cargo.toml", include_str!("templates/Cargo.toml.in")),
    ("Component.toml", include_str!("templates/Component.toml.in")),
    ("castcall.toml", include_str!("templates/castcall.toml.in")),
    ("src/lib.rs", include_str!("templates/lib.rs.in")),
];

pub(crate) fn new(name: &str, folder: Option<&Path>, guest: Option<&Path>) -> Result<(), Failure> {
    let id = ComponentId::new(name).map_err(Failure::failed)?;
    if id.is_reserved() {
        return Err(Failure::failed(format!("{id} is reserved: choose another id")));
    }
    let last = id.as_str().rsplit('/').next().unwrap_or(name);
    let package = last.to_ascii_lowercase();
    let package = match package.starts_with(|c: char| c.is_ascii_digit()) {
        true => format!("guest-{package}"),
        false => package,
    };
    let folder = folder.map_or_else(|| PathBuf::from(last), Path::to_owned);
    let guest = guest.map_or_else(|| Ok("\"0.1\"".to_owned()), dependency)?;
    // Nothing that is there is written over.
    fs::create_dir(&folder).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => {
            let folder = folder.display();
            Failure::failed(format!("{folder} exists: choose another folder with --folder"))
        }
        _ => Failure::file(&folder)(error),
    })?;
    fs::create_dir(folder.join("src")).map_err(Failure::file(folder.join("src")))?;
    for (path, template) in FILES {
        let text = template
            .replace("{id}", id.as_str())
            .replace("{name}", last)
            .replace("{guest}", &guest)
            .replace("{package}", &package)
            .replace("{crate}", &package.replace('-', "_"));
        fs::write(folder.join(path), text).map_err(Failure::file(folder.join(path)))?;
    }
    print::answer(&format!(
        "{folder} is there. To build it and run it, as {folder}/src/lib.rs says:\n\n  cd {folder}\n{}",
        steps(&package.replace('-', "_"), id.as_str()),
        folder = folder.display(),
    ))
}

/// What stands in the file that was made, from where it says how.
fn steps(package: &str, id: &str) -> String {
    let steps = include_str!("templates/lib.rs.in").lines();
    let steps = steps.filter_map(|line| line.strip_prefix("//! ")).skip(1);
    let steps = steps.filter(|line| !line.starts_with("```")).map(|line| format!("  {line}\n"));
    steps.collect::<String>().replace("{crate}", package).replace("{id}", id)
}

/// On `castcall-guest` in that folder.
fn dependency(folder: &Path) -> Result<String, Failure> {
    let folder = folder.canonicalize().map_err(Failure::file(folder))?;
    if !folder.join("Cargo.toml").is_file() {
        return Err(Failure::failed(format!("{} is no crate", folder.display())));
    }
    let path = folder.to_str().ok_or_else(|| {
        Failure::failed(format!("{} is no text that Cargo.toml could have", folder.display()))
    })?;
    // JSON's strings are TOML's.
    Ok(format!("{{ path = {} }}", serde_json::Value::from(path)))
}
