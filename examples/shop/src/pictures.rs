//! What is left of the day: its recording, and pictures of it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use castcall_diagram::{Recording, Topology, html, mermaid};

use crate::recording::Line;

/// Where the pictures are.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Pictures {
    /// The whole day, as a page for a browser.
    pub page: PathBuf,
    /// Who talks to whom, as a page for a browser.
    pub topology: PathBuf,
    /// The whole day, as Mermaid text.
    pub day: PathBuf,
    /// The lives of two orders, as Mermaid text: the README's diagram.
    pub orders: PathBuf,
}

impl Pictures {
    pub(crate) fn draw(folder: &Path, day: &[Line], orders: &[Line]) -> Result<Self> {
        let pictures = Self {
            page: folder.join("shop.html"),
            topology: folder.join("topology.html"),
            day: folder.join("shop.mmd"),
            orders: folder.join("orders.mmd"),
        };
        let (day, orders) = (read(day)?, read(orders)?);
        let write =
            |path: &Path, text| fs::write(path, text).with_context(|| path.display().to_string());
        write(&pictures.page, html(&day))?;
        write(&pictures.topology, Topology::of(&day, &[]).html())?;
        write(&pictures.day, mermaid(&day))?;
        write(&pictures.orders, mermaid(&orders))?;
        Ok(pictures)
    }
}

fn read(lines: &[Line]) -> Result<Recording> {
    let lines: Vec<_> = lines.iter().map(|line| line.text.as_str()).collect();
    Ok(Recording::read(lines.join("\n").as_bytes())?)
}
