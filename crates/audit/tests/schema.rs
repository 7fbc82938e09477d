//! What `docs/` says of the lines, against the lines.

use std::collections::BTreeSet;

use castcall_audit::{
    Audit, AuditConfig, Denial, Kind, MemorySink, Note, NoteKind, Record, Sinks, What, Why,
};
use castcall_core::{ComponentId, Pattern, RequestId, Timestamp, Topic};
use serde_json::Value;

const SCHEMA: &str = include_str!("../../../docs/schema/audit.schema.json");
const PAGE: &str = include_str!("../../../docs/audit.md");

/// As much of JSON Schema as ours uses, but stricter: no other fields.
fn check(schema: &Value, line: &Value) {
    let fields = line.as_object().unwrap();
    let has = |required: &Value| {
        for key in required.as_array().unwrap() {
            assert!(fields.contains_key(key.as_str().unwrap()), "{key} is missing: {line}");
        }
    };
    has(&schema["required"]);
    for rule in schema["allOf"].as_array().unwrap() {
        if rule["if"]["properties"]["kind"]["const"] == line["kind"] {
            has(&rule["then"]["required"]);
        }
    }
    for (key, value) in fields {
        let property = &schema["properties"][key];
        assert!(property.is_object(), "{key} is not in the schema: {line}");
        for (rule, wanted) in property.as_object().unwrap() {
            let holds = match rule.as_str() {
                "description" => true,
                "const" => value == wanted,
                "enum" => wanted.as_array().unwrap().contains(value),
                "type" if wanted == "string" => value.is_string(),
                "type" => wanted == "integer" && value.is_u64(),
                "minimum" => value.as_u64() >= wanted.as_u64(),
                "maxLength" => {
                    value.as_str().unwrap().chars().count() as u64 <= wanted.as_u64().unwrap()
                }
                "pattern" => matches(wanted.as_str().unwrap(), value.as_str().unwrap()),
                other => panic!("unknown to this test: {other}"),
            };
            assert!(holds, "{key}: {rule} {wanted} does not hold: {line}");
        }
    }
}

/// `^`, `$`, `\d`, `[0-9a-f]`, `{n}`, `\.` and plain characters.
fn matches(pattern: &str, text: &str) -> bool {
    let pattern = pattern.trim_start_matches('^').trim_end_matches('$');
    let (mut pattern, mut text) = (pattern.chars().peekable(), text.chars());
    while let Some(next) = pattern.next() {
        let is: Box<dyn Fn(char) -> bool> = match next {
            '\\' => match pattern.next().unwrap() {
                'd' => Box::new(|char| char.is_ascii_digit()),
                char => Box::new(move |is| is == char),
            },
            '[' => {
                assert_eq!(pattern.by_ref().take(7).collect::<String>(), "0-9a-f]");
                Box::new(|char| matches!(char, '0'..='9' | 'a'..='f'))
            }
            char => Box::new(move |is| is == char),
        };
        let mut times = 1;
        if pattern.next_if_eq(&'{').is_some() {
            let number: String = pattern.by_ref().take_while(|char| *char != '}').collect();
            times = number.parse().unwrap();
        }
        if !(0..times).all(|_| text.next().is_some_and(&is)) {
            return false;
        }
    }
    text.next().is_none()
}

fn schema() -> Value {
    serde_json::from_str(SCHEMA).unwrap()
}

fn words(schema: &Value, property: &str) -> BTreeSet<String> {
    let words = schema["properties"][property]["enum"].as_array().unwrap();
    words.iter().map(|word| word.as_str().unwrap().to_owned()).collect()
}

#[test]
fn the_schema_knows_all_words() {
    let schema = schema();
    let owned = |words: Vec<&str>| words.into_iter().map(str::to_owned).collect::<BTreeSet<_>>();
    let mut kinds: Vec<_> = Kind::ALL.iter().map(|kind| kind.as_str()).collect();
    kinds.extend(NoteKind::ALL.iter().map(|kind| kind.as_str()));
    kinds.extend(["denial", "dropped"]);
    assert_eq!(words(&schema, "kind"), owned(kinds));
    assert_eq!(words(&schema, "what"), owned(What::ALL.iter().map(|what| what.as_str()).collect()));
    assert_eq!(words(&schema, "why"), owned(Why::ALL.iter().map(|why| why.as_str()).collect()));
    for kind in words(&schema, "kind") {
        assert!(schema["allOf"].to_string().contains(&format!("\"{kind}\"")), "{kind}");
        assert!(PAGE.contains(&format!("`{kind}`")), "{kind} is not on the page");
    }
    for field in schema["properties"].as_object().unwrap().keys() {
        assert!(PAGE.contains(&format!("`{field}`")), "{field} is not on the page");
    }
}

#[test]
fn the_page_has_a_line_of_each_kind() {
    let schema = schema();
    let lines: Vec<Value> = PAGE
        .lines()
        .filter(|line| line.starts_with('{'))
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let mut kinds = BTreeSet::new();
    for (n, line) in lines.iter().enumerate() {
        check(&schema, line);
        assert_eq!(line["n"], n + 1);
        kinds.insert(line["kind"].as_str().unwrap().to_owned());
    }
    assert_eq!(kinds, words(&schema, "kind"));
}

#[test]
fn what_is_written_is_as_the_schema_says() {
    let (sink, at) = (MemorySink::new(), Timestamp::now());
    let sinks = Sinks { all: Some(Box::new(sink.clone())), denials: None };
    let audit = Audit::to(&AuditConfig::default(), sinks).unwrap();
    let longest = "x".repeat(128);
    let who = audit.name(&ComponentId::new(&longest).unwrap());
    let topic = audit.name(&Topic::new("a.b").unwrap());
    let pattern = audit.name(&Pattern::new("a.*").unwrap());
    let whys = Why::ALL.iter().cycle();
    for (kind, why) in Kind::ALL.iter().flat_map(|kind| [kind; 10]).zip(whys) {
        for what in What::ALL {
            let about = match kind {
                Kind::Subscribe | Kind::Unsubscribe => &pattern,
                _ => &topic,
            };
            let record = Record::new(*kind, at, &who).what(*what).whom(&who).topic(about);
            let record = record.why(*why).codec((1 << 63) - 1).size(usize::MAX);
            audit.record(record.request_id(RequestId::new()).trace_id([0x5a; 16]));
        }
    }
    for kind in NoteKind::ALL {
        let note = Note::new(*kind, at).who(&ComponentId::cli()).whom("a/*").why(Why::GivenUp);
        audit.note(note.incarnation(u64::MAX).detail("\u{1}".repeat(1_000)));
    }
    for what in What::ALL {
        for whom in ["", "a\0\"", &"é".repeat(500)] {
            for _ in 0..12 {
                audit.deny(Denial::new(at, &who, *what, whom).size(1).request_id(RequestId::new()));
            }
        }
    }
    audit.close().unwrap();
    let schema = schema();
    let lines = sink.lines();
    assert!(lines.len() > 500, "{}", lines.len());
    for line in lines {
        check(&schema, &serde_json::from_str(&line).unwrap());
    }
}
