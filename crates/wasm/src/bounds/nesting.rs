//! How many instances one instance of a component brings about.
//!
//! A component says how often each component within it is instantiated, and so do those: ten levels
//! of ten make ten thousand million, in a few hundred bytes. The engine unrolls all of it when it
//! compiles.

use wasmparser::{
    BinaryReaderError, ComponentAlias, ComponentExternalKind, ComponentInstance,
    ComponentOuterAliasKind, ComponentTypeRef, Encoding, Payload,
};

/// More than any limit: what is instantiated comes from outside, and can't be counted.
const UNKNOWN: u64 = u64::MAX;

/// The modules and components that are open, the outermost first.
#[derive(Default)]
pub(super) struct Nesting(Vec<Scope>);

#[derive(Default)]
struct Scope {
    is_component: bool,
    /// What one instance of it brings about, itself included.
    instances: u64,
    /// The same of the components that it can name, by their index.
    components: Vec<u64>,
}

impl Nesting {
    /// Takes a part in, and says how many instances that makes of the component that it belongs to.
    pub(super) fn see(&mut self, payload: &Payload<'_>) -> Result<u64, BinaryReaderError> {
        match payload {
            Payload::Version { encoding, .. } => {
                let is_component = *encoding == Encoding::Component;
                self.0.push(Scope { is_component, instances: 1, ..Scope::default() });
            }
            Payload::End(_) => {
                if let Some(ended) = self.0.pop()
                    && ended.is_component
                    && let Some(outer) = self.0.last_mut()
                {
                    outer.components.push(ended.instances);
                }
            }
            Payload::ComponentImportSection(section) => {
                for import in section.clone() {
                    if matches!(import?.ty, ComponentTypeRef::Component(_)) {
                        self.add_component(UNKNOWN);
                    }
                }
            }
            // An export is another name for it, with an index of its own.
            Payload::ComponentExportSection(section) => {
                for export in section.clone() {
                    let export = export?;
                    if export.kind == ComponentExternalKind::Component {
                        let same = self.component(0, export.index);
                        self.add_component(same);
                    }
                }
            }
            Payload::ComponentAliasSection(section) => {
                for alias in section.clone() {
                    match alias? {
                        ComponentAlias::Outer {
                            kind: ComponentOuterAliasKind::Component,
                            count,
                            index,
                        } => {
                            let same = self.component(count, index);
                            self.add_component(same);
                        }
                        ComponentAlias::InstanceExport {
                            kind: ComponentExternalKind::Component,
                            ..
                        } => self.add_component(UNKNOWN),
                        _ => {}
                    }
                }
            }
            Payload::InstanceSection(section) => self.add_instances(section.count().into()),
            Payload::ComponentInstanceSection(section) => {
                for instance in section.clone() {
                    let more = match instance? {
                        ComponentInstance::Instantiate { component_index, .. } => {
                            self.component(0, component_index)
                        }
                        ComponentInstance::FromExports(_) => 1,
                    };
                    self.add_instances(more);
                }
            }
            _ => {}
        }
        Ok(self.0.last().map_or(0, |scope| scope.instances))
    }

    fn add_component(&mut self, instances: u64) {
        if let Some(scope) = self.0.last_mut() {
            scope.components.push(instances);
        }
    }

    fn add_instances(&mut self, more: u64) {
        if let Some(scope) = self.0.last_mut() {
            scope.instances = scope.instances.saturating_add(more);
        }
    }

    /// What an instance of a component brings about, by its index in the scope so far out. One that
    /// is not there is for the engine to refuse.
    fn component(&self, outwards: u32, index: u32) -> u64 {
        let scope = self.0.iter().rev().nth(outwards as usize);
        scope.and_then(|scope| scope.components.get(index as usize)).copied().unwrap_or(UNKNOWN)
    }
}
