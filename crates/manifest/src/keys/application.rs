//! The keys of an application manifest.

use std::time::Duration;

use super::Absent::{Default, Means, Refused};
use super::component::{COMPONENT, GIB, WASI};
use super::{Key, Kind, Section};

pub(crate) static APPLICATION: Section = Section {
    doc: "The components of a system, and what each may do.",
    keys: &[
        Key::table("system", &SYSTEM).not(&["host", "options"]),
        Key::new(
            "components",
            Kind::Tables(&ENTRY, "a name of your choice, which this file and its errors use"),
            Means("none"),
            "{}",
            "The components, as `[components.NAME]`.",
        )
        .not(&["component"]),
        Key::new(
            "peers",
            Kind::Tables(&PEER, "an id: `host`, `cli`, or a native peer's"),
            Means("`host` may do everything, others nothing"),
            "{}",
            "What others than components are granted, as `[peers.ID]`.",
        )
        .not(&["grants", "policy"]),
    ],
};

static SYSTEM: Section = Section {
    doc: "Options of the whole system.",
    keys: &[
        Key::new(
            "workers",
            Kind::Count(1, 1_024),
            Means("as many as the machine has cores"),
            "2",
            "How many components run at once.",
        )
        .not(&["threads"]),
        Key::new(
            "max-threads",
            Kind::Count(1, 65_536),
            Means("256 more than `workers`"),
            "64",
            "How many threads components may occupy, those included whose component does not \
             return. At least `workers`.",
        ),
        Key::new(
            "max-payload-bytes",
            Kind::Size(1, GIB),
            Default("\"1 MiB\""),
            "\"8 MiB\"",
            "The most that any component's `quotas.payload-bytes` may be.",
        )
        .not(&["max-payload", "payload-bytes"]),
        Key::new(
            "max-timeout",
            Kind::Duration(Duration::from_millis(1), Duration::from_secs(86_400)),
            Default("\"1h\""),
            "\"30s\"",
            "The longest timeout of a call.",
        )
        .not(&["timeout"]),
        Key::new(
            "state-directory",
            Kind::Path,
            Means("nothing outlives the process"),
            "\"state\"",
            "Where subscriptions, dead letters and compiled code are kept; relative to the folder of the manifest.",
        )
        .not(&["state", "state-dir", "data"]),
        Key::new(
            "audit",
            Kind::Path,
            Means("no audit"),
            "\"audit.jsonl\"",
            "The file that audit records are added to; relative to the folder of the manifest.",
        )
        .not(&["audit-log", "audit-file"]),
        Key::new(
            "forbid-unchecked",
            Kind::Flag,
            Default("false"),
            "true",
            "Whether a component that has no `codecs.accepts` is refused.",
        )
        .not(&["forbid-unchecked-codecs"]),
    ],
};

/// What stands in an entry besides the keys of `Component.toml`.
pub(crate) static ENTRY: Section = Section {
    doc: "A component: its manifest, what it is granted, and any key of `Component.toml` that is \
          to be another here. `config` is added to; every other key that is given replaces the \
          component's own. Paths are relative to the folder of this file.",
    keys: &[
        Key::new(
            "manifest",
            Kind::Path,
            Refused,
            "\"orders/Component.toml\"",
            "Its `Component.toml`; relative to the folder of this file.",
        )
        .not(&["path", "file"]),
        Key::table("grants", &GRANTS).not(&["grant", "policy"]),
    ],
};

static GRANTS: Section = Section {
    doc: "What it is granted. It may do what its manifest asks for and this grants; nothing is \
          granted unless it stands here.",
    keys: &[
        Key::new(
            "cast",
            Kind::Targets,
            Means("no one"),
            "[\"shop/*\"]",
            "Whom it may send messages to.",
        )
        .not(&["send", "send-message"]),
        Key::new("call", Kind::Targets, Means("no one"), "[\"shop/stock\"]", "Whom it may call.")
            .not(&["request", "send-request"]),
        Key::new(
            "publish",
            Kind::Topics,
            Means("nothing"),
            "[\"orders.*\"]",
            "The topics that it may publish to.",
        ),
        Key::new(
            "subscribe",
            Kind::Topics,
            Means("nothing"),
            "[\"orders.*\", \"jobs.*\"]",
            "The topics that it may subscribe to.",
        ),
        Key::table("wasi", &WASI),
    ],
};

static PEER: Section = Section {
    doc: "What a peer that is no component is granted.",
    keys: &[
        Key::new(
            "cast",
            Kind::Targets,
            Means("no one"),
            "[\"shop/*\"]",
            "Whom it may send messages to.",
        )
        .not(&["send", "send-message"]),
        Key::new("call", Kind::Targets, Means("no one"), "[\"shop/stock\"]", "Whom it may call.")
            .not(&["request", "send-request"]),
        Key::new(
            "publish",
            Kind::Topics,
            Means("nothing"),
            "[\"orders.*\"]",
            "The topics that it may publish to.",
        ),
        Key::new(
            "subscribe",
            Kind::Topics,
            Means("nothing"),
            "[\"orders.*\"]",
            "The topics that it may subscribe to.",
        ),
    ],
};

/// The keys of a component, which an entry may have too.
pub(crate) static OVERRIDES: &Section = &COMPONENT;
