//! The schemas against the reader, and what is committed in `docs` against both.

use std::fs;
use std::path::{Path, PathBuf};

use castcall_manifest::{ApplicationManifest, ComponentManifest, schema};
use proptest::prelude::*;
use regex::Regex;
use serde_json::{Map, Value};

/// Whether a JSON Schema accepts a value: the part of draft 7 that the schemas are made of. Any
/// other keyword panics.
fn accepts(schema: &Value, value: &Value) -> bool {
    schema.as_object().unwrap().iter().all(|(keyword, says)| match (keyword.as_str(), value) {
        ("$schema" | "title" | "description" | "default", _) => true,
        ("type", _) => match says.as_str().unwrap() {
            "object" => value.is_object(),
            "array" => value.is_array(),
            "string" => value.is_string(),
            "boolean" => value.is_boolean(),
            "integer" => value.is_i64() || value.is_u64(),
            "number" => value.is_number(),
            other => panic!("the type {other}"),
        },
        ("enum", _) => says.as_array().unwrap().contains(value),
        ("not", _) => !accepts(says, value),
        ("anyOf", _) => says.as_array().unwrap().iter().any(|schema| accepts(schema, value)),
        ("minimum", Value::Number(number)) => number.as_f64() >= says.as_f64(),
        ("maximum", Value::Number(number)) => number.as_f64() <= says.as_f64(),
        ("pattern", Value::String(text)) => {
            Regex::new(says.as_str().unwrap()).unwrap().is_match(text)
        }
        ("minLength", Value::String(text)) => text.chars().count() as u64 >= says.as_u64().unwrap(),
        ("maxLength", Value::String(text)) => text.chars().count() as u64 <= says.as_u64().unwrap(),
        ("minItems", Value::Array(list)) => list.len() as u64 >= says.as_u64().unwrap(),
        ("maxItems", Value::Array(list)) => list.len() as u64 <= says.as_u64().unwrap(),
        ("uniqueItems", Value::Array(list)) => {
            list.iter().enumerate().all(|(at, item)| !list[..at].contains(item))
        }
        ("items", Value::Array(list)) => list.iter().all(|item| accepts(says, item)),
        ("required", Value::Object(object)) => {
            says.as_array().unwrap().iter().all(|name| object.contains_key(name.as_str().unwrap()))
        }
        ("propertyNames", Value::Object(object)) => {
            object.keys().all(|name| accepts(says, &Value::String(name.clone())))
        }
        ("properties", Value::Object(object)) => says
            .as_object()
            .unwrap()
            .iter()
            .all(|(name, schema)| object.get(name).is_none_or(|value| accepts(schema, value))),
        ("additionalProperties", Value::Object(object)) => {
            let known = schema["properties"].as_object();
            object
                .iter()
                .filter(|(name, _)| known.is_none_or(|known| !known.contains_key(*name)))
                .all(|(_, value)| says.is_object() && accepts(says, value))
        }
        (
            "minimum"
            | "maximum"
            | "pattern"
            | "minLength"
            | "maxLength"
            | "minItems"
            | "maxItems"
            | "uniqueItems"
            | "items"
            | "required"
            | "propertyNames"
            | "properties"
            | "additionalProperties",
            _,
        ) => true,
        (other, _) => panic!("the keyword {other}"),
    })
}

fn json(text: &str) -> Value {
    serde_json::to_value(text.parse::<toml::Table>().unwrap()).unwrap()
}

fn docs(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(file)
}

#[test]
fn what_is_committed_is_what_is_made() {
    for (file, schema) in
        [("component", schema::component()), ("application", schema::application())]
    {
        let committed = fs::read_to_string(docs(&format!("schema/{file}.schema.json"))).unwrap();
        let made = serde_json::to_string_pretty(&schema).unwrap() + "\n";
        assert!(committed == made, "{file}: `cargo xtask schema` writes it anew");
    }
    let page = fs::read_to_string(docs("manifest.md")).unwrap();
    for (name, reference) in [
        ("component", schema::component_reference()),
        ("application", schema::application_reference()),
    ] {
        let marked = format!("<!-- keys: {name} -->\n\n{reference}<!-- /keys: {name} -->\n");
        assert!(page.contains(&marked), "{name}: `cargo xtask schema` writes it anew");
    }
}

/// Every key that a schema knows, with what it says of it.
fn keys(schema: &Value, found: &mut Vec<(String, Value)>) {
    for (name, says) in schema["properties"].as_object().into_iter().flatten() {
        found.push((name.clone(), says.clone()));
        keys(says, found);
        keys(&says["additionalProperties"], found);
    }
}

#[test]
fn every_key_of_a_schema_stands_in_the_reference_with_its_default() {
    let page = fs::read_to_string(docs("manifest.md")).unwrap();
    let mut found = Vec::new();
    keys(&schema::component(), &mut found);
    keys(&schema::application(), &mut found);
    assert!(found.len() > 100);
    for (name, says) in found {
        let mut rows = page.lines().filter(|line| line.starts_with(&format!("| `{name}` |")));
        let default = says.get("default").map(|default| format!("| `{default}` |"));
        let described = |row: &str| {
            row.contains(says["description"].as_str().unwrap())
                && default.as_ref().is_none_or(|default| row.contains(default))
        };
        assert!(rows.any(described), "{name} {default:?}");
    }
}

fn example(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(file)
}

#[test]
fn the_examples_are_accepted() {
    for file in ["shop/orders/Component.toml", "shop/stock/Component.toml"] {
        let text = fs::read_to_string(example(file)).unwrap();
        assert!(accepts(&schema::component(), &json(&text)), "{file}");
        ComponentManifest::load(example(file)).unwrap_or_else(|error| panic!("{}", error.render()));
    }
    let application = example("shop/castcall.toml");
    let text = fs::read_to_string(&application).unwrap();
    assert!(accepts(&schema::application(), &json(&text)));
    let loaded = ApplicationManifest::load(&application);
    let loaded = loaded.unwrap_or_else(|error| panic!("{}", error.render()));
    assert_eq!(loaded.warnings, []);
    let wrong = example("shop/wrong.toml");
    assert!(ComponentManifest::load(&wrong).is_err());
    assert!(!accepts(&schema::component(), &json(&fs::read_to_string(wrong).unwrap())));
}

#[test]
fn the_manifests_of_the_page_are_in_order() {
    let page = fs::read_to_string(docs("manifest.md")).unwrap();
    let blocks: Vec<_> =
        page.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    let orders = blocks.iter().find(|block| block.starts_with("# orders/Component.toml")).unwrap();
    let application = blocks.iter().find(|block| block.starts_with("# castcall.toml")).unwrap();
    let parsed = ApplicationManifest::parse(application, "castcall.toml", |file| {
        ComponentManifest::parse(orders, file)
    });
    assert_eq!(parsed.unwrap_or_else(|error| panic!("{}", error.render())).warnings, []);
    assert!(accepts(&schema::component(), &json(orders)));
    assert!(accepts(&schema::application(), &json(application)));
    // And what it shows of errors is what is said.
    let wrong =
        "id = \"a\"\nwasm = \"a\"\n\n[mailbox]\ncapacity = 10\n\n[limits]\nexecution = 500\n";
    let error = ComponentManifest::parse(wrong, "orders/Component.toml").unwrap_err();
    assert!(page.contains(&error.render()), "{}", error.render());
}

/// The cases of the snapshots of whose faults a schema can know nothing.
const READERS_ALONE: [&str; 12] = [
    "numbers that are negative, too large or none",
    "sizes",
    "a duration that is too long",
    "a path with a NUL",
    "a subscription that is not asked for",
    "more subscriptions than the quota",
    "backoff that ends before it begins",
    "backoff that begins after the default end",
    "a poison threshold that comes too late",
    "fractions",
    "a fraction that is too large",
    "durations",
];

#[test]
fn what_the_reader_refuses_one_by_one_is_not_accepted() {
    let snapshots = include_str!("snapshots/component.txt");
    let mut refused = 0;
    for case in snapshots.split("======== ").skip(1) {
        let (title, rest) = case.split_once('\n').unwrap();
        let (text, said) = rest.split_once("--------\n").unwrap();
        let Ok(table) = text.parse::<toml::Table>() else { continue };
        let value = serde_json::to_value(table).unwrap();
        if said == "nothing\n" {
            assert!(accepts(&schema::component(), &value), "{title}");
        } else if !READERS_ALONE.contains(&title) {
            assert!(!accepts(&schema::component(), &value), "{title}");
            refused += 1;
        }
    }
    assert!(refused > 20, "{refused}");
}

/// A value that some key may have, or nearly.
fn value() -> impl Strategy<Value = Value> {
    let text = prop::sample::select(vec![
        "a", "a/b", "a.b", "*", "a.*", "", "a b", "cbor", "reject", "5s", "5 s", "1 MiB", "never",
    ]);
    let text = text.prop_map(Value::from);
    let scalar = prop_oneof![
        4 => text,
        2 => (-2_i64..2_000_000).prop_map(Value::from),
        1 => any::<bool>().prop_map(Value::from),
        1 => (0.0..2.0).prop_map(Value::from),
    ];
    prop_oneof![
        3 => scalar.clone(),
        1 => prop::collection::vec(scalar.clone(), 0..3).prop_map(Value::from),
        1 => prop::collection::btree_map("[A-Za-z]{1,3}", scalar, 0..3)
            .prop_map(|map| Value::Object(map.into_iter().collect::<Map<_, _>>())),
    ]
}

proptest! {
    /// A schema may let pass what the reader refuses, and never the other way about.
    #[test]
    fn what_is_read_is_accepted(
        key in prop::sample::select(vec![
            "config", "codecs.preferred", "codecs.accepts", "mailbox.messages", "mailbox.bytes",
            "mailbox.overflow", "capabilities.cast", "capabilities.publish",
            "capabilities.wasi.env", "capabilities.wasi.clocks", "quotas.payload-bytes",
            "limits.execution", "restart.policy", "restart.backoff.jitter", "description",
        ]),
        value in value(),
    ) {
        let mut manifest = serde_json::json!({ "id": "a", "wasm": "a.wasm" });
        let mut place = &mut manifest;
        for name in key.split('.') {
            place = &mut place[name];
        }
        *place = value;
        let text = toml::to_string(&manifest).unwrap();
        if ComponentManifest::parse(&text, "Component.toml").is_ok() {
            prop_assert!(accepts(&schema::component(), &manifest), "{}", text);
        }
    }
}
