//! The metrics, whatever format they are exported in: names, meanings, and where each comes from.

use castcall_broker::{Latencies, Latency, MessagingStats, PeerState};

use crate::snapshot::ComponentSnapshot;

/// A number for each component, and for each value of a label if it has one.
pub(crate) struct Number {
    /// With dots, as OpenTelemetry has them.
    pub(crate) name: &'static str,
    /// In Prometheus.
    pub(crate) prometheus: &'static str,
    pub(crate) help: &'static str,
    pub(crate) unit: &'static str,
    /// It only grows.
    pub(crate) is_sum: bool,
    pub(crate) label: Option<&'static str>,
    /// The values of the label, and how each is read.
    pub(crate) read: &'static [(&'static str, Read)],
}

/// How a number is read.
type Read = fn(&MessagingStats) -> u64;

/// A distribution for each component.
pub(crate) struct Distribution {
    pub(crate) name: &'static str,
    pub(crate) prometheus: &'static str,
    pub(crate) help: &'static str,
    pub(crate) read: fn(&Latencies) -> &Latency,
}

macro_rules! sum {
    ($name:literal, $prometheus:literal, $help:literal, $unit:literal, $field:ident) => {
        Number {
            name: $name,
            prometheus: $prometheus,
            help: $help,
            unit: $unit,
            is_sum: true,
            label: None,
            read: &[("", |stats| stats.$field)],
        }
    };
}

macro_rules! level {
    ($name:literal, $prometheus:literal, $help:literal, $unit:literal, $field:ident) => {
        Number { is_sum: false, ..sum!($name, $prometheus, $help, $unit, $field) }
    };
}

/// Seconds: 1, 2.5 and 5 of each power of ten from 100 ns to 50 s.
pub(crate) const BOUNDS: [f64; 27] = [
    1e-7, 2.5e-7, 5e-7, 1e-6, 2.5e-6, 5e-6, 1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3,
    5e-3, 1e-2, 2.5e-2, 5e-2, 1e-1, 2.5e-1, 5e-1, 1.0, 2.5, 5.0, 10.0, 25.0, 50.0,
];

pub(crate) const NUMBERS: &[Number] = &[
    Number {
        name: "castcall.messages.sent",
        prometheus: "castcall_messages_sent_total",
        help: "Messages that the component sent and that were accepted.",
        unit: "{message}",
        is_sum: true,
        label: Some("kind"),
        read: &[
            ("cast", |stats| stats.casts_sent),
            ("call", |stats| stats.calls_sent),
            ("publish", |stats| stats.published),
        ],
    },
    sum!(
        "castcall.messages.sent.size",
        "castcall_messages_sent_bytes_total",
        "Bytes of the payloads of the messages that the component sent.",
        "By",
        bytes_sent
    ),
    Number {
        name: "castcall.messages.handled",
        prometheus: "castcall_messages_handled_total",
        help: "Messages and callbacks that the component's handlers were given.",
        unit: "{message}",
        is_sum: true,
        label: Some("kind"),
        read: &[
            ("cast", |stats| stats.casts_handled),
            ("call", |stats| stats.calls_handled),
            ("callback", |stats| stats.callbacks),
        ],
    },
    sum!(
        "castcall.messages.handled.size",
        "castcall_messages_handled_bytes_total",
        "Bytes of the payloads of the messages that the component was given.",
        "By",
        bytes_handled
    ),
    sum!(
        "castcall.sends.refused",
        "castcall_sends_refused_total",
        "Sends of the component that were refused, for whatever reason.",
        "{message}",
        refused
    ),
    sum!(
        "castcall.denials",
        "castcall_denials_total",
        "Attempts of the component at what it may not do.",
        "{attempt}",
        denied
    ),
    sum!(
        "castcall.cancels.denied",
        "castcall_cancels_denied_total",
        "Attempts of the component to cancel another's call.",
        "{attempt}",
        denied_cancels
    ),
    Number {
        name: "castcall.calls.ended",
        prometheus: "castcall_calls_ended_total",
        help: "Calls of the component, by how they ended.",
        unit: "{call}",
        is_sum: true,
        label: Some("outcome"),
        read: &[
            ("answered", |stats| stats.answered),
            ("timeout", |stats| stats.timeouts),
            ("cancelled", |stats| stats.cancelled),
            ("failed", |stats| stats.failed),
        ],
    },
    sum!(
        "castcall.answers.orphaned",
        "castcall_answers_orphaned_total",
        "Answers of the component that came too late, or to nobody.",
        "{message}",
        orphans
    ),
    sum!(
        "castcall.calls.ended_in_mailbox",
        "castcall_calls_ended_in_mailbox_total",
        "Calls to the component that ended while they waited, and were not delivered.",
        "{call}",
        ended_in_mailbox
    ),
    sum!(
        "castcall.handler.errors",
        "castcall_handler_errors_total",
        "Messages for which the component's handler returned an error.",
        "{message}",
        handler_errors
    ),
    sum!(
        "castcall.callback.errors",
        "castcall_callback_errors_total",
        "Callbacks for which the component returned an error.",
        "{message}",
        callback_errors
    ),
    sum!(
        "castcall.dead_letters",
        "castcall_dead_letters_total",
        "Casts and copies to the component that were not handled and never will be.",
        "{message}",
        dead_letters
    ),
    sum!(
        "castcall.messages.overflowed",
        "castcall_messages_overflowed_total",
        "Messages that the component's full mailbox dropped.",
        "{message}",
        overflowed
    ),
    sum!(
        "castcall.messages.redelivered",
        "castcall_messages_redelivered_total",
        "Messages given to the component again after it crashed with them.",
        "{message}",
        redelivered
    ),
    sum!(
        "castcall.messages.codec_refused",
        "castcall_messages_codec_refused_total",
        "Messages and answers to the component in a codec that it does not accept.",
        "{message}",
        codec_refused
    ),
    sum!(
        "castcall.senders.cut_off",
        "castcall_senders_cut_off_total",
        "Times that a sender was cut off since its messages crashed the component.",
        "{sender}",
        cut_off
    ),
    sum!(
        "castcall.crashes",
        "castcall_crashes_total",
        "Instances of the component that crashed.",
        "{instance}",
        crashes
    ),
    sum!(
        "castcall.restarts",
        "castcall_restarts_total",
        "Instances of the component that were started after the first.",
        "{instance}",
        restarts
    ),
    level!(
        "castcall.calls.pending",
        "castcall_calls_pending",
        "Calls of the component that have not ended, or whose callback is queued.",
        "{call}",
        pending
    ),
    level!(
        "castcall.mailbox.messages",
        "castcall_mailbox_messages",
        "Messages that wait in the component's mailbox.",
        "{message}",
        mailbox_messages
    ),
    level!(
        "castcall.mailbox.size",
        "castcall_mailbox_bytes",
        "Bytes of the payloads that wait in the component's mailbox.",
        "By",
        mailbox_bytes
    ),
];

/// Whether the component runs: not among the [`NUMBERS`], since it is no counter.
pub(crate) const UP: (&str, &str, &str) =
    ("castcall.component.up", "castcall_component_up", "Whether the component has an instance.");

pub(crate) fn is_up(component: &ComponentSnapshot) -> bool {
    component.state == PeerState::Running
}

pub(crate) const DISTRIBUTIONS: &[Distribution] = &[
    Distribution {
        name: "castcall.message.wait.duration",
        prometheus: "castcall_message_wait_seconds",
        help: "From a message's send until the component's handler was entered; of a sample.",
        read: |latencies| &latencies.waited,
    },
    Distribution {
        name: "messaging.process.duration",
        prometheus: "castcall_message_handling_seconds",
        help: "In the component's handler; of a sample.",
        read: |latencies| &latencies.handled,
    },
    Distribution {
        name: "castcall.call.duration",
        prometheus: "castcall_call_seconds",
        help: "From a call of the component to its answer; of a sample.",
        read: |latencies| &latencies.answered,
    },
];

/// How many of the durations lie in each bucket of [`BOUNDS`], and beyond the last.
pub(crate) fn counts(latency: &Latency) -> [u64; BOUNDS.len() + 1] {
    let mut counts = [0; BOUNDS.len() + 1];
    for (longest, count) in latency.buckets() {
        let seconds = longest.as_secs_f64();
        counts[BOUNDS.partition_point(|&bound| bound < seconds)] += count;
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_counter_is_exported_once() {
        // A value of its own for each field, read back through the instruments.
        let stats = format!("{:?}", MessagingStats::default());
        let fields = stats.matches(": 0").count();
        let read: usize = NUMBERS.iter().map(|number| number.read.len()).sum();
        assert_eq!(read, fields, "{stats}");
        let mut names: Vec<_> = NUMBERS.iter().map(|number| number.prometheus).collect();
        names.extend(DISTRIBUTIONS.iter().map(|distribution| distribution.prometheus));
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), NUMBERS.len() + DISTRIBUTIONS.len());
        assert!(BOUNDS.is_sorted());
    }
}
