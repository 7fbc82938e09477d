//! Components, and whole systems, as their manifests say.

use std::env::VarError;
use std::path::Path;

use castcall_audit::AuditConfig;
use castcall_broker::{MailboxConfig, Overflow, Quotas, Rate, RestartConfig, RestartPolicy};
use castcall_core::TargetPattern;
use castcall_manifest::{self as manifest, ApplicationManifest, ComponentManifest};
use castcall_policy::{Capabilities, Policy, PolicyError, Rule};
use castcall_topics::Group;
use castcall_wasm::{Access, Limits, Wasi};

use crate::ComponentHandle;
use crate::builder::SystemBuilder;
use crate::component::Component;
use crate::error::LoadError;
use crate::system::System;

impl Component {
    /// A component as its `Component.toml` says: where its file is, what it is configured with, what
    /// it asks for, and how it is to run.
    ///
    /// What it asks for of WASI is not granted yet: see [`Component::grant_wasi`].
    #[must_use]
    pub fn from_manifest(manifest: &ComponentManifest) -> Self {
        let asks = &manifest.capabilities;
        let mut component = Self::file(&manifest.wasm)
            .limits(limits(&manifest.limits))
            .mailbox(mailbox(&manifest.mailbox))
            .restart(restart(&manifest.restart))
            .redeliver(manifest.restart.redeliver)
            .poison_limit(manifest.restart.poison_threshold.min(manifest.restart.max_restarts))
            .quotas(quotas(&manifest.quotas))
            .capabilities(capabilities(&asks.cast, &asks.call, &asks.publish, &asks.subscribe));
        if let Some(accepts) = &manifest.codecs.accepts {
            component = component.codecs(accepts.iter().copied());
        }
        if let Some(preferred) = manifest.codecs.preferred {
            component = component.preferred_codec(preferred);
        }
        for (key, value) in &manifest.config {
            component = component.config(key, value);
        }
        for subscription in &manifest.topics.subscribe {
            let pattern = subscription.pattern.clone();
            component = match subscription.group.as_deref().and_then(|name| Group::new(name).ok()) {
                Some(group) => component.subscribe_group(pattern, group),
                None => component.subscribe(pattern),
            };
        }
        component.asks_wasi = asks.wasi.clone();
        component
    }

    /// Grants it what its manifest asks for of WASI *and* stands in `grants`, and nothing else.
    /// What has no value in either of them is taken from this process's environment, now.
    ///
    /// ```
    /// use castcall::Component;
    /// use castcall::manifests::{ComponentManifest, Wasi};
    ///
    /// let text = r#"
    ///     id = "shop/orders"
    ///     wasm = "orders.wasm"
    ///     capabilities.wasi = { clocks = true, random = true }
    /// "#;
    /// let manifest = ComponentManifest::parse(text, "Component.toml")?;
    /// let mut grants = Wasi::default();
    /// grants.clocks = true;
    /// // Clocks, and no random numbers.
    /// let component = Component::from_manifest(&manifest).grant_wasi(&grants);
    /// # Ok::<(), castcall::manifests::ManifestError>(())
    /// ```
    #[must_use]
    pub fn grant_wasi(self, grants: &manifest::Wasi) -> Self {
        let holds = self.asks_wasi.granted_by(grants);
        self.wasi(wasi(&holds, |name| std::env::var(name)))
    }
}

impl SystemBuilder {
    /// Sets what an application's manifest says of the whole system: its options, and what each
    /// component and native peer is granted. Replaces the [policy](Self::policy).
    ///
    /// # Errors
    ///
    /// The grants contradict each other.
    pub fn application(self, application: &ApplicationManifest) -> Result<Self, PolicyError> {
        let of_components = application.components.values().map(|entry| {
            let grants = &entry.grants;
            let granted =
                capabilities(&grants.cast, &grants.call, &grants.publish, &grants.subscribe);
            Rule::new(TargetPattern::from(&entry.component.id)).granting(granted)
        });
        let of_peers = application.peers.iter().map(|(id, grants)| {
            let granted =
                capabilities(&grants.cast, &grants.call, &grants.publish, &grants.subscribe);
            Rule::new(TargetPattern::from(id)).granting(granted)
        });
        let policy = Policy::from_rules(of_components.chain(of_peers))?;
        let options = &application.system;
        let mut builder = self
            .policy(policy)
            .workers(options.workers.unwrap_or(0) as usize)
            .max_payload(usize::try_from(options.max_payload_bytes).unwrap_or(usize::MAX))
            .max_timeout(options.max_timeout);
        if options.forbid_unchecked {
            builder = builder.forbid_unchecked();
        }
        if let Some(threads) = options.max_threads {
            builder = builder.max_threads(threads as usize);
        }
        if let Some(path) = &options.state_directory {
            builder = builder.state_directory(path);
        }
        if let Some(path) = &options.audit {
            builder = builder.audit(AuditConfig::new(path));
        }
        Ok(builder)
    }
}

impl System {
    /// Loads a component as its `Component.toml` says.
    ///
    /// Cancel safe: as [`System::load`].
    ///
    /// # Errors
    ///
    /// The manifest has errors, or the component was not loaded; one that imports `wasi:*` is not,
    /// since nobody grants that here.
    pub async fn load_manifest(
        &self,
        file: impl AsRef<Path>,
    ) -> Result<ComponentHandle, LoadError> {
        let manifest = ComponentManifest::load(file)?;
        self.load(&manifest.id, Component::from_manifest(&manifest)).await
    }

    /// Loads all components of an application, in the order of their names there. The system should
    /// have been [built for it](SystemBuilder::application), or nothing is granted.
    ///
    /// Cancel safe: those that were loaded stay.
    ///
    /// # Errors
    ///
    /// A component was not loaded. Those before it are.
    pub async fn load_application(
        &self,
        application: &ApplicationManifest,
    ) -> Result<Vec<ComponentHandle>, LoadError> {
        let mut loaded = Vec::new();
        for entry in application.components.values() {
            let component =
                Component::from_manifest(&entry.component).grant_wasi(&entry.grants.wasi);
            loaded.push(self.load(&entry.component.id, component).await?);
        }
        Ok(loaded)
    }
}

fn capabilities(
    cast: &[TargetPattern],
    call: &[TargetPattern],
    publish: &[castcall_core::Pattern],
    subscribe: &[castcall_core::Pattern],
) -> Capabilities {
    let mut capabilities = Capabilities::none();
    capabilities.cast = cast.to_vec();
    capabilities.call = call.to_vec();
    capabilities.publish = publish.to_vec();
    capabilities.subscribe = subscribe.to_vec();
    capabilities
}

/// What is granted, with values of the host's environment for the variables that have none.
fn wasi(given: &manifest::Wasi, host: impl Fn(&str) -> Result<String, VarError>) -> Wasi {
    let mut wasi = Wasi::default();
    wasi.clocks = given.clocks;
    wasi.random = given.random;
    wasi.stdio = given.stdio;
    wasi.network = given.network;
    for (name, value) in &given.env {
        match value.clone().map_or_else(|| host(name), Ok) {
            Ok(value) => wasi = wasi.env(name, value),
            Err(VarError::NotPresent) => {}
            Err(VarError::NotUnicode(_)) => {
                tracing::warn!(name, "a variable that is no text is not passed on to a guest");
            }
        }
    }
    for folder in &given.dirs {
        let access = match folder.access {
            manifest::Access::ReadWrite => Access::ReadWrite,
            _ => Access::ReadOnly,
        };
        wasi = wasi.folder(&folder.host, &folder.guest, access);
    }
    wasi
}

fn limits(given: &manifest::Limits) -> Limits {
    let mut limits = Limits::default();
    limits.memory = usize::try_from(given.memory_bytes).unwrap_or(usize::MAX);
    limits.table_elements = given.table_elements as usize;
    limits.execution = given.execution;
    limits
}

fn mailbox(given: &manifest::Mailbox) -> MailboxConfig {
    let mut mailbox = MailboxConfig::default();
    mailbox.messages = given.messages as usize;
    mailbox.bytes = usize::try_from(given.bytes).unwrap_or(usize::MAX);
    mailbox.overflow = match given.overflow {
        manifest::Overflow::DropNewest => Overflow::DropNewest,
        manifest::Overflow::DropOldest => Overflow::DropOldest,
        _ => Overflow::Reject,
    };
    mailbox
}

fn restart(given: &manifest::Restart) -> RestartConfig {
    let mut restart = RestartConfig::default();
    restart.policy = match given.policy {
        manifest::RestartPolicy::Always => RestartPolicy::Always,
        manifest::RestartPolicy::Never => RestartPolicy::Never,
        _ => RestartPolicy::OnCrash,
    };
    restart.max_restarts = given.max_restarts;
    restart.window = given.window;
    restart.backoff = given.backoff.initial;
    restart.max_backoff = given.backoff.max;
    restart.jitter = given.backoff.jitter;
    restart
}

fn quotas(given: &manifest::Quotas) -> Quotas {
    let mut quotas = Quotas::default();
    quotas.messages_per_second = Rate::PerSecond(given.messages_per_second);
    quotas.burst = given.burst_or_default();
    quotas.max_pending = given.pending_requests;
    quotas.max_payload = u32::try_from(given.payload_bytes).unwrap_or(u32::MAX);
    quotas.max_subscriptions = given.subscriptions;
    quotas
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a manifest leaves out is what a component has that says nothing in Rust.
    #[test]
    fn defaults_are_the_same() {
        let manifest = ComponentManifest::new("a".parse().unwrap(), "a.wasm");
        let component = Component::from_manifest(&manifest);
        let default = Component::file("a.wasm");
        assert_eq!(component.peer.mailbox, default.peer.mailbox);
        assert_eq!(component.peer.restart, default.peer.restart);
        assert_eq!(component.peer.redeliver, default.peer.redeliver);
        assert_eq!(component.peer.poison_limit, default.peer.poison_limit);
        assert_eq!(quotas(&manifest.quotas), Quotas::default());
        assert_eq!(limits(&manifest.limits), Limits::default());
        assert!(component.peer.asks.is_none(), "a manifest asks for what it says alone");
    }

    #[test]
    fn wasi_is_what_holds_and_nothing_else() {
        let mut given = manifest::Wasi::default();
        assert!(wasi(&given, |_| Ok("secret".to_owned())).is_nothing());
        for name in ["UNSET", "ODD", "HOST"] {
            given.env.insert(name.to_owned(), None);
        }
        given.env.insert("GIVEN".to_owned(), Some("given".to_owned()));
        let wasi = wasi(&given, |name| match name {
            "UNSET" => Err(VarError::NotPresent),
            "ODD" => Err(VarError::NotUnicode("odd".into())),
            _ => Ok(format!("the host's {name}")),
        });
        let mut expected = Wasi::default().env("GIVEN", "given").env("HOST", "the host's HOST");
        assert_eq!(wasi, expected);
        given.clocks = true;
        given.stdio = true;
        expected.clocks = true;
        expected.stdio = true;
        given.env.clear();
        expected.env.clear();
        assert_eq!(super::wasi(&given, |_| Err(VarError::NotPresent)), expected);
        (given.clocks, given.stdio, given.random, given.network) = (false, false, true, true);
        (expected.clocks, expected.stdio) = (false, false);
        (expected.random, expected.network) = (true, true);
        assert_eq!(super::wasi(&given, |_| Err(VarError::NotPresent)), expected);
    }

    #[test]
    fn what_a_manifest_says_is_what_the_component_has() {
        for (overflow, policy) in [("drop-newest", "always"), ("drop-oldest", "never")] {
            let text = format!(
                r#"
id = "a"
wasm = "a.wasm"
[config]
currency = "EUR"
[codecs]
preferred = "json"
accepts = ["cbor"]
[topics]
subscribe = ["news.*", {{ pattern = "jobs", group = "workers" }}]
[capabilities]
subscribe = ["*"]
[mailbox]
overflow = "{overflow}"
[restart]
policy = "{policy}"
"#
            );
            let manifest = ComponentManifest::parse(&text, "Component.toml").unwrap();
            let component = Component::from_manifest(&manifest).peer;
            assert_eq!(component.config, [("currency".to_owned(), "EUR".to_owned())]);
            assert!(!component.codecs.is_any());
            assert_eq!(component.preferred, Some(castcall_codec::Codec::Json));
            let groups: Vec<_> = component.subscriptions.iter().map(|(_, group)| group).collect();
            assert!(groups[0].is_none() && groups[1].is_some());
            assert_ne!(component.mailbox.overflow, Overflow::Reject);
            assert_ne!(component.restart.policy, RestartPolicy::OnCrash);
        }
    }

    #[test]
    fn an_application_sets_up_its_system() {
        let text = r#"
[system]
workers = 1
max-threads = 9
forbid-unchecked = true
[components.a]
manifest = "a.toml"
[peers.host]
cast = ["*"]
"#;
        let load = |_: &Path| {
            let codecs = "id = \"a\"\nwasm = \"a.wasm\"\n[codecs]\naccepts = [\"cbor\"]\n";
            ComponentManifest::parse(codecs, "a.toml")
        };
        let application = ApplicationManifest::parse(text, "app.toml", load).unwrap();
        let system = System::builder().application(&application).unwrap().build().unwrap();
        assert!(system.inner.forbid_unchecked);
        let rights =
            system.policy().rights(&castcall_core::ComponentId::host(), &Capabilities::all());
        assert!(rights.may_cast("a") && !rights.may_call("a"));
    }
}
