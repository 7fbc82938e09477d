//! The same script against the same guest in both lanes, and whether anybody could tell them apart.
//!
//! The real broker runs it, on one thread and in virtual time, so that two runs differ in nothing but
//! the lane, and in ids, which are random: their digits are left out of what is compared.

use std::sync::OnceLock;
use std::time::Duration;

use castcall::broker::{PeerConfig, StartError};
use castcall::wasm::{CompileError, Engine, EngineConfig, WasmComponent};
use castcall::{Bytes, CallError, Limits, Rate, RestartConfig};
use castcall_testkit::{Simulation, Task};

use crate::recorder::Recorder;
use crate::stage::fixture_bytes;

/// A deed of the fixture `scripted`: which, and its words.
pub type Deed = [u32; 8];

/// What happens next.
#[derive(Debug, Clone)]
pub enum Step {
    /// The guest is called.
    Call(Vec<Deed>),
    /// The guest is cast to.
    Cast(Vec<Deed>),
    /// It is published to `news.eu`.
    Publish(Vec<Deed>),
    /// The other guest is stopped, if it is still there.
    Stop,
    /// So many milliseconds pass.
    Pass(u16),
}

/// What the guest is configured with, by how many settings, and what happens then.
#[derive(Debug, Clone)]
pub struct Script {
    /// How many settings `init` is given.
    pub settings: usize,
    /// What happens, in this order.
    pub steps: Vec<Step>,
}

/// Two engines, the one with the core lane first. They tick as long as the process runs.
fn engines() -> &'static [Engine; 2] {
    static ENGINES: OnceLock<[Engine; 2]> = OnceLock::new();
    ENGINES.get_or_init(|| {
        [true, false].map(|core_lane| {
            let mut config = EngineConfig::default();
            config.core_lane = core_lane;
            let engine = Engine::new(config).expect("an engine");
            let ticking = engine.clone();
            std::thread::spawn(move || {
                loop {
                    std::thread::sleep(Duration::from_millis(1));
                    ticking.tick();
                }
            });
            engine
        })
    })
}

fn guests() -> &'static [WasmComponent; 2] {
    static GUESTS: OnceLock<[WasmComponent; 2]> = OnceLock::new();
    GUESTS.get_or_init(|| {
        let wasm = fixture_bytes("scripted");
        let mut limits = Limits::default();
        limits.memory = 1 << 20;
        let compile = |engine: &Engine| engine.compile(&wasm).expect("it compiles");
        engines().each_ref().map(compile).map(|guest| guest.with_limits(limits))
    })
}

/// Runs a script in both lanes.
///
/// # Panics
///
/// Something that can be seen differs.
pub fn compare(script: &Script) {
    let [core, component] = guests().each_ref().map(|guest| run(guest, script));
    assert_eq!(core, component, "the core lane first: {script:?}");
}

/// Compiles the same bytes for both lanes, and starts what is accepted.
///
/// # Panics
///
/// They are accepted by one alone, or refused for other reasons, or start otherwise.
pub fn compare_files(wasm: &[u8]) {
    let compiled = engines().each_ref().map(|engine| engine.compile(wasm));
    let [core, component] = compiled.each_ref().map(|compiled| match compiled {
        Ok(component) => format!("{:?}", component.handlers()),
        Err(error) => reason(error),
    });
    assert_eq!(core, component, "the core lane first");
    let [Ok(core), Ok(component)] = compiled else { return };
    // What was changed in it may loop.
    let mut limits = Limits::default();
    limits.execution = Duration::from_millis(50);
    let script = Script { settings: 1, steps: vec![Step::Call(Vec::new()), Step::Pass(1)] };
    let [core, component] = [core, component].map(|guest| run(&guest.with_limits(limits), &script));
    assert_eq!(core, component, "the core lane first");
}

/// Which error it is, without its text.
fn reason(error: &CompileError) -> String {
    let text = format!("{error:?}");
    let end = text.find(|c: char| !c.is_alphanumeric()).unwrap_or(text.len());
    text[..end].to_owned()
}

fn run(guest: &WasmComponent, script: &Script) -> Vec<String> {
    let mut sim = Simulation::new(7);
    let observer = Recorder::new();
    let peer = observer.clone();
    sim.add("observer", move || peer.clone()).expect("a native peer");
    let other = "other".try_into().expect("an id");
    let added = sim.broker().add(other, busy(), guest.handlers(), Box::new(guest.clone()));
    let mut other = added.ok().map(|(handle, _)| handle);
    let mut config = busy();
    config.subscriptions.push(("news.*".parse().expect("a pattern"), None));
    let settings = (0..script.settings).map(|number| (format!("key-{number}"), "grün".into()));
    config.config = settings.collect();
    let id = "guest".try_into().expect("an id");
    let added = sim.broker().add(id, config, guest.handlers(), Box::new(guest.clone()));
    let (handle, mut started) = added.expect("it is taken in");
    settle(&mut sim);
    let mut seen = Vec::new();
    match started.try_recv() {
        Ok(Ok(())) => seen.push("started".to_owned()),
        Ok(Err(StartError::Refused(error))) => seen.push(format!("refused: {error:?}")),
        other => seen.push(format!("{other:?}")),
    }
    for step in &script.steps {
        let mut answer: Option<Task<Result<Bytes, CallError>>> = None;
        match step {
            Step::Call(deeds) => {
                answer = Some(sim.call("guest", words(deeds), Duration::from_secs(10)));
            }
            Step::Cast(deeds) => {
                seen.push(format!("{:?}", sim.cast("guest", words(deeds)).is_ok()))
            }
            Step::Publish(deeds) => {
                let count = sim.publish("news.eu", words(deeds));
                seen.push(format!("published: {:?}", count.map_err(|error| error.error)));
            }
            Step::Stop => {
                if let Some(other) = other.take() {
                    let stopped = sim.stop(&other, Duration::from_secs(1));
                    sim.advance(Duration::from_secs(2));
                    seen.push(format!("other stopped: {:?}, {:?}", stopped.take(), other.stats()));
                }
            }
            Step::Pass(milliseconds) => sim.advance(Duration::from_millis((*milliseconds).into())),
        }
        settle(&mut sim);
        if let Some(answer) = answer {
            // Whoever has crashed is there again, and what is deferred has timed out.
            sim.advance(Duration::from_secs(20));
            seen.push(match answer.take() {
                Some(Ok(answer)) => format!("answered: {}", shown(&answer)),
                Some(Err(error)) => format!("no answer: {error:?}"),
                None => "still pending".to_owned(),
            });
        }
        seen.push(format!("{:?}", handle.state()));
    }
    sim.advance(Duration::from_secs(60));
    let records = observer.records();
    seen.extend(records.iter().map(|record| {
        let (payload, topic) = (shown(&record.payload), &record.topic);
        format!("{} {topic:?} {} {payload}", record.sender, record.is_call)
    }));
    seen.push(format!("{:?}", handle.stats()));
    seen.extend(sim.dead_letters().iter().map(|letter| {
        format!("dead: {:?} {} {}", letter.reason, letter.from, shown(&letter.payload))
    }));
    let stopped = sim.stop(&handle, Duration::from_secs(1));
    sim.advance(Duration::from_secs(2));
    seen.push(format!("stopped: {:?}, {}", stopped.take(), observer.records().len()));
    seen
}

/// Runs until nobody has anything to do, or for so long as any script should take: what is due at
/// this very moment may be due as long as no time passes.
fn settle(sim: &mut Simulation) {
    for _ in 0..10_000 {
        if !sim.step() {
            return;
        }
    }
}

/// One that is restarted some times when it crashes, and sends only so much, since it may well send
/// itself what makes it send that again.
fn busy() -> PeerConfig {
    let mut config = PeerConfig::default();
    config.poison_limit = 0;
    config.restart = RestartConfig::default();
    config.restart.max_restarts = 8;
    config.rate = Rate::PerSecond(10);
    config.burst = 30;
    config
}

fn words(deeds: &[Deed]) -> Vec<u8> {
    deeds.iter().flatten().flat_map(|word| word.to_le_bytes()).collect()
}

/// What can be read of it; what could be of an id is left out, as are the bytes of a clock.
fn shown(bytes: &[u8]) -> String {
    let masked = |byte: &u8| match byte {
        b'0'..=b'9' | b'a'..=b'f' | b'-' => b'*',
        other => *other,
    };
    bytes.iter().map(masked).collect::<Vec<_>>().escape_ascii().to_string()
}
