//! Where a system is found, and who may talk to it.

use std::fs;
use std::fs::Permissions;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;

use crate::shop::{Running, Shop, eventually, said};

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

#[test]
fn of_two_that_start_at_once_one_has_the_name() {
    let shop = Shop::new();
    for round in 0..5 {
        let mut both: Vec<_> = (0..4).map(|_| shop.start(&["castcall.toml"])).collect();
        let mut lost = Vec::new();
        eventually("all but one have ended", || {
            for (index, running) in both.iter_mut().enumerate() {
                if let Some(status) = running.0.try_wait().unwrap()
                    && !lost.contains(&index)
                {
                    assert_eq!(status.code(), Some(1), "round {round}");
                    lost.push(index);
                }
            }
            lost.len() == 3
        });
        // And it is the one that is talked to.
        eventually("it runs", || shop.output(&["call", "shop/echo", "7"]).status.success());
        let mut winner = both.into_iter().enumerate().find(|(index, _)| !lost.contains(index));
        let winner = &mut winner.as_mut().unwrap().1;
        winner.interrupt();
        assert_eq!(winner.end(), Some(0));
    }
}

/// The command without a runtime folder, or with this one.
fn with_runtime(shop: &Shop, runtime: Option<&Path>, args: &[&str]) -> (i32, String) {
    let mut command = shop.command(args);
    match runtime {
        None => command.env_remove("XDG_RUNTIME_DIR").env("TMPDIR", shop.path("tmp")),
        Some(runtime) => command.env("XDG_RUNTIME_DIR", runtime),
    };
    said(&command.output().unwrap())
}

#[test]
fn where_there_is_no_place_for_a_socket_it_is_said() {
    let shop = Shop::new();
    shop.write("file", "");
    for runtime in ["/proc/nowhere", "/proc", shop.path("file").to_str().unwrap()] {
        let runtime = Some(Path::new(runtime));
        let (code, why) = with_runtime(&shop, runtime, &["run", "castcall.toml"]);
        assert!(code == 1 && why.contains("set XDG_RUNTIME_DIR"), "{why}");
    }
    // Who only asks makes nothing.
    let (code, why) = with_runtime(&shop, Some(&shop.path("no")), &["components"]);
    assert!(code == 4 && why.contains("none listens at") && !shop.path("no").exists(), "{why}");
    let (code, why) = with_runtime(&shop, Some(&shop.0.path().join("file")), &["components"]);
    assert_eq!((code, why.lines().count()), (1, 1), "{why}");

    let long = shop.path(&"long".repeat(30));
    fs::create_dir(&long).unwrap();
    for args in [&["run", "castcall.toml"][..], &["components"], &["record"]] {
        let (code, why) = with_runtime(&shop, Some(&long), args);
        assert!(code == 1 && why.contains("a shorter path"), "{why}");
    }
    // Without one, the folder for temporary files has it.
    fs::create_dir(shop.path("tmp")).unwrap();
    let mut command = shop.command(&["run", "castcall.toml"]);
    command.env_remove("XDG_RUNTIME_DIR").env("TMPDIR", shop.path("tmp")).stderr(Stdio::null());
    let _running = Running(command.spawn().unwrap());
    eventually("the system runs", || with_runtime(&shop, None, &["components"]).0 == 0);
}

#[test]
fn a_port_in_use_is_said() {
    let shop = Shop::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let (code, why) = shop.fails(&["run", "castcall.toml", "--metrics", &port]);
    assert!(code == 1 && why.contains("in use") && why.contains(&port), "{why}");
    // Nothing is left of it.
    assert!(!shop.path("castcall/default.sock").exists());
    let (code, why) = shop.fails(&["run", "castcall.toml", "--metrics", "99999"]);
    assert!(code == 2 && why.contains("99999"), "{why}");
}
