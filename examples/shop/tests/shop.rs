//! The day is played through the real components, and what documents say of it holds.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use castcall::manifests::ApplicationManifest;
use castcall_example_shop::{MANIFEST, Pictures, day};

/// Plays it: what was told, and what was drawn.
async fn played(folder: &Path) -> (String, Pictures) {
    let mut told = Vec::new();
    let pictures = day(folder, &mut told).await;
    let told = String::from_utf8(told).unwrap();
    (told.clone(), pictures.unwrap_or_else(|error| panic!("{told}\n{error:#}")))
}

/// The scenes of a day, each with what came out as it should.
fn scenes(told: &str) -> Vec<Vec<&str>> {
    let mut scenes: Vec<Vec<_>> = Vec::new();
    for line in told.lines() {
        if line.starts_with(|first: char| first.is_ascii_digit()) {
            scenes.push(Vec::new());
        } else if let Some(check) = line.strip_prefix("   ✓ ") {
            scenes.last_mut().unwrap().push(check);
        }
    }
    scenes
}

#[tokio::test]
async fn the_day_is_played_to_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let (told, pictures) = played(folder.path()).await;
    let scenes = scenes(&told);
    let checks = [3, 2, 4, 3, 4, 5, 2];
    assert_eq!(scenes.iter().map(Vec::len).collect::<Vec<_>>(), checks, "{told}");
    // What was told is what was recorded.
    for (scene, line) in [
        ("1.", "shop/orders => orders.paid"),
        ("2.", "host -> shop/payment      cast"),
        ("3.", "the call has ended: timeout"),
        ("4.", "cancels its call"),
        ("5.", "plugins/loyalty -x shop/payment      call denied: capability-denied"),
        ("6.", "restarted after a trap"),
    ] {
        let (_, rest) = told.split_once(&format!("\n{scene}")).unwrap();
        let scene = rest.split("\n\n").next().unwrap();
        assert!(scene.contains(line), "{line}: {scene}");
    }
    let recording = fs::read_to_string(folder.path().join("shop.jsonl")).unwrap();
    assert!(told.contains(&format!("{} lines of audit", recording.lines().count())), "{told}");
    let denials = fs::read_to_string(folder.path().join("shop-denials.jsonl")).unwrap();
    assert_eq!(denials.lines().count(), 1, "{denials}");
    for page in [&pictures.page, &pictures.topology] {
        assert!(fs::read_to_string(page).unwrap().starts_with("<!DOCTYPE html>"));
    }
    assert!(fs::read_to_string(&pictures.day).unwrap().contains("crashed, trap, and restarted"));

    // Again in the same folder: it begins anew.
    played(folder.path()).await;
    let again = fs::read_to_string(folder.path().join("shop.jsonl")).unwrap();
    assert!(again.starts_with("{\"v\":1,\"n\":1,"), "{again}");
    assert_eq!(
        fs::read_to_string(folder.path().join("shop-denials.jsonl")).unwrap().lines().count(),
        1
    );
}

/// A diagram's lines, with names instead of numbers and without times. Sorted: what happens on two
/// threads has no order.
fn lines(mermaid: &str) -> Vec<String> {
    let participant = |line: &str| {
        let (number, name) = line.trim().strip_prefix("participant ")?.split_once(" as ")?;
        Some((number.to_owned(), name.to_owned()))
    };
    let names: BTreeMap<_, _> = mermaid.lines().filter_map(participant).collect();
    let named = |line: &str| {
        let line = line.split(", after ").next().unwrap().split(", at once").next().unwrap();
        let named = |line: String, (number, name): (&String, &String)| line.replace(number, name);
        names.iter().fold(line.to_owned(), named)
    };
    let mut lines: Vec<_> = mermaid.lines().map(named).collect();
    lines.sort();
    lines
}

/// With `UPDATE_GOLDEN=1`, the README is given the diagram. Its picture is one of `shop.html`, in
/// Chromium, 1,700 by 620.
#[tokio::test]
async fn the_readme_shows_what_is_drawn() {
    let folder = tempfile::tempdir().unwrap();
    let (_, pictures) = played(folder.path()).await;
    let drawn = fs::read_to_string(&pictures.orders).unwrap();
    let arrows = drawn.lines().filter(|line| line.contains("-)") || line.contains(">>"));
    assert!(arrows.count() <= 25, "{drawn}");
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md");
    let readme = fs::read_to_string(&file).unwrap().replace("\r\n", "\n");
    let picture = "docs/pictures/shop.png";
    let size = file.with_file_name(picture).metadata().unwrap().len();
    assert!(readme.contains(picture) && size < 200_000, "{picture}: {size} bytes");
    let (before, rest) = readme.split_once("```mermaid\n").unwrap();
    let (shown, after) = rest.split_once("```").unwrap();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&file, format!("{before}```mermaid\n{drawn}```{after}")).unwrap();
    } else {
        assert_eq!(lines(shown), lines(&drawn), "README.md shows\n{shown}, and drawn is\n{drawn}");
    }
}

/// `castcall check` says the same: `crates/cli/tests`.
#[test]
fn the_manifests_are_in_order() {
    let application =
        ApplicationManifest::load(MANIFEST).unwrap_or_else(|e| panic!("{}", e.render()));
    assert_eq!(application.warnings, []);
    let matrix = application.compatibility_matrix();
    assert_eq!(matrix.unchecked().count(), 0);
    // What the plugin asks for is not what it gets.
    let ways: Vec<_> = matrix
        .pairs()
        .filter(|pair| pair.cast || pair.call)
        .map(|pair| format!("{} {} {}", pair.sender, pair.target, pair.fails()))
        .collect();
    assert_eq!(ways, ["shop/orders shop/payment false", "shop/orders shop/stock false"]);
}

#[test]
fn what_goes_wrong_ends_the_day() {
    let folder = tempfile::tempdir().unwrap();
    let taken = folder.path().join("taken");
    fs::write(&taken, "").unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_shop")).arg(&taken).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.starts_with("error: ") && said.contains("taken"), "{said}");
}
