//! `castcall new`.

use std::path::{Path, PathBuf};
use std::{fs, io};

use castcall::ComponentId;

use crate::exit::Failure;
use crate::print;

const FILES: [(&str, &str); 3] = [
    ("Cargo.toml", include_str!("templates/Cargo.toml.in")),
    ("Component.toml", include_str!("templates/Component.toml.in")),
    ("src/lib.rs", include_str!("templates/lib.rs.in")),
];

pub(crate) fn new(name: &str, folder: Option<&Path>) -> Result<(), Failure> {
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
            .replace("{package}", &package)
            .replace("{crate}", &package.replace('-', "_"));
        fs::write(folder.join(path), text).map_err(Failure::file(folder.join(path)))?;
    }
    print::answer(&format!("{} is there: build it as src/lib.rs says\n", folder.display()))
}
