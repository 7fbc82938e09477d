//! `castcall diagram`.

use std::fs::{self, File};
use std::io::BufReader;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use castcall::manifests::ApplicationManifest;
use castcall_diagram::{Allowed, ReadError, Recording, Topology, Via, html, mermaid};

use crate::app;
use crate::args::{Diagram, Picture};
use crate::exit::Failure;
use crate::print;

pub(crate) fn diagram(args: &Diagram) -> Result<(), Failure> {
    let recording = File::open(&args.recording).map_err(Failure::file(&args.recording))?;
    let recording = Recording::read(BufReader::new(recording));
    let recording = recording.map_err(|error| match error {
        ReadError::Io(source) => Failure::file(&args.recording)(source),
        other => Failure::failed(format!("{}: {other}", args.recording.display())),
    })?;
    let allowed = match &args.application {
        None => Vec::new(),
        Some(file) => allowed(&app::load(file)?),
    };
    let wants_html = args.output.as_deref().is_some_and(is_html);
    let text = match (args.picture, wants_html) {
        (Picture::Sequence, false) => mermaid(&recording),
        (Picture::Sequence, true) => html(&recording),
        (Picture::Topology, false) => Topology::of(&recording, &allowed).mermaid(),
        (Picture::Topology, true) => Topology::of(&recording, &allowed).html(),
    };
    match &args.output {
        None => print::answer(&text)?,
        Some(path) => {
            if same(&args.recording, path) {
                let why = "is what is drawn: choose another file for the picture";
                return Err(Failure::failed(format!("{} {why}", path.display())));
            }
            fs::write(path, text).map_err(Failure::file(path))?;
        }
    }
    print::remark(summary(&recording));
    Ok(())
}

/// What was drawn, and what was not.
fn summary(recording: &Recording) -> String {
    let (sum, skipped) = (recording.summary(), recording.skipped());
    let mut text = format!(
        "{} components, {} casts, {} calls, {} publishes, {} timeouts, {} denials",
        sum.components, sum.casts, sum.calls, sum.publishes, sum.timeouts, sum.denials,
    );
    for (count, what) in [
        (skipped.unreadable, "lines are no records"),
        (skipped.unknown, "records are of no kind that is known"),
        (skipped.left_out, "records are left out"),
    ] {
        if count > 0 {
            text += &format!("; {count} {what}");
        }
    }
    text
}

/// Whether both are one file.
fn same(one: &Path, other: &Path) -> bool {
    let about = |path: &Path| fs::metadata(path).map(|about| (about.dev(), about.ino())).ok();
    about(one).is_some_and(|one| about(other) == Some(one))
}

fn is_html(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "html" || extension == "htm")
}

/// Whom each component may send to, among those of the application.
fn allowed(application: &ApplicationManifest) -> Vec<Allowed> {
    let mut allowed = Vec::new();
    for pair in application.compatibility_matrix().pairs() {
        if pair.sender == pair.target {
            continue;
        }
        for (may, via) in [(pair.cast, Via::Cast), (pair.call, Via::Call)] {
            if may {
                allowed.push(Allowed::new(pair.sender.as_str(), via, pair.target.as_str()));
            }
        }
    }
    allowed
}
