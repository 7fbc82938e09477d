//! JSON Schemas for editors, and the tables of `docs/manifest.md`: made of the table of keys that
//! the reader checks by. Needs the feature `schema`.
//!
//! The schemas say less than the reader checks: what two keys may not be together, and whether
//! files are there, is the reader's alone.

mod reference;

use serde_json::{Map, Value, json};

use crate::MAX_LIST;
use crate::keys::application::{APPLICATION, OVERRIDES};
use crate::keys::component::COMPONENT;
use crate::keys::describe::codecs;
use crate::keys::{Absent, Key, Kind, Section};
use crate::read::MAX_NAME;
use crate::scalar::{DURATION_FORM, SIZE_FORM};

pub use reference::{application_reference, component_reference};

/// Older editors know no later one.
const DRAFT: &str = "http://json-schema.org/draft-07/schema#";
const ID_FORM: &str = "^[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*$";
const TARGET_FORM: &str = "^([A-Za-z0-9_-]+|\\*)(/([A-Za-z0-9_-]+|\\*))*$";
const TOPIC_FORM: &str = "^([A-Za-z0-9_-]+|\\*)(\\.([A-Za-z0-9_-]+|\\*)){0,31}$";
const GROUP_FORM: &str = "^[A-Za-z0-9_-]+$";

/// The JSON Schema (draft 7) of `Component.toml`.
///
/// ```
/// let schema = castcall_manifest::schema::component();
/// assert_eq!(schema["properties"]["mailbox"]["properties"]["messages"]["default"], 1024);
/// ```
#[must_use]
pub fn component() -> Value {
    root("Component.toml of castcall", &COMPONENT)
}

/// The JSON Schema (draft 7) of an application manifest.
#[must_use]
pub fn application() -> Value {
    root("The application manifest of castcall", &APPLICATION)
}

fn root(title: &str, section: &'static Section) -> Value {
    let mut schema = object(&[section]);
    schema["$schema"] = json!(DRAFT);
    schema["title"] = json!(title);
    schema["description"] = json!(section.doc);
    schema
}

/// The table that has the keys of `sections`, and needs those that the first does.
fn object(sections: &[&'static Section]) -> Value {
    let keys = sections.iter().flat_map(|section| section.keys);
    let properties: Map<_, _> = keys.map(|key| (key.name.to_owned(), property(key))).collect();
    let needed = sections.iter().take(1).flat_map(|section| section.keys);
    let required: Vec<_> = needed.filter(|key| key.is_required()).map(|key| key.name).collect();
    let mut object = json!({
        "type": "object",
        "additionalProperties": false,
        "properties": properties,
    });
    if !required.is_empty() {
        object["required"] = json!(required);
    }
    object
}

fn property(key: &'static Key) -> Value {
    let mut property = value(key.kind);
    property["description"] = json!(key.doc);
    if let Absent::Default(default) = key.absent {
        // Defaults are numbers, strings and booleans, which TOML and JSON write alike.
        property["default"] = serde_json::from_str(default).unwrap_or(Value::Null);
    }
    property
}

fn value(kind: Kind) -> Value {
    match kind {
        Kind::Id => json!({
            "type": "string",
            "pattern": ID_FORM,
            "maxLength": 128,
            "not": { "enum": ["host", "cli"] },
        }),
        Kind::Path => json!({ "type": "string", "minLength": 1 }),
        Kind::Text(limit) => json!({ "type": "string", "maxLength": limit }),
        Kind::Flag => json!({ "type": "boolean" }),
        Kind::Count(min, max) => json!({ "type": "integer", "minimum": min, "maximum": max }),
        Kind::Size(min, max) => json!({ "anyOf": [
            { "type": "integer", "minimum": min, "maximum": max },
            { "type": "string", "pattern": SIZE_FORM },
        ] }),
        Kind::Duration(..) => json!({ "type": "string", "pattern": DURATION_FORM }),
        Kind::Fraction => json!({ "type": "number", "minimum": 0, "maximum": 1 }),
        Kind::Word(words) => json!({ "type": "string", "enum": words }),
        Kind::Codec => json!({ "type": "string", "enum": codecs().collect::<Vec<_>>() }),
        Kind::Codecs => list(&value(Kind::Codec)),
        Kind::Topics => list(&topic()),
        Kind::Targets => {
            list(&json!({ "type": "string", "pattern": TARGET_FORM, "maxLength": 128 }))
        }
        Kind::Subscriptions => list(&json!({ "anyOf": [
            topic(),
            {
                "type": "object",
                "additionalProperties": false,
                "properties": {
                    "pattern": topic(),
                    "group": { "type": "string", "pattern": GROUP_FORM, "maxLength": 128 },
                },
                "required": ["pattern"],
            },
        ] })),
        Kind::Settings => strings(&json!({ "minLength": 1, "maxLength": MAX_NAME })),
        Kind::Environment => {
            let name = json!({
                "type": "string",
                "pattern": "^[^=]+$",
                "maxLength": MAX_NAME,
            });
            json!({ "anyOf": [list(&name), strings(&name)] })
        }
        Kind::Folders(section) => list(&object(&[section])),
        Kind::Table(section) => object(&[section]),
        Kind::Tables(section, names) if names.starts_with("an id") => json!({
            "type": "object",
            "propertyNames": { "pattern": ID_FORM, "maxLength": 128 },
            "additionalProperties": object(&[section]),
        }),
        Kind::Tables(section, _) => json!({
            "type": "object",
            "additionalProperties": object(&[section, OVERRIDES]),
        }),
    }
}

fn topic() -> Value {
    json!({ "type": "string", "pattern": TOPIC_FORM, "maxLength": 256 })
}

fn list(items: &Value) -> Value {
    json!({
        "type": "array",
        "items": items,
        "minItems": 1,
        "maxItems": MAX_LIST,
        "uniqueItems": true,
    })
}

fn strings(names: &Value) -> Value {
    json!({
        "type": "object",
        "propertyNames": names,
        "additionalProperties": { "type": "string" },
    })
}
