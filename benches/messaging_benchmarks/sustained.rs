//! Many pairs on both cores: how many casts a second in all.

use castcall::System;
use castcall_benches::lane::Lane;
use castcall_benches::watchers::everything;

use crate::cast::bounce;
use crate::floors;
use crate::suite::Suite;

pub(crate) fn run(suite: &mut Suite) {
    let mut group = suite.group("sustained");
    floors::cast_on_two_threads(&mut group);
    for &lane in Lane::ALL {
        let id = format!("{}/64-pairs/2-workers", lane.name());
        bounce(&mut group, &id, lane, 2, 64, 16, System::builder);
        let id = format!("{id}/audited");
        bounce(&mut group, &id, lane, 2, 64, 16, everything);
    }
}
