//! The tables of `docs/manifest.md`.

use std::fmt::Write;

use crate::keys::application::APPLICATION;
use crate::keys::component::COMPONENT;
use crate::keys::{Absent, Kind, Section};

/// Every key of `Component.toml`, as Markdown: a heading and a table for each table.
#[must_use]
pub fn component_reference() -> String {
    let mut page = String::new();
    section(&mut page, "", "The file itself", &COMPONENT);
    page
}

/// Every key of an application manifest, as Markdown.
#[must_use]
pub fn application_reference() -> String {
    let mut page = String::new();
    section(&mut page, "", "The file itself", &APPLICATION);
    page
}

fn section(page: &mut String, path: &str, title: &str, section: &'static Section) {
    // The file itself has its own words before it.
    if !path.is_empty() {
        let _ = write!(page, "### {title}\n\n{}\n\n", section.doc);
    }
    page.push_str("| key | value | default | example | |\n| --- | --- | --- | --- | --- |\n");
    for key in section.keys {
        let absent = match key.absent {
            Absent::Refused => "must be given".to_owned(),
            Absent::Default(default) => format!("`{default}`"),
            Absent::Means(means) => means.to_owned(),
        };
        let (value, example) = match key.kind {
            Kind::Table(_) => (format!("[a table](#{})", anchor(path, key.name)), String::new()),
            Kind::Tables(_, names) => (format!("tables, each by {names}"), String::new()),
            // An asterisk outside of code would begin emphasis.
            kind => (kind.expected().replace('*', "\\*"), format!("`{}`", key.example)),
        };
        let cells = [&*value, &absent, &example, key.doc].map(|cell| cell.replace('|', "\\|"));
        let _ = writeln!(page, "| `{}` | {} |", key.name, cells.join(" | "));
    }
    page.push('\n');
    for key in section.keys {
        match key.kind {
            Kind::Table(below) => {
                let path = below_path(path, key.name);
                self::section(page, &path, &format!("`[{path}]`"), below);
            }
            Kind::Tables(below, names) => {
                let name = if names.starts_with("an id") { "ID" } else { "NAME" };
                let path = format!("{}.{name}", below_path(path, key.name));
                self::section(page, &path, &format!("`[{path}]`"), below);
            }
            Kind::Folders(below) => {
                let path = below_path(path, key.name);
                self::section(page, &path, &format!("An entry of `{path}`"), below);
            }
            _ => {}
        }
    }
}

fn below_path(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// How the headings are linked to: letters, digits and hyphens alone.
fn anchor(path: &str, name: &str) -> String {
    below_path(path, name).to_lowercase().replace('.', "")
}
