//! A topology as one HTML page: nodes on a ring, arrows as wide as they are used, and a table.

use std::fmt::Write;

use serde::Serialize;

use crate::page::Page;
use crate::ring_drawing::{Drawing, MOST_ARROWS};
use crate::text::{html as escaped, json_in_script};
use crate::time::length;
use crate::topology::{Edge, Topology, per_second};

/// How many rows the table has.
const MOST_ROWS: usize = 500;

impl Topology {
    /// Draws it as one HTML page, which opens without a network: components on a ring, an arrow
    /// for each kind of message between two, wider where there are more, dashed where it is allowed
    /// and was not used, red where it was denied, 2,000 at most; and all of it in a table, of 500 rows at most.
    #[must_use]
    pub fn html(&self) -> String {
        let span = i64::try_from(self.span.as_micros()).unwrap_or(i64::MAX);
        let used = self.edges().iter().filter(|edge| edge.count > 0).count();
        let unused = self.edges().iter().filter(|edge| edge.is_unused()).count();
        let denied = self.edges().iter().filter(|edge| edge.denied > 0).count();
        let subtitle = format!(
            "{} nodes; {used} ways used, {unused} allowed and unused, {denied} denied, in {}",
            self.nodes().len(),
            length(span),
        );
        let data = Data {
            nodes: self.nodes().iter().map(|node| &*node.name).collect(),
            edges: self.edges().iter().map(Row::of).collect(),
        };
        let json = serde_json::to_string(&data).unwrap_or_default();
        let mut remarks = self.remarks.clone();
        if self.edges().len() > MOST_ARROWS {
            let more = self.edges().len() - MOST_ARROWS;
            remarks.push(format!("{more} more arrows were left out of the ring."));
        }
        let body = format!(
            "{}<div id=\"both\"><div id=\"ring\">{}</div><div id=\"table\">{}</div></div>",
            include_str!("../assets/network.html"),
            Drawing::new(self).svg(),
            self.table(),
        );
        Page {
            title: "Who talks to whom",
            subtitle: &subtitle,
            remarks: &remarks,
            style: include_str!("../assets/network.css"),
            body: &body,
            data: &json_in_script(&json),
            script: include_str!("../assets/network.js"),
        }
        .html()
    }

    /// All edges, those that are used most first, as rows.
    fn table(&self) -> String {
        let mut edges: Vec<_> = self.edges().iter().enumerate().collect();
        edges.sort_by_key(|(_, edge)| std::cmp::Reverse(edge.count.saturating_add(edge.denied)));
        let mut rows = String::new();
        for (number, edge) in edges.iter().take(MOST_ROWS) {
            // A long id may be broken between its segments.
            let name = |node: usize| escaped(&self.nodes()[node].name).replace('/', "/<wbr>");
            let count = |count: u64| if count == 0 { String::new() } else { count.to_string() };
            // Writing to a string does not fail.
            _ = write!(
                rows,
                "<tr class=\"{} {}\" data-edge=\"{number}\"><td>{}</td><td>{}</td><td class=\"via\">{}</td>\
                 <td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
                edge.via.as_str(),
                style(edge),
                name(edge.from),
                name(edge.to),
                edge.via.as_str(),
                if edge.is_unused() { "unused".to_owned() } else { count(edge.count) },
                edge.rate.map_or(String::new(), per_second),
                count(edge.failed),
                count(edge.denied),
            );
        }
        if edges.len() > MOST_ROWS {
            let more = edges.len() - MOST_ROWS;
            _ = write!(rows, "<tr><td colspan=\"7\">and {more} more</td></tr>");
        }
        format!(
            "<table><thead><tr><th>who</th><th>whom</th><th>by</th><th>messages</th><th>rate</th>\
             <th>failed</th><th>denied</th></tr></thead><tbody>{rows}</tbody></table>"
        )
    }
}

/// What the page's script tells of an edge.
#[derive(Serialize)]
struct Data<'a> {
    nodes: Vec<&'a str>,
    edges: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    from: usize,
    to: usize,
    via: &'static str,
    count: u64,
    rate: Option<String>,
    failed: u64,
    denied: u64,
}

impl Row {
    fn of(edge: &Edge) -> Self {
        Self {
            from: edge.from,
            to: edge.to,
            via: edge.via.as_str(),
            count: edge.count,
            rate: edge.rate.map(per_second),
            failed: edge.failed,
            denied: edge.denied,
        }
    }
}

fn style(edge: &Edge) -> &'static str {
    if edge.is_unused() {
        "unused"
    } else if edge.count == 0 {
        "denied"
    } else {
        "used"
    }
}

#[cfg(test)]
#[path = "network_tests.rs"]
mod tests;
