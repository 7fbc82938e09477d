//! A system with what tests say to it.

use std::env::{self, VarError};
use std::ops::Deref;
use std::path::PathBuf;

use castcall::broker::PeerConfig;
use castcall::{
    CallError, Component, ComponentHandle, MessagingStats, NativePeer, Policy, System,
    SystemBuilder,
};

use crate::wait::{PATIENCE, eventually};

/// Where a fixture lies.
#[must_use]
pub fn fixture_path(name: &str) -> PathBuf {
    let components = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/components");
    PathBuf::from(components).join(name).with_extension("wasm")
}

/// A fixture, to be loaded.
#[must_use]
pub fn fixture(name: &str) -> Component {
    Component::file(fixture_path(name))
}

/// The bytes of a fixture.
///
/// # Panics
///
/// There is no such fixture.
#[must_use]
pub fn fixture_bytes(name: &str) -> Vec<u8> {
    std::fs::read(fixture_path(name)).expect("a fixture")
}

/// A builder for the lane that the tests are run over: with `CASTCALL_TEST_LANE=component` in the
/// environment no component takes the core lane.
///
/// # Panics
///
/// The variable names another lane.
#[must_use]
pub fn lane(builder: SystemBuilder) -> SystemBuilder {
    match env::var("CASTCALL_TEST_LANE").as_deref() {
        Ok("component") => builder.core_lane(false),
        Err(VarError::NotPresent) | Ok("core") => builder,
        other => panic!("CASTCALL_TEST_LANE is `core` or `component`: {other:?}"),
    }
}

/// A system that panics where a test expects no error.
#[derive(Debug, Clone)]
pub struct Stage(System);

impl Deref for Stage {
    type Target = System;

    fn deref(&self) -> &System {
        &self.0
    }
}

impl Stage {
    /// A system in which everybody may do everything, with two workers, however many cores there
    /// are.
    #[must_use]
    pub fn new() -> Self {
        Self::build(System::builder().workers(2))
    }

    /// The system that `builder` makes, but that everybody may do everything.
    ///
    /// # Panics
    ///
    /// It can't be made.
    #[must_use]
    pub fn build(builder: SystemBuilder) -> Self {
        Self::guarded(builder.policy(Policy::open()))
    }

    /// The system that `builder` makes.
    ///
    /// # Panics
    ///
    /// It can't be made.
    #[must_use]
    pub fn guarded(builder: SystemBuilder) -> Self {
        Self(lane(builder).build().expect("a system"))
    }

    /// The system that `builder` makes, whichever lane the tests are run over; everybody may do
    /// everything.
    ///
    /// # Panics
    ///
    /// It can't be made.
    #[must_use]
    pub fn exactly(builder: SystemBuilder) -> Self {
        Self(builder.policy(Policy::open()).build().expect("a system"))
    }

    /// A system with a `requester`, a `callback-receiver-component`.
    pub async fn with_requester() -> Self {
        let stage = Self::new();
        stage.add("requester", "callback-receiver-component").await;
        stage
    }

    /// Loads a fixture.
    ///
    /// # Panics
    ///
    /// It is not loaded.
    pub async fn add(&self, id: &str, name: &str) -> ComponentHandle {
        self.add_with(id, fixture(name)).await
    }

    /// Loads a component.
    ///
    /// # Panics
    ///
    /// It is not loaded.
    pub async fn add_with(&self, id: &str, component: Component) -> ComponentHandle {
        self.load(id, component).await.expect("a component that loads")
    }

    /// Takes in a native peer; its clones are its instances.
    ///
    /// # Panics
    ///
    /// It is not taken in.
    pub async fn add_native<P: NativePeer + Clone + Sync>(&self, id: &str, peer: &P) {
        self.add_native_with(id, PeerConfig::default(), peer).await;
    }

    /// Takes in a native peer with other settings.
    ///
    /// # Panics
    ///
    /// It is not taken in.
    pub async fn add_native_with<P: NativePeer + Clone + Sync>(
        &self,
        id: &str,
        config: PeerConfig,
        peer: &P,
    ) {
        let peer = peer.clone();
        self.register_with(id, config, move || peer.clone()).await.expect("a native peer");
    }

    /// Calls, and returns the answer as text.
    ///
    /// # Panics
    ///
    /// There is no answer.
    pub async fn tell(&self, id: &str, what: impl AsRef<str>) -> String {
        let what = what.as_ref();
        let answer = self.ask(id, what).await;
        answer.unwrap_or_else(|error| panic!("{id} was told {what:?}: {error:?}"))
    }

    /// Calls, and returns the answer as text, if there is one.
    ///
    /// # Errors
    ///
    /// There is none.
    pub async fn ask(&self, id: &str, what: impl AsRef<str>) -> Result<String, CallError> {
        let answer = self.call(id, what.as_ref().to_owned(), PATIENCE).await?;
        Ok(String::from_utf8_lossy(&answer).into_owned())
    }

    /// Makes `requester` call, and returns the request id.
    pub async fn request(&self, target: &str, timeout_ms: u64, payload: &str) -> String {
        self.tell("requester", format!("call {target} {timeout_ms} {payload}")).await
    }

    /// Waits until `requester` has had `count` callbacks in all, and returns what it has kept.
    pub async fn results(&self, count: u64) -> Vec<String> {
        let had = || self.stats_of("requester").callbacks >= count;
        eventually("the requester's callbacks", had).await;
        self.kept("requester").await
    }

    /// Makes `requester` call, and returns what the callback brought.
    ///
    /// # Panics
    ///
    /// What came is not exactly one callback with the id of the call.
    pub async fn outcome(&self, target: &str, timeout_ms: u64, payload: &str) -> String {
        let before = self.stats_of("requester").callbacks;
        self.tell("requester", "clear").await;
        let id = self.request(target, timeout_ms, payload).await;
        let results = self.results(before + 1).await;
        let [line] = &results[..] else { panic!("one callback: {results:?}") };
        let outcome = line.strip_prefix(&id).and_then(|rest| rest.strip_prefix(' '));
        outcome.unwrap_or_else(|| panic!("the callback of {id}: {line:?}")).to_owned()
    }

    /// The lines that a `callback-receiver-component` has kept.
    pub async fn kept(&self, id: &str) -> Vec<String> {
        self.tell(id, "results").await.lines().map(ToOwned::to_owned).collect()
    }

    /// What a component that is there has done.
    ///
    /// # Panics
    ///
    /// It is not there.
    #[must_use]
    pub fn stats_of(&self, id: &str) -> MessagingStats {
        self.handle(id).stats()
    }

    /// A component that is there.
    ///
    /// # Panics
    ///
    /// It is not there.
    #[must_use]
    pub fn handle(&self, id: &str) -> ComponentHandle {
        self.component(id).unwrap_or_else(|| panic!("{id} is not there"))
    }
}

impl Default for Stage {
    fn default() -> Self {
        Self::new()
    }
}
