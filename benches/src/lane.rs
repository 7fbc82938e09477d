//! The ways into a guest, each measured in the same rows.

use castcall::SystemBuilder;
use castcall::wasm::EngineConfig;

/// How guests are entered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// Their core modules, directly.
    Core,
    /// By wasmtime's component API.
    Component,
}

impl Lane {
    /// Those that there are.
    pub const ALL: &[Self] = &[Self::Core, Self::Component];

    /// As it stands in the names of benchmarks.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Core => "core",
            Self::Component => "component",
        }
    }

    /// The one of that name.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|lane| lane.name() == name)
    }

    /// Has a system enter its guests so.
    #[must_use]
    pub fn system(self, builder: SystemBuilder) -> SystemBuilder {
        builder.core_lane(self == Self::Core)
    }

    /// Has an engine enter its guests so.
    #[must_use]
    pub fn engine(self) -> EngineConfig {
        let mut config = EngineConfig::default();
        config.core_lane = self == Self::Core;
        config
    }
}
