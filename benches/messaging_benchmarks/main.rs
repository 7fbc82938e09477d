//! What castcall costs, each figure beside its references in the same run.
//!
//! `cargo bench -p castcall-benches` runs all of it in a few minutes and ends with a table of
//! ratios; `cargo bench -p castcall-benches -- cast/` runs what matches. Payloads have 64 bytes.
//! Figures are worth something on a quiet machine only.

mod call;
mod cast;
mod correlation;
mod floors;
mod host;
mod native;
mod publish;
mod reference;
mod routing;
mod suite;
mod table;
mod watched;

use suite::Suite;

fn main() {
    let mut suite = Suite::from_args();
    cast::run(&mut suite);
    call::run(&mut suite);
    native::run(&mut suite);
    routing::run(&mut suite);
    watched::run(&mut suite);
    publish::run(&mut suite);
    correlation::run(&mut suite);
    table::print(&suite.finish());
}
