//! Casts from guest to guest while somebody watches: what the audit, tracing and exporters cost.

use std::sync::Arc;

use castcall::audit::Level;
use castcall::{System, SystemBuilder};
use castcall_benches::lane::Lane;
use castcall_benches::watchers::{Never, audited};

use crate::cast::bounce;
use crate::suite::Suite;

pub(crate) fn run(suite: &mut Suite) {
    let mut group = suite.group("watched");
    for &lane in Lane::ALL {
        let mut bounce = |id: &str, workers, builder: fn() -> SystemBuilder| {
            let id = format!("{}/{id}", lane.name());
            bounce(&mut group, &id, lane, workers, 1, 64, builder);
        };
        bounce("nobody", 1, System::builder);
        bounce("audit", 1, || audited(Level::All));
        bounce("audit-of-denials", 1, || audited(Level::Denials));
        bounce("traced-unsampled", 1, || System::builder().tracer(Arc::new(Never)));
        bounce("nobody/2-workers", 2, System::builder);
        bounce("audit/2-workers", 2, || audited(Level::All));
    }
}
