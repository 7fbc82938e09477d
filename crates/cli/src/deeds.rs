//! What a running system does when it is asked.

use std::path::Path;
use std::time::Duration;

use castcall::broker::{Action, Latency};
use castcall::codec::{Codec, CodecSet};
use castcall::core::{ComponentId, DeadLetterId, Pattern, Timestamp, Topic};
use castcall::manifests::ApplicationManifest;
use castcall::state::DeadLetterFilter;
use castcall::wasm::{Engine, EngineConfig};
use castcall::{Bytes, Component, ComponentHandle, PeerState};
use serde_json::{Value, json};

use crate::app;
use crate::args::ActionName;
use crate::control::{Payload, Request};
use crate::payload;
use crate::run::Running;

/// How long a component that is stopped or restarted has to end.
const GRACE: Duration = Duration::from_secs(5);

/// What all languages have.
const FOR_ALL: CodecSet = CodecSet::of(&[Codec::Cbor]);

type Done = Result<Value, String>;

pub(crate) async fn deed(running: &Running, request: Request) -> Done {
    match request {
        // Answered in lines, by `record`.
        Request::Record { .. } => Ok(Value::Null),
        Request::Cast { target, payload } => {
            let payload = encode(running, &target, payload)?;
            running.cli.cast(target, payload).map_err(text)?;
            Ok(Value::Null)
        }
        Request::Call { target, payload, timeout_ms } => {
            let payload = encode(running, &target, payload)?;
            let timeout = Duration::from_millis(timeout_ms);
            let answer = running.cli.call(target, payload, timeout).await.map_err(text)?;
            Ok(payload::decode(&answer))
        }
        Request::Publish { target, payload } => {
            Topic::new(target.as_str()).map_err(text)?;
            // Subscribers differ.
            let payload = payload::encode(payload, FOR_ALL)?;
            running.cli.publish(target, payload).map(Value::from).map_err(text)
        }
        Request::Components => Ok(components(running)),
        Request::Stop { component } => {
            let handle = find(running, &component)?;
            if handle.stop(GRACE).await { Ok(Value::Null) } else { Err(not_stopped(&component)) }
        }
        Request::Restart { component } => restart(running, &component).await,
        Request::Letters { limit } => Ok(letters(running, limit)),
        Request::Resend { letters } => {
            for (resent, &letter) in letters.iter().enumerate() {
                running.system.resend(DeadLetterId(letter)).map_err(|error| match resent {
                    0 => error.to_string(),
                    _ => format!("{error}; those before it, {resent}, were sent again"),
                })?;
            }
            Ok(json!({ "resent": letters.len() }))
        }
        Request::Drop { letters } => {
            let kept = running.system.dead_letters();
            let dropped = letters.iter().filter(|&&id| kept.take(DeadLetterId(id)).is_some());
            Ok(json!({ "dropped": dropped.count() }))
        }
        Request::Subscriptions => Ok(subscriptions(running)),
        Request::Explain { component, action, target } => {
            explain(&find(running, component.as_str())?, action, &target)
        }
    }
}

fn text(error: impl ToString) -> String {
    error.to_string()
}

fn find(running: &Running, id: &str) -> Result<ComponentHandle, String> {
    running.system.component(id).ok_or_else(|| format!("there is no component {id:?}"))
}

fn not_stopped(id: &str) -> String {
    format!("{id} could not be stopped")
}

fn encode(running: &Running, target: &str, payload: Payload) -> Result<Bytes, String> {
    // A send would say that the message is out of form, which may be anything.
    ComponentId::new(target).map_err(text)?;
    // Who is not there takes nothing: that is for the send to say, or that it may not be known.
    let accepts = running.system.component(target).map_or(FOR_ALL, |handle| handle.codecs());
    payload::encode(payload, accepts)
}

/// As its manifest says now. What is wrong with that is said while the old one still runs.
async fn restart(running: &Running, id: &str) -> Done {
    let (file, wanted) = (running.file.clone(), id.to_owned());
    let read = tokio::task::spawn_blocking(move || component(&file, &wanted)).await;
    let component = read.map_err(text)??;
    if let Some(handle) = running.system.component(id)
        && !handle.stop(GRACE).await
    {
        return Err(not_stopped(id));
    }
    let loaded = running.system.load(id, component).await.map_err(text)?;
    Ok(json!({ "incarnation": loaded.incarnation() }))
}

fn component(file: &Path, id: &str) -> Result<Component, String> {
    let application = ApplicationManifest::load(file).map_err(|error| error.render())?;
    let mut entries = application.components.values();
    let entry = entries.find(|entry| entry.component.id == *id);
    let entry = entry.ok_or_else(|| format!("there is no component {id:?} in the manifest"))?;
    let component = app::component(entry);
    let engine = Engine::new(EngineConfig::default()).map_err(text)?;
    component.compile(&engine).map_err(|error| format!("{id}: {error}"))?;
    Ok(component)
}

fn sorted(running: &Running) -> Vec<ComponentHandle> {
    let mut all = running.system.components();
    all.sort_unstable_by(|one, other| one.id().cmp(other.id()));
    all
}

fn components(running: &Running) -> Value {
    sorted(running).iter().map(about).collect()
}

fn about(handle: &ComponentHandle) -> Value {
    let (stats, latencies) = (handle.stats(), handle.latencies());
    let micros = |latency: &Latency, quantile| {
        latency.quantile(quantile).map(|time| time.as_secs_f64() * 1e6)
    };
    json!({
        "id": handle.id(),
        "state": state(handle.state()),
        "incarnation": handle.incarnation(),
        "codecs": (!handle.codecs().is_any()).then(|| handle.codecs().to_string()),
        "sent": stats.casts_sent + stats.calls_sent + stats.published,
        "handled": stats.casts_handled + stats.calls_handled + stats.callbacks,
        "waiting": stats.mailbox_messages,
        "pending": stats.pending,
        "timeouts": stats.timeouts,
        "denied": stats.denied,
        "dead_letters": stats.dead_letters,
        "crashes": stats.crashes,
        "restarts": stats.restarts,
        "handling_p50_us": micros(&latencies.handled, 0.5),
        "handling_p99_us": micros(&latencies.handled, 0.99),
        "waiting_p99_us": micros(&latencies.waited, 0.99),
    })
}

fn state(state: PeerState) -> &'static str {
    match state {
        PeerState::Starting => "starting",
        PeerState::Running => "running",
        PeerState::Restarting => "restarting",
        PeerState::Failed => "failed",
        PeerState::Stopping => "stopping",
        PeerState::Stopped => "stopped",
        _ => "unknown",
    }
}

fn age(since: Timestamp) -> u64 {
    Timestamp::now().as_unix_nanos().saturating_sub(since.as_unix_nanos()) / 1_000_000_000
}

fn letters(running: &Running, limit: usize) -> Value {
    let kept = running.system.dead_letters();
    let listed = kept.list(&DeadLetterFilter::new(), None, limit).into_iter();
    let letters = listed.map(|(id, letter)| {
        json!({
            "id": id,
            "from": letter.from,
            "to": letter.to,
            "topic": letter.topic,
            "reason": letter.reason,
            "attempts": letter.attempts,
            "age_s": age(letter.died),
            "size": letter.payload.len(),
            "payload": payload::decode(&letter.payload),
        })
    });
    letters.collect()
}

fn subscriptions(running: &Running) -> Value {
    let all = sorted(running).into_iter().flat_map(|handle| {
        let mut its = handle.subscriptions();
        its.sort_unstable_by(|one, other| one.0.cmp(&other.0));
        let id = handle.id().clone();
        its.into_iter().map(move |(pattern, group)| {
            let group = group.as_ref().map(castcall::topics::Group::as_str);
            json!({ "component": id, "pattern": pattern, "group": group })
        })
    });
    all.collect()
}

fn explain(handle: &ComponentHandle, action: ActionName, target: &str) -> Done {
    let component = || ComponentId::new(target).map_err(text);
    let explanation = match action {
        ActionName::Cast => handle.explain(Action::Cast(&component()?)),
        ActionName::Call => handle.explain(Action::Call(&component()?)),
        ActionName::Publish => handle.explain(Action::Publish(&Topic::new(target).map_err(text)?)),
        ActionName::Subscribe => {
            handle.explain(Action::Subscribe(&Pattern::new(target).map_err(text)?))
        }
    };
    Ok(json!({ "allowed": explanation.is_allowed(), "why": explanation.to_string() }))
}
