//! `castcall top`: a table of a running system that goes on by itself.

mod columns;
mod readings;
mod table;
mod view;

use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};

use crate::args::Top;
use crate::exit::Failure;
use crate::interrupt;
use readings::Reading;
use table::Table;

/// So often keys are looked for at least, and whether the command was interrupted.
const GLANCE: Duration = Duration::from_millis(50);

pub(crate) fn top(args: &Top) -> Result<(), Failure> {
    if !std::io::stdout().is_terminal() {
        let why = "standard output is no terminal: `castcall components` prints the same once";
        return Err(Failure::failed(why));
    }
    let name = &args.place.name;
    // Before the terminal is taken: an error should stay to be read.
    let mut table = Table::default();
    let (now, components) = readings::read(name)?;
    table.update(&components, now);
    let readings = readings::readings(name, args.every.max(GLANCE))?;
    let interrupted = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&interrupted);
    interrupt::at_the_first(move || flag.store(true, Ordering::Relaxed))?;
    let mut terminal = ratatui::try_init()?;
    let ended = show(&mut terminal, &mut table, args, &readings, &interrupted);
    // What went wrong first is what is said.
    let restored = ratatui::try_restore();
    ended.and(restored.map_err(Failure::Io))
}

fn show(
    terminal: &mut DefaultTerminal,
    table: &mut Table,
    args: &Top,
    readings: &Receiver<Reading>,
    interrupted: &AtomicBool,
) -> Result<(), Failure> {
    while !interrupted.load(Ordering::Relaxed) {
        terminal.draw(|frame| view::draw(frame, table, args, Instant::now()))?;
        if event::poll(GLANCE)?
            && let Event::Key(key) = event::read()?
            && key.kind == KeyEventKind::Press
            && !pressed(table, key.code, key.modifiers)
        {
            break;
        }
        if let Ok(reading) = readings.try_recv() {
            let (now, components) = reading?;
            table.update(&components, now);
        }
    }
    Ok(())
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
