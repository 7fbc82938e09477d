//! How the table is drawn.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Text};
use ratatui::widgets::{Cell, Row, Table as Widget};

use super::table::{COLUMNS, Kind, Table};

/// Narrower, a number is cut; ids have what is left.
const NUMBER_WIDTH: u16 = 9;

pub(crate) fn draw(frame: &mut Frame<'_>, table: &mut Table, name: &str) {
    let [head, body, foot] =
        Layout::vertical([Constraint::Length(1), Constraint::Min(1), Constraint::Length(1)])
            .areas(frame.area());
    let count = table.rows().len();
    let title = format!("castcall {name}: {count} components and peers");
    frame.render_widget(Line::styled(title, Modifier::BOLD), head);
    let help = "q end   s sort by the next column   ↑ ↓ scroll";
    frame.render_widget(Line::styled(help, Color::DarkGray), foot);
    let room = usize::from(body.height.saturating_sub(1));
    table.first = table.first.min(count.saturating_sub(room));
    let shown = table.rows().iter().skip(table.first).take(room);
    let rows = shown.map(|row| {
        let cells = row.texts.iter().enumerate();
        Row::new(cells.map(|(column, text)| cell(column, text)))
    });
    let header = COLUMNS.iter().enumerate().map(|(column, (name, kind))| {
        let style = match column == table.sorted_by() {
            true => Style::new().add_modifier(Modifier::REVERSED),
            false => Style::new().add_modifier(Modifier::UNDERLINED),
        };
        aligned(name, *kind).style(style)
    });
    let widths = COLUMNS.iter().enumerate().map(|(column, (_, kind))| match (column, kind) {
        (0, _) => Constraint::Min(16),
        (_, Kind::Text(_)) => Constraint::Length(10),
        _ => Constraint::Length(NUMBER_WIDTH),
    });
    frame.render_widget(Widget::new(rows, widths).header(Row::new(header)), body);
}

fn aligned(text: &str, kind: Kind) -> Cell<'_> {
    Cell::from(match kind {
        Kind::Text(_) => Text::from(text),
        _ => Text::from(text).right_aligned(),
    })
}

fn cell(column: usize, text: &str) -> Cell<'_> {
    let (name, kind) = COLUMNS[column];
    let colour = match (name, text) {
        ("STATE", "running") => Color::Green,
        ("STATE", "failed" | "stopped") => Color::Red,
        ("STATE", _) => Color::Yellow,
        ("TIMEOUTS" | "RESTARTS" | "DENIED" | "DEAD", number) if number != "0" => Color::Yellow,
        _ => Color::Reset,
    };
    aligned(text, kind).style(colour)
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use ratatui::Terminal;
    use ratatui::backend::TestBackend;
    use serde_json::{Value, json};

    use super::*;

    fn lines(table: &mut Table, width: u16, height: u16) -> Vec<String> {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| draw(frame, table, "shop")).unwrap();
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
        assert_eq!(first[0], "castcall shop: 30 components and peers");
        assert!(first[1].starts_with("COMPONENT") && first[1].ends_with("DEAD"), "{first:?}");
        assert!(first[2].starts_with("shop/00") && first[2].contains("running"), "{first:?}");
        assert!(first[8].starts_with("shop/06"), "{first:?}");
        assert!(first[9].starts_with("q end"));
        table.scroll(1_000);
        let last = lines(&mut table, 140, 10);
        assert!(last[8].starts_with("shop/29"), "{last:?}");
        // However small the terminal is.
        for (width, height) in [(1, 1), (20, 3), (500, 200)] {
            lines(&mut table, width, height);
        }
    }
}
