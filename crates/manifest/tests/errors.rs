//! What is said of manifests that are wrong, word for word.
//!
//! Each case of a file in `tests/snapshots` is a manifest, and below it what is said of it. With
//! `CASTCALL_BLESS=1` in the environment, what is said now is written there.

use std::path::Path;
use std::{env, fs};

use castcall_manifest::{ApplicationManifest, ComponentManifest, ManifestError, ProblemKind};

const CASE: &str = "======== ";
const SAID: &str = "--------\n";

/// Compares what `check` says of each manifest with what is said in the file.
fn compare(file: &str, check: impl Fn(&str) -> Result<String, ManifestError>) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/snapshots").join(file);
    let snapshots = fs::read_to_string(&path).unwrap();
    let mut now = String::new();
    for case in snapshots.split(CASE).skip(1) {
        let (title, rest) = case.split_once('\n').unwrap();
        let manifest = rest.split_once(SAID).map_or(rest, |(manifest, _)| manifest);
        let said = check(manifest).unwrap_or_else(|error| error.render());
        now += &format!("{CASE}{title}\n{manifest}{SAID}{said}");
    }
    if env::var_os("CASTCALL_BLESS").is_some() {
        fs::write(&path, now).unwrap();
    } else {
        assert_eq!(now, snapshots, "{}", path.display());
    }
}

#[test]
fn of_components() {
    compare("component.txt", |text| {
        ComponentManifest::parse(text, "orders/Component.toml").map(|_| "nothing\n".to_owned())
    });
}

/// The components that the applications name.
fn component(file: &Path) -> Result<ComponentManifest, ManifestError> {
    let text = match file.file_stem().and_then(|name| name.to_str()) {
        Some("orders") => {
            "id = \"shop/orders\"\nwasm = \"orders.wasm\"\n[capabilities]\ncall = [\"shop/stock\"]\n\
             subscribe = [\"orders.*\"]\n[topics]\nsubscribe = [\"orders.eu.*\"]\n"
        }
        Some("stock") => {
            "id = \"shop/stock\"\nwasm = \"stock.wasm\"\ncodecs.accepts = [\"cbor\"]\n\
             quotas.payload-bytes = \"64 KiB\"\n"
        }
        Some("wrong") => "id = \"a b\"\nwasm = 5\n",
        // Says what a file that is not there says.
        _ => return ComponentManifest::load(file),
    };
    ComponentManifest::parse(text, file)
}

#[test]
fn of_applications() {
    compare("application.txt", |text| {
        let application = ApplicationManifest::parse(text, "shop/castcall.toml", component)?;
        let warnings = application.warnings.iter().map(|warning| warning.render() + "\n\n");
        Ok(warnings.collect::<String>() + "in order\n")
    });
}

fn first(result: Result<ComponentManifest, ManifestError>) -> (ProblemKind, String) {
    let error = result.unwrap_err();
    (error.problems[0].kind, error.to_string())
}

#[test]
fn of_what_is_no_text() {
    let parse = |bytes: &[u8]| first(ComponentManifest::parse_bytes(bytes, "Component.toml"));
    let (kind, said) = parse(b"id = \"a\"\nwasm = \"\xff\"");
    assert_eq!(kind, ProblemKind::NotUtf8);
    assert_eq!(said, "Component.toml:2:9: the byte 0xff is not UTF-8");
    let (kind, said) = parse(b"\xef\xbb\xbfid = \"a\"");
    assert_eq!(kind, ProblemKind::ByteOrderMark);
    assert_eq!(said, "Component.toml: the file begins with a byte order mark");
    let long = "#".repeat(castcall_manifest::MAX_FILE_BYTES + 1);
    let (kind, said) = parse(long.as_bytes());
    assert_eq!(kind, ProblemKind::TooLarge);
    assert_eq!(said, "Component.toml: the file is too large for a manifest");
    assert_eq!(first(ComponentManifest::parse(&long, "Component.toml")).0, kind);
}

#[test]
fn the_rest_is_counted() {
    let text: String = (0..100).map(|number| format!("key-{number} = 1\n")).collect();
    let error = ComponentManifest::parse(&text, "Component.toml").unwrap_err();
    assert_eq!((error.problems.len(), error.omitted), (64, 38));
    assert!(error.to_string().ends_with("(and 101 more errors)"), "{error}");
    assert!(error.render().ends_with("102 errors, of which 38 are not shown\n"));
}

#[test]
fn colours_are_codes_around_the_same_words() {
    let error = ComponentManifest::parse("id = 5\nwasm = \"x\"", "Component.toml").unwrap_err();
    let coloured = error.render_coloured();
    assert!(coloured.contains("\u{1b}[") && !error.render().contains('\u{1b}'));
    assert_eq!(error.to_string(), "Component.toml:1:6: `id` is a whole number");
    assert_eq!(error.problems[0].offending_text(), "5");
    let missing = ComponentManifest::parse("id = \"a\"", "Component.toml").unwrap_err();
    assert_eq!(missing.problems[0].offending_text(), "");
    let two = ComponentManifest::parse("", "Component.toml").unwrap_err().to_string();
    assert_eq!(two, "Component.toml: `id` is missing (and one more error)");
}

#[test]
fn a_hostile_text_costs_little() {
    for text in ["a = [", "a.", "[a.", "a = {b = ", "\n", "id = \"\\u", "a=1\n", "[[a]]\n"] {
        let text = text.repeat(100_000);
        let error = ComponentManifest::parse(&text, "Component.toml").unwrap_err();
        assert!(error.problems.len() <= 64);
        assert!(error.render().len() < 1 << 20);
    }
}
