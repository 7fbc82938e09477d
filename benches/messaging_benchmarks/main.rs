//! What castcall costs, each figure beside its references in the same run.
//!
//! `cargo bench -p castcall-benches` runs all of it in some minutes and ends with a table of
//! ratios; `cargo bench -p castcall-benches -- cast/` runs what matches. Payloads have 64 bytes
//! where nothing else is said. Figures are worth something on a quiet machine only;
//! `cargo xtask bench` writes them to docs/performance.md, which says what each row means.

mod call;
mod cast;
mod contract;
mod correlation;
mod floors;
mod goals;
mod growth;
mod hot;
mod latency;
mod native;
mod payload;
mod publish;
mod reference;
mod routing;
mod start;
mod suite;
mod sustained;
mod table;
mod watched;

use suite::Suite;

fn main() {
    let mut suite = Suite::from_args();
    cast::run(&mut suite);
    call::run(&mut suite);
    sustained::run(&mut suite);
    hot::run(&mut suite);
    payload::run(&mut suite);
    latency::run(&mut suite);
    start::run(&mut suite);
    growth::run(&mut suite);
    native::run(&mut suite);
    routing::run(&mut suite);
    watched::run(&mut suite);
    publish::run(&mut suite);
    correlation::run(&mut suite);
    table::report(&suite.finish());
}
