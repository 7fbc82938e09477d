//! `castcall run`.

use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::Arc;

use castcall::audit::{Audit, Sinks};
use castcall::manifests::ApplicationManifest;
use castcall::policy::Capabilities;
use castcall::{AuditConfig, ComponentHandle, System};
use castcall_telemetry::{Exposition, Otlp, OtlpConfig, Snapshot};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{EnvFilter, LevelFilter};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::app;
use crate::args::Run;
use crate::exit::Failure;
use crate::interrupt::{Interrupts, TWICE};
use crate::record::Tap;
use crate::server::Server;

/// A running system, and what is needed to talk to it.
pub(crate) struct Running {
    pub(crate) system: System,
    pub(crate) application: ApplicationManifest,
    /// Where that was read.
    pub(crate) file: PathBuf,
    /// Whatever the command line sends is sent by it.
    pub(crate) cli: ComponentHandle,
    pub(crate) tap: Tap,
}

pub(crate) fn run(args: &Run) -> Result<(), Failure> {
    let application = app::load(&args.application)?;
    // What a damaged database panics with is said as what it is.
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if !castcall::state::panic_is_an_error() {
            hook(panic);
        }
    }));
    // Guests run on threads of the system's own: this one talks to people.
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    runtime.block_on(go(args, application))
}

async fn go(args: &Run, application: ApplicationManifest) -> Result<(), Failure> {
    // Before anything is started: a system that can't be reached or ended should not run.
    let mut interrupts = Interrupts::listen()?;
    let server = Server::bind(&args.name)?;
    let otlp = observe(args)?;
    let tap = Tap::default();
    let mut builder = System::builder()
        .application(&application)
        .map_err(|error| Failure::NotInOrder(error.to_string()))?
        .audit_to(audit(&application, &tap)?);
    if let Some(otlp) = &otlp {
        builder = builder.tracer(otlp.tracer());
    }
    let system = builder.build().map_err(Failure::failed)?;
    let cli = program(&system, &application)?;
    let exporting = export(args, otlp, &system)?;
    let file = args.application.clone();
    let running = Running { system: system.clone(), application, file, cli, tap };
    let stopped = tokio::select! {
        Err(failure) = work(server, running, &args.name) => Err(failure),
        () = interrupts.next() => {
            tracing::info!("shutting down; once more ends it at once");
            Ok(())
        }
    };
    let shutdown = system.shutdown(args.grace);
    tokio::select! {
        abandoned = shutdown => {
            for component in abandoned {
                tracing::error!(%component, "did not return, and was given up");
            }
        }
        () = interrupts.next() => std::process::exit(TWICE),
    }
    drop(exporting);
    stopped
}

/// Loads what the manifest says, and answers for ever. Without an end of its own.
async fn work(server: Server, running: Running, name: &str) -> Result<Infallible, Failure> {
    let loaded = running.system.load_application(&running.application).await;
    for handle in loaded.map_err(|error| Failure::NotInOrder(error.to_string()))? {
        tracing::info!(component = %handle.id(), "loaded");
    }
    tracing::info!(components = running.application.components.len(), name, "running");
    Ok(server.serve(&Arc::new(running)).await)
}

/// Everything goes past the tap, whether it is written to a file or not.
fn audit(application: &ApplicationManifest, tap: &Tap) -> Result<Audit, Failure> {
    let audit = match &application.system.audit {
        Some(path) => Audit::open_tapped(&AuditConfig::new(path), Some(Box::new(tap.clone()))),
        None => {
            let sinks = Sinks { all: Some(Box::new(tap.clone())), denials: None };
            Audit::to(&AuditConfig::default(), sinks)
        }
    };
    audit.map_err(Failure::failed)
}

/// The command line may do everything, unless the manifest says what.
fn program(system: &System, application: &ApplicationManifest) -> Result<ComponentHandle, Failure> {
    let cli = system.program("cli").map_err(Failure::failed)?;
    if !application.peers.contains_key(cli.id()) {
        let all = Capabilities::all();
        system.policy().set(&cli.id().into(), &all).map_err(Failure::failed)?;
    }
    Ok(cli)
}

/// The log goes to standard error, as `RUST_LOG` says; by default, what is worth knowing.
fn observe(args: &Run) -> Result<Option<Otlp>, Failure> {
    let filter = EnvFilter::builder().with_default_directive(LevelFilter::INFO.into());
    let log = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let log = log.with_target(false).with_filter(filter.from_env_lossy());
    let otlp = match &args.otlp {
        None => None,
        Some(endpoint) => {
            let mut config = OtlpConfig::default();
            config.endpoint.clone_from(endpoint);
            config.service_name = match std::env::var("OTEL_SERVICE_NAME") {
                Ok(name) if !name.is_empty() => name,
                _ if args.name == "default" => "castcall".to_owned(),
                _ => args.name.clone(),
            };
            config.ratio = args.sample;
            Some(Otlp::open(&config).map_err(Failure::failed)?)
        }
    };
    let spans = otlp.as_ref().map(Otlp::layer);
    tracing_subscriber::registry().with(spans).with(log).init();
    Ok(otlp)
}

fn export(
    args: &Run,
    otlp: Option<Otlp>,
    system: &System,
) -> Result<(Option<Otlp>, Option<Exposition>), Failure> {
    // A handle that would keep the system alive until the exports end.
    let snapshot = || {
        let system = system.clone();
        move || Snapshot::of(system.components())
    };
    let otlp = match otlp {
        None => None,
        Some(mut otlp) => {
            otlp.push_metrics(snapshot()).map_err(Failure::failed)?;
            Some(otlp)
        }
    };
    let exposition = match args.metrics {
        None => None,
        Some(port) => {
            let address = (std::net::Ipv4Addr::LOCALHOST, port).into();
            let served = Exposition::serve(address, snapshot()).map_err(Failure::failed)?;
            tracing::info!(address = %served.address(), "metrics are served");
            Some(served)
        }
    };
    Ok((otlp, exposition))
}
