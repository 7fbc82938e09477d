//! The columns: what each is made of, and which of them fit.

/// One column.
pub(super) struct Column {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    /// How wide it must be; the first takes what is left.
    pub(super) width: u16,
    /// What is left out first has the largest.
    rank: u8,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Text(&'static str),
    Number(&'static str),
    /// How much it grew in a second.
    Rate(&'static str),
}

pub(super) const COLUMNS: [Column; 12] = [
    column("COMPONENT", Kind::Text("id"), 9, 0),
    column("STATE", Kind::Text("state"), 10, 1),
    column("SENT/S", Kind::Rate("sent"), 7, 3),
    column("HANDLED/S", Kind::Rate("handled"), 9, 2),
    column("WAITING", Kind::Number("waiting"), 7, 4),
    column("PENDING", Kind::Number("pending"), 7, 8),
    column("P50 µs", Kind::Number("handling_p50_us"), 7, 11),
    column("P99 µs", Kind::Number("handling_p99_us"), 7, 6),
    column("TIMEOUTS", Kind::Number("timeouts"), 8, 9),
    column("RESTARTS", Kind::Number("restarts"), 8, 7),
    column("DENIED", Kind::Number("denied"), 7, 10),
    column("DEAD", Kind::Number("dead_letters"), 6, 5),
];

/// As long as there are others, the first is not wider than that.
const WIDEST_ID: u16 = 32;

const fn column(name: &'static str, kind: Kind, width: u16, rank: u8) -> Column {
    Column { name, kind, width, rank }
}

/// Those that fit beside ids of that length, one blank between them.
pub(super) fn fitting(width: u16, longest_id: u16) -> Vec<usize> {
    let mut left = width.saturating_sub(longest_id.clamp(COLUMNS[0].width, WIDEST_ID));
    let mut by_rank: Vec<usize> = (1..COLUMNS.len()).collect();
    by_rank.sort_by_key(|&column| COLUMNS[column].rank);
    let mut fitting = vec![0];
    for column in by_rank {
        let Some(rest) = left.checked_sub(COLUMNS[column].width + 1) else { break };
        left = rest;
        fitting.push(column);
    }
    fitting.sort_unstable();
    fitting
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_matters_least_is_left_out_first() {
        assert_eq!(fitting(120, 14).len(), COLUMNS.len());
        let names = |width, id| -> Vec<_> {
            fitting(width, id).into_iter().map(|column| COLUMNS[column].name).collect()
        };
        let at_80 = ["COMPONENT", "STATE", "SENT/S", "HANDLED/S", "WAITING", "P99 µs", "DEAD"];
        assert_eq!(names(80, 20), at_80);
        assert_eq!(
            names(80, 200),
            at_80[..at_80.len() - 2].iter().chain(&["DEAD"]).copied().collect::<Vec<_>>()
        );
        assert_eq!(names(20, 9), ["COMPONENT", "STATE"]);
        assert_eq!(names(0, 9), ["COMPONENT"]);
    }
}
