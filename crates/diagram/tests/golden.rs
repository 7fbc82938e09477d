//! Recordings and what is drawn of them, in `tests/recordings`. After a change that is meant,
//! `UPDATE_GOLDEN=1 cargo test -p castcall-diagram --test golden` writes them anew.

use std::fs;
use std::path::{Path, PathBuf};

use castcall_diagram::{Allowed, Recording, Topology, Via, html, mermaid};

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings")
}

fn golden(name: &str, drawn: &str) {
    let file = directory().join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&file, drawn).unwrap();
    }
    let known = fs::read_to_string(&file).unwrap().replace("\r\n", "\n");
    assert_eq!(drawn, known, "{} is no longer what is drawn", file.display());
}

/// What a page's script is given, a line for each message.
fn data(page: &str) -> String {
    let (_, rest) = page.split_once("id=\"data\">").unwrap();
    let (json, _) = rest.split_once("</script>").unwrap();
    json.replace("{\"k\"", "\n{\"k\"") + "\n"
}

fn read(text: &str) -> Recording {
    Recording::read(text.as_bytes()).unwrap()
}

/// The sample lines of `docs/audit.md`.
fn sample() -> String {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/audit.md");
    let docs = fs::read_to_string(docs).unwrap().replace("\r\n", "\n");
    let (_, rest) = docs.split_once("```json\n").unwrap();
    rest.split_once("```").unwrap().0.to_owned()
}

#[test]
fn a_shop() {
    let recording = read(&fs::read_to_string(directory().join("shop.jsonl")).unwrap());
    let allowed = [
        Allowed::new("shop/orders", Via::Call, "shop/stock"),
        Allowed::new("shop/payment", Via::Call, "shop/stock"),
    ];
    let topology = Topology::of(&recording, &allowed);
    golden("shop.sequence.mmd", &mermaid(&recording));
    golden("shop.topology.mmd", &topology.mermaid());
    golden("shop.sequence.json", &data(&html(&recording)));
}

#[test]
fn the_lines_of_the_documentation() {
    let recording = read(&sample());
    assert_eq!(recording.skipped(), castcall_diagram::Skipped::default());
    golden("audit.sequence.mmd", &mermaid(&recording));
    golden("audit.sequence.json", &data(&html(&recording)));
}

#[test]
fn the_order_of_lines_is_nothing() {
    let text = fs::read_to_string(directory().join("shop.jsonl")).unwrap();
    let mut lines: Vec<_> = text.lines().collect();
    lines.reverse();
    assert_eq!(html(&read(&lines.join("\n"))), html(&read(&text)));
    let half = lines.len() / 2;
    lines.rotate_left(half);
    assert_eq!(mermaid(&read(&lines.join("\n"))), mermaid(&read(&text)));
}

/// `docs/diagrams.md` shows what is drawn.
#[test]
fn the_documentation_shows_this() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/diagrams.md");
    let docs = fs::read_to_string(docs).unwrap().replace("\r\n", "\n");
    let (_, rest) = docs.split_once("```mermaid\n").unwrap();
    let shown = rest.split_once("```").unwrap().0;
    let recording = read(&fs::read_to_string(directory().join("shop.jsonl")).unwrap());
    assert_eq!(shown, mermaid(&recording));
}
