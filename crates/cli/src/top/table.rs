//! What the table shows: rates are made of two readings.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::columns::{COLUMNS, Kind};

/// One component.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row {
    pub(crate) texts: [String; COLUMNS.len()],
    numbers: [f64; COLUMNS.len()],
}

#[derive(Debug, Default)]
pub(crate) struct Table {
    rows: Vec<Row>,
    before: Option<(Instant, HashMap<String, Value>)>,
    sorted_by: usize,
    shown: Vec<usize>,
    /// The first row that is shown.
    pub(crate) first: usize,
}

impl Table {
    pub(crate) fn update(&mut self, components: &Value, now: Instant) {
        let before = self.before.take();
        let rows = components.as_array().into_iter().flatten();
        self.rows = rows
            .clone()
            .map(|row| {
                let known = before.as_ref().and_then(|(then, all)| {
                    let seconds = now.duration_since(*then).as_secs_f64();
                    let row = all.get(row["id"].as_str()?)?;
                    (seconds > 0.0).then_some((row, seconds))
                });
                read(row, known)
            })
            .collect();
        let all = rows.filter_map(|row| Some((row["id"].as_str()?.to_owned(), row.clone())));
        self.before = Some((now, all.collect()));
        self.sort();
    }

    pub(crate) fn rows(&self) -> &[Row] {
        &self.rows
    }

    pub(crate) fn sorted_by(&self) -> usize {
        self.sorted_by
    }

    /// By the next of those that are shown.
    pub(crate) fn sort_by_next(&mut self) {
        let later = self.shown.iter().find(|&&column| column > self.sorted_by);
        self.sorted_by = later.or(self.shown.first()).copied().unwrap_or(0);
        self.sort();
    }

    /// Only these columns are shown.
    pub(crate) fn show(&mut self, columns: Vec<usize>) {
        self.shown = columns;
        if !self.shown.contains(&self.sorted_by) {
            self.sorted_by = 0;
            self.sort();
        }
    }

    /// How long ago it was read.
    pub(crate) fn age(&self, now: Instant) -> Duration {
        let read = self.before.as_ref().map_or(now, |(read, _)| *read);
        now.saturating_duration_since(read)
    }

    /// Texts from A to Z, numbers from the largest.
    fn sort(&mut self) {
        let by = self.sorted_by;
        self.rows.sort_by(|one, other| match COLUMNS[by].kind {
            Kind::Text(_) => one.texts[by].cmp(&other.texts[by]),
            _ => other.numbers[by].total_cmp(&one.numbers[by]),
        });
    }

    pub(crate) fn scroll(&mut self, rows: isize) {
        self.first = self.first.saturating_add_signed(rows);
    }
}

fn read(row: &Value, before: Option<(&Value, f64)>) -> Row {
    let mut read = Row { texts: Default::default(), numbers: Default::default() };
    for (index, column) in COLUMNS.iter().enumerate() {
        let (text, number) = match column.kind {
            Kind::Text(key) => (row[key].as_str().unwrap_or("-").to_owned(), 0.0),
            Kind::Number(key) => match row[key].as_f64() {
                Some(number) => (rounded(number), number),
                None => ("-".to_owned(), -1.0),
            },
            Kind::Rate(key) => {
                let now = row[key].as_f64().unwrap_or_default();
                match before.map(|(before, seconds)| (before[key].as_f64(), seconds)) {
                    // It may have been loaded anew since.
                    Some((Some(then), seconds)) => {
                        let rate = (now - then).max(0.0) / seconds;
                        (rounded(rate), rate)
                    }
                    _ => ("-".to_owned(), -1.0),
                }
            }
        };
        (read.texts[index], read.numbers[index]) = (text, number);
    }
    read
}

/// Three digits: `12.3k`.
fn rounded(number: f64) -> String {
    match number {
        n if n < 0.05 => "0".to_owned(),
        n if n < 10.0 && n.fract() > 0.05 => format!("{n:.1}"),
        n if n < 9_999.5 => format!("{n:.0}"),
        n if n < 999_950.0 => format!("{:.1}k", n / 1e3),
        n if n < 999_950_000.0 => format!("{:.1}M", n / 1e6),
        n => format!("{:.1}G", n / 1e9),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;

    fn texts(table: &Table, column: usize) -> Vec<&str> {
        table.rows().iter().map(|row| row.texts[column].as_str()).collect()
    }

    #[test]
    fn rates_are_made_of_two_readings() {
        let (mut table, now) = (Table::default(), Instant::now());
        let reading = |a: u64, b: u64| {
            json!([
                { "id": "b", "state": "running", "sent": b, "waiting": 3, "handling_p50_us": null },
                { "id": "a", "state": "failed", "sent": a, "waiting": 1, "handling_p50_us": 1.25 },
            ])
        };
        table.update(&reading(10, 0), now);
        assert_eq!((texts(&table, 0), texts(&table, 2)), (vec!["a", "b"], vec!["-", "-"]));
        table.update(&reading(10, 30_000), now + Duration::from_secs(2));
        assert_eq!(texts(&table, 2), ["0", "15.0k"]);
        assert_eq!(texts(&table, 6), ["1.2", "-"]);
        // By what was sent; the state is not shown.
        table.show(vec![0, 2, 4]);
        table.sort_by_next();
        assert_eq!(texts(&table, 0), ["b", "a"]);
        assert_eq!(table.sorted_by(), 2);
        // Loaded anew, it counts from zero.
        table.update(&reading(3, 30_000), now + Duration::from_secs(3));
        assert_eq!(texts(&table, 2), ["0", "0"]);
    }

    #[test]
    fn numbers_have_three_digits() {
        let cases = [
            (0.0, "0"),
            (0.3, "0.3"),
            (7.0, "7"),
            (123.4, "123"),
            (12_345.0, "12.3k"),
            (2_500_000.0, "2.5M"),
            (3e9, "3.0G"),
        ];
        for (number, text) in cases {
            assert_eq!(rounded(number), text);
        }
    }
}
