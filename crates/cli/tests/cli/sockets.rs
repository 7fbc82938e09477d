//! Where a system is found, and who may talk to it.

use std::fs;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::shop::Shop;

#[test]
fn one_system_has_a_name_and_its_user_alone_may_talk_to_it() {
    let shop = Shop::new();
    let mut running = shop.run();
    let (code, why) = shop.fails(&["run", "castcall.toml"]);
    assert!(code == 1 && why.contains("--name"), "{why}");
    let folder = shop.0.path().join("castcall");
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&folder), mode(&folder.join("default.sock"))), (0o700, 0o600));
    fs::set_permissions(&folder, Permissions::from_mode(0o755)).unwrap();
    let (code, why) = shop.fails(&["components"]);
    assert!(code == 1 && why.contains("its user alone"), "{why}");
    fs::set_permissions(&folder, Permissions::from_mode(0o700)).unwrap();
    let (code, why) = shop.fails(&["components", "--name", "../default"]);
    assert!(code == 1 && why.contains("no name"), "{why}");
    // One that was killed leaves its socket behind.
    running.0.kill().unwrap();
    running.end();
    assert!(folder.join("default.sock").exists());
    assert_eq!(shop.fails(&["components"]).0, 4);
    let again = shop.run();
    shop.says(&["components"]);
    drop(again);
}
