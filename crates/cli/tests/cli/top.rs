//! `top`, in terminals of all sizes that `script`, of Debian's bsdutils, makes.

use std::fs;
use std::io::Write;
use std::process::{Child, Command, ExitStatus, Stdio};

use rustix::process::Signal;

use crate::shop::{Shop, eventually, signal};

/// What `top` does last: it leaves the alternate screen.
const LEFT: &str = "\u{1b}[?1049l";

struct Terminal<'a> {
    shop: &'a Shop,
    script: Child,
}

impl<'a> Terminal<'a> {
    /// `top` in a terminal of that size, which it notes the process id of, and says how it ended.
    /// `None`: there is no `script`. `beside` runs beside it, in the same terminal.
    fn open(shop: &'a Shop, rows: u16, columns: u16, beside: &str) -> Option<Self> {
        let castcall = env!("CARGO_BIN_EXE_castcall");
        let top = format!("echo $$ > top.pid; exec {castcall} top --every 50ms");
        let command = format!(
            "stty rows {rows} cols {columns}; {{ {beside} : ; }} & sh -c '{top}'; echo \"ended with $?\""
        );
        let mut script = Command::new("script");
        script.args(["--quiet", "--flush", "--return", "--command", &command, "typescript"]);
        script.current_dir(shop.0.path()).env("XDG_RUNTIME_DIR", shop.0.path());
        script.env("TERM", "xterm").env("SHELL", "/bin/sh").env_remove("CASTCALL_SYSTEM");
        match script.stdin(Stdio::piped()).stdout(Stdio::null()).spawn() {
            Ok(script) => Some(Self { shop, script }),
            Err(error) => {
                assert!(std::env::var_os("CASTCALL_TOOLS").is_none(), "no script: {error}");
                eprintln!("skipped: there is no script");
                None
            }
        }
    }

    fn seen(&self) -> String {
        let bytes = fs::read(self.shop.path("typescript")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn shows(&self, text: &str) {
        eventually(text, || self.seen().contains(text));
    }

    fn press(&mut self, keys: &str) {
        self.script.stdin.as_mut().unwrap().write_all(keys.as_bytes()).unwrap();
    }

    /// Sends a signal to `top` itself.
    fn signal(&self, signal: &str) {
        let id = fs::read_to_string(self.shop.path("top.pid")).unwrap();
        assert!(Command::new("kill").args([signal, id.trim()]).status().unwrap().success());
    }

    /// All that was shown, when it ended with that code and the terminal was given back.
    fn ended(mut self, code: i32) -> String {
        let mut status: Option<ExitStatus> = None;
        eventually("its end", || {
            status = self.script.try_wait().unwrap();
            status.is_some()
        });
        let seen = self.seen();
        assert!(seen.contains(&format!("ended with {code}")), "{seen}");
        assert!(seen.contains(LEFT), "the terminal was not given back: {seen}");
        assert!(!seen.contains("panicked"), "{seen}");
        seen
    }
}

#[test]
fn the_table_is_shown_in_a_terminal() {
    let shop = Shop::new();
    let _running = shop.run();
    let Some(mut terminal) = Terminal::open(&shop, 40, 150, "") else { return };
    terminal.shows("shop/trapper");
    terminal.shows("RESTARTS");
    terminal.press("q");
    terminal.ended(0);
}

#[test]
fn no_terminal_or_no_system_is_said() {
    let shop = Shop::new();
    let (code, why) = shop.fails(&["top"]);
    assert!(code == 1 && why.contains("no terminal"), "{why}");
    let Some(terminal) = Terminal::open(&shop, 24, 80, "") else { return };
    // The terminal was not taken: what is said stands there.
    let mut terminal = terminal;
    eventually("its end", || terminal.script.try_wait().unwrap().is_some());
    let seen = terminal.seen();
    assert!(seen.contains("ended with 4") && seen.contains("castcall run"), "{seen}");
    assert!(!seen.contains(LEFT), "{seen}");
}

#[test]
fn a_terminal_may_be_of_any_size_and_change_it() {
    let shop = Shop::new();
    let _running = shop.run();
    let resize = "for size in '1 1' '5 20' '200 500' '50 140'; do \
                  until [ -e \"size $size\" ]; do sleep 0.01; done; \
                  stty rows ${size% *} cols ${size#* } < /dev/tty; touch \"done $size\"; done;";
    let Some(mut terminal) = Terminal::open(&shop, 2, 3, resize) else { return };
    // In two lines there is room for the head and the foot.
    eventually("it began", || terminal.seen().contains("\u{1b}[?1049h"));
    for size in ["1 1", "5 20", "200 500", "50 140"] {
        shop.write(&format!("size {size}"), "");
        eventually("the size is another", || shop.path(&format!("done {size}")).exists());
    }
    terminal.shows("RESTARTS");
    for key in ["s", "j", "k", "\u{1b}[6~", "\u{1b}[5~", "x", "q"] {
        terminal.press(key);
    }
    terminal.ended(0);
    // Two columns' worth of room shows two columns, whole.
    let Some(mut terminal) = Terminal::open(&shop, 5, 26, "") else { return };
    terminal.shows("running");
    terminal.press("q");
    let seen = terminal.ended(0);
    assert!(!seen.contains("SENT") && seen.contains("STATE"), "{seen}");
}

#[test]
fn a_system_that_is_killed_ends_the_table() {
    let shop = Shop::new();
    let mut running = shop.run();
    let Some(terminal) = Terminal::open(&shop, 24, 80, "") else { return };
    terminal.shows("shop/trapper");
    running.0.kill().unwrap();
    running.end();
    let seen = terminal.ended(5);
    let said = seen.rsplit_once(LEFT).unwrap().1;
    assert!(said.contains("the system has ended"), "{said}");
}

#[test]
fn a_system_that_hangs_does_not_hold_up_the_keys() {
    let shop = Shop::new();
    let running = shop.run();
    let Some(mut terminal) = Terminal::open(&shop, 24, 80, "") else { return };
    terminal.shows("shop/trapper");
    signal(&running.0, Signal::STOP);
    // What was blank before is not written again.
    terminal.shows("answer");
    terminal.press("q");
    terminal.ended(0);
    signal(&running.0, Signal::CONT);
}

#[test]
fn a_signal_gives_the_terminal_back() {
    let shop = Shop::new();
    let _running = shop.run();
    for kill in ["-INT", "-TERM", "-HUP"] {
        let Some(terminal) = Terminal::open(&shop, 24, 80, "") else { return };
        terminal.shows("shop/trapper");
        terminal.signal(kill);
        terminal.ended(0);
        fs::remove_file(shop.path("typescript")).unwrap();
    }
}
