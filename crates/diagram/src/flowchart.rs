//! A topology as a Mermaid flowchart.

use std::fmt::Write;

use crate::text::mermaid as escaped;
use crate::topology::{Edge, Topology, per_second};

/// Mermaid refuses more than 500 edges. What was used and denied is two.
const MOST: usize = 400;

/// Mermaid refuses texts of more than 50,000 characters.
const MOST_BYTES: usize = 45_000;

impl Topology {
    /// Draws it as a Mermaid `flowchart`: calls with a thick arrow, casts and publishes with a thin
    /// one, dotted what is allowed and was not used, red what was denied.
    ///
    /// It has at most 400 arrows, those that are used most, and 45,000 bytes; a node says how many
    /// more there would be.
    #[must_use]
    pub fn mermaid(&self) -> String {
        let mut out = String::from("flowchart LR\n");
        for (number, node) in self.nodes().iter().enumerate() {
            let name = escaped(&node.name);
            let shape =
                if node.stranger { format!("([\"{name}\"])") } else { format!("[\"{name}\"]") };
            line(&mut out, format_args!("n{number}{shape}"));
        }
        let mut edges: Vec<_> = self.edges().iter().collect();
        // What was denied, then what is used most; what is unused last.
        edges.sort_by_key(|edge| std::cmp::Reverse((edge.denied > 0, edge.count)));
        let (mut drawn, mut kept, mut red, mut dotted) = (0, 0, Vec::new(), Vec::new());
        for edge in &edges {
            if drawn >= MOST || out.len() > MOST_BYTES - 6_000 {
                break;
            }
            kept += 1;
            for (style, text) in arrows(edge) {
                line(&mut out, format_args!("{text}"));
                match style {
                    Style::Denied => red.push(drawn.to_string()),
                    Style::Unused => dotted.push(drawn.to_string()),
                    Style::Used => {}
                }
                drawn += 1;
            }
        }
        if !red.is_empty() {
            let red = red.join(",");
            line(&mut out, format_args!("linkStyle {red} stroke:#cf222e,color:#cf222e"));
        }
        if !dotted.is_empty() {
            let dotted = dotted.join(",");
            line(&mut out, format_args!("linkStyle {dotted} stroke:#8c959f,color:#59636e"));
        }
        if kept < edges.len() {
            let more = edges.len() - kept;
            line(&mut out, format_args!("more[\"{more} more arrows were left out\"]"));
        }
        for (number, remark) in self.remarks.iter().enumerate() {
            line(&mut out, format_args!("remark{number}[\"{}\"]", escaped(remark)));
        }
        if self.nodes().is_empty() {
            line(&mut out, format_args!("nobody[\"nothing was recorded\"]"));
        }
        out
    }
}

#[derive(Clone, Copy)]
enum Style {
    Used,
    Unused,
    Denied,
}

/// The arrows of an edge: what was done, and what was denied.
fn arrows(edge: &Edge) -> Vec<(Style, String)> {
    let (from, to, via) = (edge.from, edge.to, edge.via.as_str());
    let mut arrows = Vec::new();
    if edge.is_unused() {
        arrows.push((Style::Unused, format!("n{from} -.->|\"{via}, unused\"| n{to}")));
    }
    if edge.count > 0 {
        let arrow = if via == "call" { "==>" } else { "-->" };
        let rate = edge.rate.map_or(String::new(), |rate| format!(", {}", per_second(rate)));
        let failed =
            if edge.failed > 0 { format!(", {} failed", edge.failed) } else { String::new() };
        let text = format!("{via} {}{rate}{failed}", edge.count);
        arrows.push((Style::Used, format!("n{from} {arrow}|\"{text}\"| n{to}")));
    }
    if edge.denied > 0 {
        let text = format!("{via} denied {}", edge.denied);
        arrows.push((Style::Denied, format!("n{from} --x|\"{text}\"| n{to}")));
    }
    arrows
}

fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a string does not fail.
    _ = writeln!(out, "    {text}");
}
