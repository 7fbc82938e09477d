//! The program around the components: it starts the shop, and does what customers and banks do.

use std::fs;
use std::future::Future;
use std::io::Write;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use castcall::audit::Audit;
use castcall::codec::cbor;
use castcall::core::TraceContext;
use castcall::manifests::ApplicationManifest;
use castcall::{AuditConfig, CallError, ComponentHandle, System};
use serde::Serialize;
use serde::de::DeserializeOwned;
use shop_messages::{Order, OrdersRequest, Outcome, PaymentRequest, StockAnswer, StockRequest};

use crate::desk::Desk;
use crate::narrator::Narrator;
use crate::pictures::Pictures;
use crate::recording::{Line, Recording};

/// The application's manifest.
pub const MANIFEST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/shop.toml");

/// How long a payment may take on this day. The manifest gives a person time to look for the phone;
/// who plays needs next to none, but for the one who is late.
pub(crate) const PAYMENT_TIMEOUT: Duration = Duration::from_secs(1);

/// How long to wait for what should take milliseconds: only a shop that is broken waits as long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// How a call ended, if the host could make it and read its answer.
pub(crate) type Answer<T> = Result<Result<T, CallError>>;

/// A running shop, and who tells of it.
pub struct Shop<'a> {
    system: System,
    folder: PathBuf,
    recording: Recording,
    narrator: Narrator<'a>,
    /// How much of the recording was told.
    told: usize,
    /// Where each scene stands in it; the last one goes on.
    scenes: Vec<Range<usize>>,
    pub(crate) desk: Desk,
}

impl<'a> Shop<'a> {
    /// Starts the shop as its manifest says. What happens is recorded in `folder`.
    pub(crate) async fn open(folder: &Path, out: &'a mut dyn Write) -> Result<Self> {
        let mut application = ApplicationManifest::load(MANIFEST)
            .map_err(|error| anyhow::anyhow!("{}", error.render()))?;
        let orders = application.components.get_mut("orders").context("no orders in shop.toml")?;
        let timeout = PAYMENT_TIMEOUT.as_millis().to_string();
        orders.component.config.insert("payment-timeout-ms".into(), timeout);

        let recording = Recording::new();
        let system = System::builder()
            .application(&application)?
            .audit_to(audit(folder, &recording)?)
            .build()?;
        let desk = Desk::open(&system).await?;
        let mut narrator = Narrator::new(out);
        narrator.say("A web shop of five WebAssembly components, from examples/shop/shop.toml:")?;
        for component in system.load_application(&application).await? {
            narrator.say(format_args!("   {}", component.id()))?;
        }
        narrator.say(
            "\nEach line below is one of the audit: when, who, whom, what. The host stands for \
             customers and bank.",
        )?;
        let folder = folder.to_owned();
        let (told, scenes) = (0, Vec::new());
        Ok(Self { system, folder, recording, narrator, told, scenes, desk })
    }

    pub(crate) fn system(&self) -> &System {
        &self.system
    }

    pub(crate) fn component(&self, id: &str) -> Result<ComponentHandle> {
        self.system.component(id).with_context(|| format!("{id} is gone"))
    }

    /// A customer places an order. What is returned is how it ends.
    pub(crate) fn place(
        &mut self,
        number: u32,
        customer: &str,
        quantity: u32,
        item: &str,
    ) -> Result<impl Future<Output = Answer<Outcome>> + use<>> {
        let (customer, item) = (customer.to_owned(), item.to_owned());
        let order = OrdersRequest::Place(Order { number, customer, item, quantity });
        let host = self.host_for(number);
        self.call_by(host, "shop/orders", &order)
    }

    /// A customer thinks better of it. What became of it is told to who placed the order.
    pub(crate) fn cancel(&mut self, number: u32) -> Result<()> {
        self.tell()?;
        let cancel = cbor::encode(&OrdersRequest::Cancel { number })?;
        Ok(self.host_for(number).cast("shop/orders", cancel)?)
    }

    /// The bank says something.
    pub(crate) fn bank_says(&mut self, order: u32, approved: bool) -> Result<()> {
        self.tell()?;
        let word = cbor::encode(&PaymentRequest::Bank { order, approved })?;
        Ok(self.host_for(order).cast("shop/payment", word)?)
    }

    /// How many are on the shelf.
    pub(crate) async fn shelf(&mut self, item: &str) -> Result<u32> {
        match self.call("shop/stock", &StockRequest::Count { item: item.into() })?.await?? {
            StockAnswer::Shelf(count) => Ok(count),
            other => anyhow::bail!("the stock answers {other:?}"),
        }
    }

    /// Calls, as soon as anything is waited for. What is returned is the end of the call.
    pub(crate) fn call<Q: Serialize, A: DeserializeOwned>(
        &mut self,
        target: &'static str,
        request: &Q,
    ) -> Result<impl Future<Output = Answer<A>> + use<Q, A>> {
        self.call_by(self.system.host().clone(), target, request)
    }

    fn call_by<Q: Serialize, A: DeserializeOwned>(
        &mut self,
        host: ComponentHandle,
        target: &'static str,
        request: &Q,
    ) -> Result<impl Future<Output = Answer<A>> + use<Q, A>> {
        self.tell()?;
        let request = cbor::encode(request)?;
        let call = tokio::spawn(async move { host.call(target, request, PATIENCE).await });
        Ok(async move {
            match call.await? {
                Ok(answer) => Ok(Ok(cbor::decode(&answer)?)),
                Err(error) => Ok(Err(error)),
            }
        })
    }

    /// The host, and all that follows from what it sends belongs to the trace of that order.
    fn host_for(&self, order: u32) -> ComponentHandle {
        let mut id = [0; 16];
        id[12..].copy_from_slice(&order.to_be_bytes());
        match TraceContext::new(id, [1; 8], 0) {
            Some(trace) => self.system.host().in_trace(trace),
            None => self.system.host().clone(),
        }
    }

    /// The first line of this scene that has these fields; waits for it.
    pub(crate) async fn happens(&self, fields: &[(&str, &str)]) -> Result<Line> {
        let from = self.scenes.last().map_or(0, |scene| scene.start);
        self.recording.wait_for(from, fields).await
    }

    pub(crate) fn scene(&mut self, title: &str) -> Result<()> {
        self.tell()?;
        self.scenes.push(self.told..self.told);
        Ok(self.narrator.scene(title)?)
    }

    /// Tells what has happened since the last time, and that something is as it should be.
    pub(crate) fn check(&mut self, text: &str) -> Result<()> {
        self.tell()?;
        Ok(self.narrator.check(text)?)
    }

    /// Tells what has happened since the last time.
    fn tell(&mut self) -> Result<()> {
        // What is recorded is written by then.
        self.system.audit().flush()?;
        let lines = self.recording.since(self.told);
        self.told += lines.len();
        if let Some(scene) = self.scenes.last_mut() {
            scene.end = self.told;
            self.narrator.tell(lines)?;
        }
        Ok(())
    }

    /// Ends the day, and draws it.
    pub(crate) async fn close(mut self) -> Result<Pictures> {
        let abandoned = self.system.shutdown(Duration::from_secs(1)).await;
        ensure!(abandoned.is_empty(), "did not end: {abandoned:?}");
        self.system.audit().flush()?;
        let day = self.recording.since(0);
        let mut orders = Vec::new();
        for scene in [0, 2] {
            orders.extend_from_slice(&day[self.scenes[scene].clone()]);
        }
        let pictures = Pictures::draw(&self.folder, &day, &orders)?;
        self.narrator.say(format_args!(
            "\nThe day is over. In {}:\n   shop.jsonl     its recording, {} lines of audit\n   \
             shop.html      the day as a page for a browser, shop.mmd as Mermaid text\n   \
             topology.html  who talks to whom\n   orders.mmd     the diagram in the README",
            self.folder.display(),
            day.len(),
        ))?;
        Ok(pictures)
    }
}

/// An audit in a file, whose lines are seen here too.
fn audit(folder: &Path, recording: &Recording) -> Result<Audit> {
    fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    let mut config = AuditConfig::new(folder.join("shop.jsonl"));
    config.interval = Duration::from_millis(1);
    // An audit adds to what is there; this one begins anew.
    for file in [&config.path, &config.denials_path] {
        if file.exists() {
            fs::remove_file(file).with_context(|| file.display().to_string())?;
        }
    }
    Ok(Audit::open_tapped(&config, Some(Box::new(recording.clone())))?)
}
