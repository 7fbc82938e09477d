//! An application, as `run` and `check` read it.

use std::io::IsTerminal;
use std::path::Path;

use castcall::manifests::{ApplicationManifest, ManifestError, Problem};

use crate::exit::Failure;
use crate::print;

/// Reads the manifests; warnings go to standard error.
pub(crate) fn load(file: &Path) -> Result<ApplicationManifest, Failure> {
    let application = ApplicationManifest::load(file).map_err(|error| not_in_order(&error))?;
    for warning in &application.warnings {
        print::remark(format_args!("warning: {warning}{}", advice(warning)));
    }
    Ok(application)
}

fn advice(problem: &Problem) -> String {
    problem.suggestion.as_ref().map_or_else(String::new, |text| format!(" ({text})"))
}

pub(crate) fn not_in_order(error: &ManifestError) -> Failure {
    let coloured = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    Failure::NotInOrder(if coloured { error.render_coloured() } else { error.render() })
}
