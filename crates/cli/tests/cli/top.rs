//! `top`, in a terminal.

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};

use crate::shop::{Shop, eventually};

/// In a terminal that `script`, of Debian's bsdutils, makes.
#[test]
fn the_table_is_shown_in_a_terminal() {
    let shop = Shop::new();
    let (code, why) = shop.fails(&["top"]);
    assert!(code == 1 && why.contains("no terminal"), "{why}");
    let _running = shop.run();
    let castcall = env!("CARGO_BIN_EXE_castcall");
    let command = format!("stty rows 40 cols 150; {castcall} top --every 50ms");
    let mut script = Command::new("script");
    script.args(["--quiet", "--flush", "--command", &command, "typescript"]);
    script.current_dir(shop.0.path()).env("XDG_RUNTIME_DIR", shop.0.path());
    script.env("TERM", "xterm").stdin(Stdio::piped()).stdout(Stdio::null());
    let mut script = match script.spawn() {
        Ok(script) => script,
        Err(error) => {
            assert!(std::env::var_os("CASTCALL_TOOLS").is_none(), "no script: {error}");
            eprintln!("skipped: there is no script");
            return;
        }
    };
    let seen = || fs::read(shop.0.path().join("typescript")).unwrap_or_default();
    eventually("the table", || String::from_utf8_lossy(&seen()).contains("shop/trapper"));
    script.stdin.take().unwrap().write_all(b"q").unwrap();
    eventually("its end", || script.try_wait().unwrap().is_some());
    assert!(script.wait().unwrap().success());
}
