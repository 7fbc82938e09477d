//! `castcall top`: a table of a running system that goes on by itself.

mod table;
mod view;

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use ratatui::crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};

use crate::args::Top;
use crate::client;
use crate::control::Request;
use crate::exit::Failure;
use table::Table;

pub(crate) fn top(args: &Top) -> Result<(), Failure> {
    if !std::io::stdout().is_terminal() {
        let why = "standard output is no terminal: `castcall components` prints the same once";
        return Err(Failure::failed(why));
    }
    let ask = || client::ask(&args.place.name, &Request::Components);
    // Before the terminal is taken: an error should stay to be read.
    let mut table = Table::default();
    table.update(&ask()?, Instant::now());
    let mut terminal = ratatui::try_init()?;
    let ended = (|| {
        let mut next = Instant::now() + args.every;
        loop {
            terminal.draw(|frame| view::draw(frame, &mut table, &args.place.name))?;
            if event::poll(next.saturating_duration_since(Instant::now()))? {
                if let Event::Key(key) = event::read()?
                    && key.kind == KeyEventKind::Press
                    && !pressed(&mut table, key.code, key.modifiers)
                {
                    return Ok(());
                }
            } else {
                table.update(&ask()?, Instant::now());
                next = Instant::now() + args.every.max(Duration::from_millis(50));
            }
        }
    })();
    ratatui::try_restore()?;
    ended
}

/// `false` ends it.
fn pressed(table: &mut Table, key: KeyCode, modifiers: KeyModifiers) -> bool {
    match key {
        KeyCode::Char('q') | KeyCode::Esc => return false,
        KeyCode::Char('c') if modifiers.contains(KeyModifiers::CONTROL) => return false,
        KeyCode::Down | KeyCode::Char('j') => table.scroll(1),
        KeyCode::Up | KeyCode::Char('k') => table.scroll(-1),
        KeyCode::PageDown => table.scroll(20),
        KeyCode::PageUp => table.scroll(-20),
        KeyCode::Char('s') | KeyCode::Right => table.sort_by_next(),
        _ => {}
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys() {
        let mut table = Table::default();
        let none = KeyModifiers::NONE;
        for key in
            [KeyCode::Down, KeyCode::Up, KeyCode::PageDown, KeyCode::Char('s'), KeyCode::F(1)]
        {
            assert!(pressed(&mut table, key, none));
        }
        assert!(!pressed(&mut table, KeyCode::Char('q'), none));
        assert!(pressed(&mut table, KeyCode::Char('c'), none));
        assert!(!pressed(&mut table, KeyCode::Char('c'), KeyModifiers::CONTROL));
    }
}
