//! What the documents claim, they claim by the names of tests: those must be there.

use std::fs;
use std::path::Path;

/// `module::test`, in backticks, of this crate.
fn claims(document: &str) -> Vec<(Vec<String>, String)> {
    let is_name = |part: &str| {
        !part.is_empty()
            && part.chars().all(|c| c.is_ascii_lowercase() || c == '_' || c.is_ascii_digit())
    };
    let quoted = document.split('`').skip(1).step_by(2);
    let named = quoted.filter(|text| text.contains("::") && text.split("::").all(is_name));
    let paths = named.map(|text| text.split("::").map(str::to_owned).collect::<Vec<_>>());
    paths.filter_map(|mut path| path.pop().map(|test| (path, test))).collect()
}

#[test]
fn each_test_that_a_document_names_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let tests = root.join("tests/integration");
    // The suite's own page leaves its folder out; other crates' tests stand under their names.
    for (page, folder, at_least) in
        [("security.md", tests.clone(), 50), ("hostile-suite.md", tests.join("hostile"), 40)]
    {
        let document = fs::read_to_string(root.join("../../docs").join(page)).unwrap();
        let mut found = 0;
        for (modules, test) in claims(&document) {
            if matches!(modules[0].as_str(), "bounds" | "cache" | "castcall") {
                continue;
            }
            let file = folder.join(modules.join("/")).with_extension("rs");
            let code = fs::read_to_string(&file);
            let code = code.unwrap_or_else(|error| panic!("{page}: {}: {error}", file.display()));
            let there = code.contains(&format!("fn {test}("));
            assert!(there, "{page}: there is no {}::{test}", modules.join("::"));
            found += 1;
        }
        assert!(found >= at_least, "{page}: {found}");
    }
}
