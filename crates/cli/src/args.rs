//! What can be said on the command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum};
use serde::{Deserialize, Serialize};

/// Runs systems of WebAssembly components that send each other messages, and talks to them.
///
/// Ends with 0 if all went well, 1 if what was asked was refused or failed, 2 if the command line
/// can't be understood, 3 if a manifest or component is not in order, 4 if no such system runs, 5 if
/// it ended before it had answered.
#[derive(Debug, Parser)]
#[command(name = "castcall", version)]
pub(crate) struct Args {
    /// How answers are written.
    #[arg(long, global = true, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// How answers are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Text,
    /// For machines: one JSON value.
    Json,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Runs a system from its application manifest, until Ctrl-C; a second Ctrl-C ends it at once.
    Run(Run),
    /// Looks whether an application's manifests and components are in order, without running them.
    ///
    /// Prints who may send to whom, and whether what they write can be read.
    Check {
        /// The application manifest.
        application: PathBuf,
    },
    /// Makes a folder with a guest in Rust, its manifest, and an application manifest to run it.
    New {
        /// The component's id: segments of letters, digits, `_` and `-`, joined by `/`.
        name: String,
        /// The folder. Default: the last segment of the name.
        #[arg(long)]
        folder: Option<PathBuf>,
        /// The folder of the crate `castcall-guest`, if it is not to come from the registry.
        #[arg(long)]
        guest: Option<PathBuf>,
    },
    /// Says what a component imports, exports and lacks.
    Inspect {
        /// A WebAssembly component.
        file: PathBuf,
    },
    /// Prints a script that completes this command in a shell.
    Completions {
        /// Which shell.
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
    /// Keeps what happens in a running system for a while: the lines of the audit.
    Record(Record),
    /// Draws a recording, or an audit file.
    Diagram(Diagram),
    /// Shows what each component does, as it goes on.
    Top(Top),
    #[command(flatten)]
    Talk(Talk),
}

#[derive(Debug, clap::Args)]
pub(crate) struct Run {
    /// The application manifest.
    pub(crate) application: PathBuf,
    /// The name under which other commands find the system.
    #[arg(long, default_value = "default", env = "CASTCALL_SYSTEM")]
    pub(crate) name: String,
    /// How long a shutdown waits for handlers that run.
    #[arg(long, value_parser = duration, default_value = "10s")]
    pub(crate) grace: Duration,
    /// Serves metrics in Prometheus' format at `http://127.0.0.1:PORT/metrics`.
    #[arg(long, value_name = "PORT")]
    pub(crate) metrics: Option<u16>,
    /// Sends traces and metrics to an OpenTelemetry collector, such as `http://127.0.0.1:4318`.
    #[arg(long, value_name = "URL", env = "OTEL_EXPORTER_OTLP_ENDPOINT")]
    pub(crate) otlp: Option<String>,
    /// Which part of what begins outside is traced, 0 to 1.
    #[arg(long, value_name = "RATIO", default_value_t = 0.01)]
    pub(crate) sample: f64,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Where {
    /// The name of the running system.
    #[arg(long, default_value = "default", env = "CASTCALL_SYSTEM")]
    pub(crate) name: String,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Diagram {
    /// What `castcall record` wrote, or an audit file.
    pub(crate) recording: PathBuf,
    /// What to draw.
    #[arg(long, value_enum, default_value_t = Picture::Sequence)]
    pub(crate) picture: Picture,
    /// The file to write: a page by itself if its name ends in `.html`, else Mermaid's text, as on
    /// standard output by default.
    #[arg(long, short)]
    pub(crate) output: Option<PathBuf>,
    /// An application manifest: the topology then shows what it allows and nobody used.
    #[arg(long)]
    pub(crate) application: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Picture {
    /// What happened, message by message.
    Sequence,
    /// Who talks to whom, and at what rate.
    Topology,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Top {
    #[command(flatten)]
    pub(crate) place: Where,
    /// How often it is read.
    #[arg(long, value_parser = duration, default_value = "1s")]
    pub(crate) every: Duration,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Record {
    #[command(flatten)]
    pub(crate) place: Where,
    /// How long.
    #[arg(long = "for", value_name = "DURATION", value_parser = duration, default_value = "10s")]
    pub(crate) time: Duration,
    /// The file to write. Default: standard output.
    #[arg(long, short)]
    pub(crate) output: Option<PathBuf>,
}

/// What is asked of a running system.
#[derive(Debug, Subcommand)]
pub(crate) enum Talk {
    /// Casts a message.
    Cast(Send),
    /// Calls a component, and prints its answer.
    Call {
        #[command(flatten)]
        send: Send,
        /// How long to wait for the answer.
        #[arg(long, value_parser = duration, default_value = "5s")]
        timeout: Duration,
    },
    /// Publishes a message to a topic, and prints how many it matched.
    Publish(Send),
    /// Lists components and native peers, or stops and restarts them.
    Components {
        #[command(flatten)]
        place: Where,
        #[command(subcommand)]
        action: Option<ComponentAction>,
    },
    /// Lists dead letters, sends them again, or drops them.
    DeadLetters {
        #[command(flatten)]
        place: Where,
        #[command(subcommand)]
        action: Option<LetterAction>,
    },
    /// Lists who is subscribed to what.
    Subscriptions {
        #[command(flatten)]
        place: Where,
    },
    /// Says why a component may do something, or may not.
    Explain {
        #[command(flatten)]
        place: Where,
        /// Who.
        component: String,
        /// What.
        #[arg(value_enum)]
        action: ActionName,
        /// The component, topic or pattern to which.
        target: String,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ActionName {
    Cast,
    Call,
    Publish,
    Subscribe,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Send {
    #[command(flatten)]
    pub(crate) place: Where,
    /// To which component, or which topic if it is published.
    pub(crate) target: String,
    /// The payload: JSON, encoded in a codec that the target accepts. `-` reads it from standard
    /// input. Without it, the message is empty.
    pub(crate) payload: Option<String>,
    /// Takes the payload from a file instead, and sends its bytes as they are; `-` is standard input.
    #[arg(long, conflicts_with_all = ["payload", "text"])]
    pub(crate) file: Option<PathBuf>,
    /// Sends this text's bytes as they are, without an envelope.
    #[arg(long, conflicts_with = "payload")]
    pub(crate) text: Option<String>,
    /// The codec for JSON: cbor, json or messagepack. Default: the first of these that the target
    /// accepts.
    #[arg(long)]
    pub(crate) codec: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ComponentAction {
    /// Stops a component and loads it again, as its manifest says now.
    Restart {
        /// Its id.
        component: String,
    },
    /// Stops a component.
    Stop {
        /// Its id.
        component: String,
    },
}

/// How many dead letters are listed.
pub(crate) const LETTERS: usize = 100;

#[derive(Debug, Subcommand)]
pub(crate) enum LetterAction {
    /// Lists them, the oldest first.
    List {
        /// At most so many.
        #[arg(long, default_value_t = LETTERS)]
        limit: usize,
    },
    /// Sends some again.
    Resend {
        /// Their numbers.
        #[arg(required = true)]
        letters: Vec<u64>,
    },
    /// Forgets some.
    Drop {
        /// Their numbers.
        #[arg(required = true)]
        letters: Vec<u64>,
    },
}

/// `250ms`, `5s`, `2m`, `1h`.
fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let expected = || format!("expected a duration such as 250ms, 5s, 2m or 1h, not {text:?}");
    let number: u64 = number.parse().map_err(|_| expected())?;
    let millis = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return Err(expected()),
    };
    number.checked_mul(millis).map(Duration::from_millis).ok_or_else(expected)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_in_order() {
        Args::command().debug_assert();
    }

    #[test]
    fn durations() {
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(duration("2m"), Ok(Duration::from_secs(120)));
        for wrong in ["", "5", "s", "-1s", "1d", "99999999999999999999s", "18446744073709551615h"] {
            duration(wrong).unwrap_err();
        }
    }
}
