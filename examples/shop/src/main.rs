//! `cargo run --bin shop`: a day in a web shop.

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

/// Where the recording and the pictures go: a folder that may be given, or one beside the program.
fn folder() -> PathBuf {
    let given = std::env::args_os().nth(1).map(PathBuf::from);
    let beside = || Some(std::env::current_exe().ok()?.parent()?.parent()?.join("shop"));
    given.or_else(beside).unwrap_or_else(|| "shop".into())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match castcall_example_shop::day(&folder(), &mut io::stdout()).await {
        Ok(_) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
