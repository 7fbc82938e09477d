//! `castcall check`.

use std::path::Path;

use castcall::Lane;
use castcall::wasm::{Engine, EngineConfig};
use serde_json::{Map, json};

use crate::app;
use crate::args::Format;
use crate::exit::Failure;
use crate::output;
use crate::print;

pub(crate) fn check(file: &Path, format: Format) -> Result<(), Failure> {
    let application = app::load(file)?;
    let engine = Engine::new(EngineConfig::default()).map_err(Failure::failed)?;
    let (mut wrong, mut lanes) = (Vec::new(), Vec::new());
    for (name, entry) in &application.components {
        match app::component(entry).compile(&engine) {
            Ok(component) => lanes.push((&entry.component.id, component.lane().clone())),
            Err(error) => {
                wrong.push(format!("{name}: {}: {error}", entry.component.wasm.display()));
            }
        }
    }
    let matrix = application.compatibility_matrix();
    wrong.extend(matrix.pairs().filter(|pair| pair.fails()).map(|pair| {
        let (sender, target) = (&pair.sender, &pair.target);
        format!("{sender} may send to {target}, and can't be read: {}", pair.message)
    }));
    if application.system.forbid_unchecked {
        wrong.extend(matrix.unchecked().map(|id| format!("{id} does not say what it accepts")));
    }
    match format {
        Format::Text => {
            let others = lanes.iter().filter(|(_, lane)| *lane != Lane::Core);
            let others =
                others.map(|(id, lane)| format!("{id} does not take the core lane: {lane}\n"));
            let wrong = wrong.iter().map(|line| format!("{line}\n"));
            let lines = others.chain(wrong).collect::<String>();
            print::answer(&format!("{matrix}{lines}"))?;
        }
        Format::Json => {
            let pairs: Vec<_> = matrix
                .pairs()
                .map(|pair| {
                    json!({
                        "sender": pair.sender,
                        "target": pair.target,
                        "may_cast": pair.cast,
                        "may_call": pair.call,
                        "message": pair.message.to_string(),
                        "answer": pair.answer.to_string(),
                        "fails": pair.fails(),
                    })
                })
                .collect();
            let unchecked: Vec<_> = matrix.unchecked().collect();
            let lanes: Map<_, _> =
                lanes.iter().map(|(id, lane)| (id.to_string(), output::lane(lane))).collect();
            let all =
                json!({ "pairs": pairs, "unchecked": unchecked, "lanes": lanes, "wrong": wrong });
            print::answer(&format!("{all}\n"))?;
        }
    }
    match wrong.len() {
        0 => {
            print::remark(format_args!(
                "{} components, all in order",
                application.components.len()
            ));
            Ok(())
        }
        1 => Err(Failure::NotInOrder("one thing is not in order".to_owned())),
        count => Err(Failure::NotInOrder(format!("{count} things are not in order"))),
    }
}
