//! The keys of `Component.toml`.

use std::time::Duration;

use super::Absent::{Default, Means, Refused};
use super::{Key, Kind, Section};

const MILLISECOND: Duration = Duration::from_millis(1);
const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);

/// Bytes in one page of WebAssembly memory.
const PAGE: u64 = 64 << 10;
pub(crate) const GIB: u64 = 1 << 30;
const MILLION: u64 = 1_000_000;

pub(crate) static COMPONENT: Section = Section {
    doc: "What a component is, asks for, and may use.",
    keys: &[
        Key::new(
            "id",
            Kind::Id,
            Refused,
            "\"shop/orders\"",
            "Its id: segments of `A-Z a-z 0-9 _ -`, joined by `/`, at most 128 bytes. Not `host` or \
             `cli`.",
        )
        .not(&["name"]),
        Key::new(
            "wasm",
            Kind::Path,
            Refused,
            "\"orders.wasm\"",
            "The WebAssembly component; relative to the folder of the manifest.",
        )
        .not(&["path", "file", "module", "component"]),
        Key::new(
            "description",
            Kind::Text(1_024),
            Means("none"),
            "\"Takes orders\"",
            "What it does, for people.",
        ),
        Key::new(
            "version",
            Kind::Text(64),
            Means("none"),
            "\"1.4.0\"",
            "Its version, in whatever form, for people.",
        ),
        Key::new(
            "config",
            Kind::Settings,
            Means("no settings"),
            "{ currency = \"EUR\" }",
            "Settings that `init` is given. Values are strings.",
        )
        .not(&["configuration", "settings"]),
        Key::table("codecs", &CODECS).not(&["codec"]),
        Key::table("topics", &TOPICS),
        Key::table("mailbox", &MAILBOX).not(&["queue", "inbox"]),
        Key::table("capabilities", &CAPABILITIES).not(&["permissions", "rights"]),
        Key::table("quotas", &QUOTAS),
        Key::table("limits", &LIMITS),
        Key::table("restart", &RESTART).not(&["supervision"]),
    ],
};

static CODECS: Section = Section {
    doc: "How its payloads are encoded.",
    keys: &[
        Key::new(
            "preferred",
            Kind::Codec,
            Means("not said"),
            "\"cbor\"",
            "What it writes its messages and answers in.",
        )
        .not(&["default", "sends"]),
        Key::new(
            "accepts",
            Kind::Codecs,
            Means("unchecked: any payload is taken"),
            "[\"cbor\", \"json\"]",
            "What it can read. A message in another codec is refused when it is sent.",
        )
        .not(&["accept", "accepted"]),
    ],
};

static TOPICS: Section = Section {
    doc: "What it is subscribed to from the start.",
    keys: &[Key::new(
        "subscribe",
        Kind::Subscriptions,
        Means("none"),
        "[\"orders.*\", { pattern = \"jobs.*\", group = \"workers\" }]",
        "Topic patterns, each alone or with the queue group to join. Each must lie within one \
         pattern of `capabilities.subscribe`.",
    )],
};

static MAILBOX: Section = Section {
    doc: "How much may wait for it. Callbacks have room of their own.",
    keys: &[
        Key::new(
            "messages",
            Kind::Count(1, MILLION),
            Default("1024"),
            "256",
            "How many messages may wait.",
        )
        .not(&["capacity", "size", "length"]),
        Key::new(
            "bytes",
            Kind::Size(1, 64 * GIB),
            Default("\"16 MiB\""),
            "\"1 MiB\"",
            "How many bytes their payloads may have together.",
        ),
        Key::new(
            "overflow",
            Kind::Word(&["reject", "drop-newest", "drop-oldest"]),
            Default("\"reject\""),
            "\"drop-oldest\"",
            "What happens to a message that finds it full: the sender is told, it is dropped, or \
             what has waited longest is.",
        )
        .not(&["policy", "overflow-policy"]),
    ],
};

static CAPABILITIES: Section = Section {
    doc: "What it asks for. It may do what it asks for and the host grants.",
    keys: &[
        Key::new(
            "cast",
            Kind::Targets,
            Means("no one"),
            "[\"shop/*\"]",
            "Whom it wants to send messages to.",
        )
        .not(&["send", "send-message"]),
        Key::new(
            "call",
            Kind::Targets,
            Means("no one"),
            "[\"shop/stock\"]",
            "Whom it wants to call.",
        )
        .not(&["request", "send-request"]),
        Key::new(
            "publish",
            Kind::Topics,
            Means("nothing"),
            "[\"orders.*\"]",
            "The topics that it wants to publish to.",
        ),
        Key::new(
            "subscribe",
            Kind::Topics,
            Means("nothing"),
            "[\"orders.*\", \"jobs.*\"]",
            "The topics that it wants to subscribe to.",
        ),
        Key::table("wasi", &WASI),
    ],
};

pub(crate) static WASI: Section = Section {
    doc: "The machine, through WASI 0.2. Each is off unless it is asked for and granted. Without any \
          of it, a component that imports `wasi:*` is refused.",
    keys: &[
        Key::new(
            "env",
            Kind::Environment,
            Means("none"),
            "[\"LANG\"]",
            "Environment variables: a list of names, whose values are the host's, or a table of \
             names and values.",
        )
        .not(&["environment"]),
        Key::new(
            "dirs",
            Kind::Folders(&FOLDER),
            Means("none"),
            "[{ host = \"data\", guest = \"/data\", access = \"read-only\" }]",
            "Folders that it may open. One that is not there is an error when the component is \
             loaded.",
        )
        .not(&["directories", "folders", "preopens"]),
        Key::new(
            "clocks",
            Kind::Flag,
            Default("false"),
            "true",
            "Clocks, and waiting for them, which counts for `limits.execution`. A component that \
             imports their functions is refused without it.",
        )
        .not(&["clock", "time"]),
        Key::new(
            "random",
            Kind::Flag,
            Default("false"),
            "true",
            "Random numbers. A component that imports their functions is refused without it.",
        ),
        Key::new(
            "stdio",
            Kind::Flag,
            Default("false"),
            "true",
            "Standard output and error, which go to the host's log; without it, nowhere.",
        )
        .not(&["stdout", "stderr", "log", "logging"]),
        Key::new(
            "network",
            Kind::Flag,
            Default("false"),
            "true",
            "Sockets and name lookups: all of the network that the host reaches.",
        )
        .not(&["sockets", "net"]),
    ],
};

static FOLDER: Section = Section {
    doc: "A folder of the host under a path of the guest.",
    keys: &[
        Key::new(
            "host",
            Kind::Path,
            Refused,
            "\"data\"",
            "The folder; relative to the folder of the manifest. Where a grant names another, the \
             grant's is opened.",
        ),
        Key::new(
            "guest",
            Kind::Text(4_096),
            Refused,
            "\"/data\"",
            "The path that the guest opens it by; begins with `/`.",
        ),
        Key::new(
            "access",
            Kind::Word(&["read-only", "read-write"]),
            Default("\"read-only\""),
            "\"read-write\"",
            "Whether it may be changed.",
        )
        .not(&["mode", "permissions"]),
    ],
};

static QUOTAS: Section = Section {
    doc: "How much it may send.",
    keys: &[
        Key::new(
            "messages-per-second",
            Kind::Count(1, 10 * MILLION),
            Default("100000"),
            "500",
            "How many messages it may send a second, in the long run. A publish counts once.",
        )
        .not(&["rate", "messages", "rate-limit"]),
        Key::new(
            "burst",
            Kind::Count(1, 10 * MILLION),
            Means("as many as `messages-per-second`"),
            "50",
            "How many of them it may send at once.",
        ),
        Key::new(
            "pending-requests",
            Kind::Count(1, MILLION),
            Default("1024"),
            "64",
            "How many of its calls may be pending, or ended with their callback still queued.",
        )
        .not(&["max-pending", "pending"]),
        Key::new(
            "payload-bytes",
            Kind::Size(1, GIB),
            Default("\"1 MiB\""),
            "\"64 KiB\"",
            "How many bytes one message or answer may have.",
        )
        .not(&["max-payload", "payload"]),
        Key::new(
            "subscriptions",
            Kind::Count(1, MILLION),
            Default("1024"),
            "16",
            "How many subscriptions it may have.",
        )
        .not(&["max-subscriptions"]),
    ],
};

static LIMITS: Section = Section {
    doc: "What one instance of it may use of the machine.",
    keys: &[
        Key::new(
            "memory-bytes",
            Kind::Size(PAGE, 64 * GIB),
            Default("\"64 MiB\""),
            "\"8 MiB\"",
            "Bytes of all its linear memories together.",
        )
        .not(&["memory", "max-memory"]),
        Key::new(
            "table-elements",
            Kind::Count(1, 100 * MILLION),
            Default("100000"),
            "1000",
            "Elements of all its tables together.",
        )
        .not(&["tables"]),
        Key::new(
            "execution",
            Kind::Duration(MILLISECOND, HOUR),
            Default("\"1s\""),
            "\"200ms\"",
            "How long one handler may run. Time that it waits for a core does not count; what it \
             waits for through WASI does. Good to about two milliseconds, of waiting to five.",
        )
        .not(&["execution-ms", "execution-time", "timeout"]),
    ],
};

static RESTART: Section = Section {
    doc: "What follows a crash.",
    keys: &[
        Key::new(
            "policy",
            Kind::Word(&["always", "on-crash", "never"]),
            Default("\"on-crash\""),
            "\"always\"",
            "When a new instance is made: always, also when `init` returns an error; after a \
             crash; never.",
        ),
        Key::new(
            "max-restarts",
            Kind::Count(0, MILLION),
            Default("10"),
            "50",
            "How many restarts within `window` are the most; at the next crash the component has \
             failed.",
        )
        .not(&["max", "limit", "max-retries"]),
        Key::new(
            "window",
            Kind::Duration(MILLISECOND, DAY),
            Default("\"1m\""),
            "\"10m\"",
            "Over how long restarts are counted.",
        ),
        Key::table("backoff", &BACKOFF),
        Key::new(
            "redeliver",
            Kind::Count(0, 1_000),
            Default("0"),
            "3",
            "How often the cast in hand is tried again after a crash. 0: it becomes a dead letter \
             at once. Calls are never tried again.",
        )
        .not(&["redeliveries", "retries", "attempts"]),
        Key::new(
            "poison-threshold",
            Kind::Count(1, MILLION),
            Default("3"),
            "2",
            "After how many crashes by one sender's messages that sender is cut off. At most \
             `max-restarts`, so that it can't keep the component down.",
        )
        .not(&["poison"]),
    ],
};

static BACKOFF: Section = Section {
    doc: "How long a restart waits.",
    keys: &[
        Key::new(
            "initial",
            Kind::Duration(MILLISECOND, HOUR),
            Default("\"10ms\""),
            "\"100ms\"",
            "Before the first restart in a window; doubled at each further one.",
        )
        .not(&["min", "first"]),
        Key::new(
            "max",
            Kind::Duration(MILLISECOND, DAY),
            Default("\"10s\""),
            "\"30s\"",
            "The longest wait. At least `initial`.",
        ),
        Key::new(
            "jitter",
            Kind::Fraction,
            Default("0.25"),
            "0.5",
            "By which part of itself a wait is longer or shorter, at random.",
        ),
    ],
};
