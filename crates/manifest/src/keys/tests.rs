//! The table of keys against what the reader makes of it.

use serde_json::Value;

use super::application::{APPLICATION, ENTRY};
use super::component::COMPONENT;
use super::{Absent, Key, Kind, Section};
use crate::{ApplicationManifest, ComponentManifest};

/// What the other keys need to be in order.
const COMPANY: &str = "\
id = \"a\"
wasm = \"a.wasm\"
capabilities.subscribe = [\"orders.*\", \"jobs.*\"]
";

/// Every key that is no table, with the tables around it.
fn leaves(
    section: &'static Section,
    path: &[&'static str],
) -> Vec<(Vec<&'static str>, &'static Key)> {
    let mut leaves = Vec::new();
    for key in section.keys {
        let path = [path, &[key.name]].concat();
        match key.kind {
            Kind::Table(section) => leaves.extend(self::leaves(section, &path)),
            Kind::Tables(section, _) => {
                leaves.extend(self::leaves(section, &[&path[..], &["x"]].concat()));
            }
            _ => leaves.push((path, key)),
        }
    }
    leaves
}

fn parse(text: &str) -> ComponentManifest {
    ComponentManifest::parse(text, "Component.toml")
        .unwrap_or_else(|error| panic!("{text}\n{}", error.render()))
}

/// The text without the lines that begin so.
fn without(text: &str, begin: &str) -> String {
    text.lines().filter(|line| !line.starts_with(begin)).map(|line| format!("{line}\n")).collect()
}

#[test]
fn every_example_of_a_component_is_read_and_has_an_effect() {
    let plain = parse(COMPANY);
    for (path, key) in leaves(&COMPONENT, &[]) {
        let path = path.join(".");
        let text = format!("{}{path} = {}\n", without(COMPANY, &format!("{path} ")), key.example);
        let manifest = parse(&text);
        if path != "capabilities.subscribe" {
            assert_ne!(manifest, plain, "{text}");
        }
    }
}

#[test]
fn every_default_is_what_holds_without_the_key() {
    let plain = parse(COMPANY);
    let serialized = serde_json::to_value(&plain).unwrap();
    for (path, key) in leaves(&COMPONENT, &[]) {
        if let Absent::Default(default) = key.absent {
            let pointer = format!("/{}", path.join("/"));
            let path = path.join(".");
            assert_eq!(parse(&format!("{COMPANY}{path} = {default}\n")), plain, "{path}");
            // What is nothing is not written down.
            assert!(serialized.pointer(&pointer).is_some() || default == "false", "{path}");
        }
    }
}

fn application(text: &str) -> ApplicationManifest {
    let component = |file: &std::path::Path| ComponentManifest::parse(COMPANY, file);
    ApplicationManifest::parse(text, "castcall.toml", component)
        .unwrap_or_else(|error| panic!("{text}\n{}", error.render()))
}

#[test]
fn every_example_of_an_application_is_read_and_has_an_effect() {
    let company = "\
components.x.manifest = \"a/Component.toml\"
components.x.codecs.accepts = [\"raw\"]
";
    let plain = application(company);
    for (path, key) in leaves(&APPLICATION, &[]) {
        let path = path.join(".");
        let text = format!("{}{path} = {}\n", without(company, &format!("{path} ")), key.example);
        assert_ne!(application(&text), plain, "{text}");
        if let Absent::Default(default) = key.absent
            && path.starts_with("system")
        {
            assert_eq!(application(&format!("{company}{path} = {default}\n")), plain, "{path}");
        }
    }
}

#[test]
fn every_key_of_a_component_can_be_overridden() {
    let company = "components.x.manifest = \"a/Component.toml\"\n";
    let plain = application(company);
    for (path, key) in leaves(&COMPONENT, &[]) {
        // The one that the company has already.
        let example = match path.join(".").as_str() {
            "capabilities.subscribe" => "[\"*\"]",
            _ => key.example,
        };
        let text = format!("{company}components.x.{} = {example}\n", path.join("."));
        let overridden = application(&text);
        assert_ne!(overridden.components["x"].component, plain.components["x"].component, "{text}");
    }
    assert!(ENTRY.keys.iter().all(|key| COMPONENT.key(key.name).is_none()));
}

#[test]
fn names_are_in_one_form_and_nothing_is_misnamed_twice() {
    fn check(section: &'static Section) {
        let mut misnomers = Vec::new();
        for key in section.keys {
            let plain = |c: char| c.is_ascii_lowercase() || c == '-';
            assert!(key.name.chars().all(plain), "{}", key.name);
            assert!(key.doc.ends_with('.'), "{}", key.name);
            for misnomer in key.misnomers {
                assert!(section.key(misnomer).is_none(), "{misnomer} is a key");
                assert!(!misnomers.contains(misnomer), "{misnomer} is two keys");
                misnomers.push(misnomer);
            }
            if let Kind::Table(below) | Kind::Tables(below, _) | Kind::Folders(below) = key.kind {
                check(below);
            }
        }
    }
    check(&COMPONENT);
    check(&APPLICATION);
}

#[test]
fn defaults_are_written_alike_in_toml_and_json() {
    for (path, key) in [leaves(&COMPONENT, &[]), leaves(&APPLICATION, &[])].concat() {
        if let Absent::Default(default) = key.absent {
            let value: Value = serde_json::from_str(default).unwrap();
            assert!(value.is_number() || value.is_string() || value.is_boolean(), "{path:?}");
        }
    }
}
