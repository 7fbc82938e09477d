//! An application, as `run` and `check` read it.

use std::io::IsTerminal;
use std::path::Path;

use castcall::Component;
use castcall::manifests::{
    ApplicationManifest, ComponentEntry, ComponentManifest, ManifestError, Problem,
};

use crate::exit::Failure;
use crate::print;

/// Reads the manifests; warnings go to standard error.
pub(crate) fn load(file: &Path) -> Result<ApplicationManifest, Failure> {
    let application = ApplicationManifest::load(file).map_err(|error| {
        // What a new user has first is the manifest of a component.
        let text = std::fs::read_to_string(file).unwrap_or_default();
        match ComponentManifest::parse(&text, file) {
            Ok(component) => Failure::NotInOrder(of_a_component(file, &component)),
            Err(_) => not_in_order(&error),
        }
    })?;
    if application.components.is_empty() {
        print::remark(format_args!("warning: {} has no [components.NAME]", file.display()));
    }
    for warning in &application.warnings {
        print::remark(format_args!("warning: {warning}{}", advice(warning)));
    }
    Ok(application)
}

/// The component, with what it is granted.
pub(crate) fn component(entry: &ComponentEntry) -> Component {
    Component::from_manifest(&entry.component).grant_wasi(&entry.grants.wasi)
}

fn of_a_component(file: &Path, component: &ComponentManifest) -> String {
    let (path, id) = (file.display(), component.id.as_str());
    let name = id.rsplit('/').next().unwrap_or(id);
    let file = file.file_name().unwrap_or_default().display();
    format!(
        "{path} is the manifest of one component, {id}. What runs is an application: beside it, a \
         castcall.toml with\n\n[components.{name}]\nmanifest = \"{file}\""
    )
}

fn advice(problem: &Problem) -> String {
    problem.suggestion.as_ref().map_or_else(String::new, |text| format!(" ({text})"))
}

pub(crate) fn not_in_order(error: &ManifestError) -> Failure {
    let coloured = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    Failure::NotInOrder(if coloured { error.render_coloured() } else { error.render() })
}
