//! How the table is drawn.

use std::time::{Duration, Instant};

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Text};
use ratatui::widgets::{Cell, Row, Table as Widget};

use super::columns::{self, COLUMNS, Column, Kind};
use super::table::Table;
use crate::args::Top;

/// A reading that is longer overdue is late.
const LATE: Duration = Duration::from_secs(2);

pub(crate) fn draw(frame: &mut Frame<'_>, table: &mut Table, args: &Top, now: Instant) {
    let [head, body, foot] =
        Layout::vertical([Constraint::Length(1), Constraint::Min(1), Constraint::Length(1)])
            .areas(frame.area());
    let ids = table.rows().iter().map(|row| row.texts[0].chars().count()).max().unwrap_or(0);
    let shown = columns::fitting(body.width, u16::try_from(ids).unwrap_or(u16::MAX));
    let hidden = COLUMNS.len() - shown.len();
    table.show(shown.clone());
    let count = table.rows().len();
    let room = usize::from(body.height.saturating_sub(1));
    table.first = table.first.min(count.saturating_sub(room));
    frame.render_widget(Line::styled(title(table, args, room, now), Modifier::BOLD), head);
    let mut help = "q end   s sort by the next column   ↑ ↓ scroll".to_owned();
    if hidden > 0 {
        help += &format!("   {hidden} more columns if wider");
    }
    frame.render_widget(Line::styled(help, Color::DarkGray), foot);
    let rows = table.rows().iter().skip(table.first).take(room).map(|row| {
        Row::new(shown.iter().map(|&column| cell(&COLUMNS[column], &row.texts[column])))
    });
    let header = shown.iter().map(|&column| {
        let style = match column == table.sorted_by() {
            true => Style::new().add_modifier(Modifier::REVERSED),
            false => Style::new().add_modifier(Modifier::UNDERLINED),
        };
        aligned(COLUMNS[column].name, COLUMNS[column].kind).style(style)
    });
    let widths = shown.iter().map(|&column| match column {
        0 => Constraint::Min(COLUMNS[0].width),
        _ => Constraint::Length(COLUMNS[column].width),
    });
    frame.render_widget(Widget::new(rows, widths).header(Row::new(header)), body);
}

fn title(table: &Table, args: &Top, room: usize, now: Instant) -> String {
    let name = &args.place.name;
    let count = table.rows().len();
    let mut title = format!("castcall {name}: {count} components and peers");
    if room < count && room > 0 {
        let first = table.first + 1;
        title += &format!(", {first} to {} are shown", table.first + room);
    }
    if table.age(now) > args.every.saturating_add(LATE) {
        title += &format!("   no answer for {} s", table.age(now).as_secs());
    }
    title
}

fn aligned(text: &str, kind: Kind) -> Cell<'_> {
    Cell::from(match kind {
        Kind::Text(_) => Text::from(text),
        _ => Text::from(text).right_aligned(),
    })
}

fn cell<'a>(column: &Column, text: &'a str) -> Cell<'a> {
    let colour = match (column.name, text) {
        ("STATE", "running") => Color::Green,
        ("STATE", "failed" | "stopped") => Color::Red,
        ("STATE", _) => Color::Yellow,
        ("TIMEOUTS" | "RESTARTS" | "DENIED" | "DEAD", number) if number != "0" => Color::Yellow,
        _ => Color::Reset,
    };
    aligned(text, column.kind).style(colour)
}

#[cfg(test)]
mod tests {
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;
    use serde_json::{Value, json};

    use super::*;
    use crate::args::Where;

    fn lines(table: &mut Table, width: u16, height: u16) -> Vec<String> {
        let place = Where { name: "shop".to_owned() };
        let args = Top { place, every: Duration::from_secs(1) };
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| draw(frame, table, &args, Instant::now())).unwrap();
        let buffer = terminal.backend().buffer();
        let line = |y| (0..width).map(|x| buffer[(x, y)].symbol()).collect::<String>();
        (0..height).map(|y| line(y).trim_end().to_owned()).collect()
    }

    #[test]
    fn what_fits_is_shown_and_the_rest_is_scrolled_to() {
        let mut table = Table::default();
        let rows = (0..30).map(|n| {
            json!({ "id": format!("shop/{n:02}"), "state": "running", "sent": n, "waiting": n })
        });
        table.update(&rows.collect::<Value>(), Instant::now());
        let first = lines(&mut table, 140, 10);
        assert_eq!(first[0], "castcall shop: 30 components and peers, 1 to 7 are shown");
        assert!(first[1].starts_with("COMPONENT") && first[1].ends_with("DEAD"), "{first:?}");
        assert!(first[2].starts_with("shop/00") && first[2].contains("running"), "{first:?}");
        assert!(first[8].starts_with("shop/06"), "{first:?}");
        assert!(first[9].starts_with("q end"));
        table.scroll(1_000);
        let last = lines(&mut table, 140, 10);
        assert!(last[8].starts_with("shop/29"), "{last:?}");
        // However small the terminal is.
        for (width, height) in [(0, 0), (1, 1), (20, 3), (500, 200)] {
            lines(&mut table, width, height);
        }
        // No column is cut: those that don't fit are not there.
        let narrow = lines(&mut table, 80, 24);
        for column in ["COMPONENT", "STATE", "SENT/S", "HANDLED/S", "WAITING", "P99 µs", "DEAD"] {
            assert!(
                narrow[1].split_whitespace().any(|name| column.starts_with(name)),
                "{narrow:?}"
            );
        }
        assert!(narrow[2].contains(" running "), "{narrow:?}");
        assert!(narrow[23].ends_with("more columns if wider"), "{narrow:?}");
    }
}
