//! A system as its manifests say.

use std::path::Path;

use castcall::manifests::ApplicationManifest;
use castcall::{CallError, LoadError, RequestError, System};
use castcall_integration_tests::{Recorder, Stage, eventually, fixture_path};

fn write(folder: &Path, name: &str, text: &str) {
    let file = folder.join(name);
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(file, text).unwrap();
}

/// Two components, one of which may call the other, in a folder of their own.
fn shop() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, guest) in [("orders", "callback-receiver-component"), ("stock", "echo-handler")] {
        std::fs::create_dir_all(folder.path().join(name)).unwrap();
        std::fs::copy(fixture_path(guest), folder.path().join(name).join("guest.wasm")).unwrap();
    }
    write(
        folder.path(),
        "orders/Component.toml",
        r#"
id = "shop/orders"
wasm = "guest.wasm"

[topics]
subscribe = ["payments.*"]

[capabilities]
cast = ["shop/*", "audit"]
call = ["shop/*"]
subscribe = ["payments.*"]

[quotas]
payload-bytes = 32
"#,
    );
    write(folder.path(), "stock/Component.toml", "id = \"shop/stock\"\nwasm = \"guest.wasm\"\n");
    write(
        folder.path(),
        "app.toml",
        r#"
[system]
workers = 2
state-directory = "state"

[components.orders]
manifest = "orders/Component.toml"
grants = { call = ["shop/stock"], cast = ["*"], subscribe = ["*"] }

[components.stock]
manifest = "stock/Component.toml"
"#,
    );
    folder
}

#[tokio::test]
async fn an_application_runs_as_its_manifest_says() {
    let folder = shop();
    let application = ApplicationManifest::load(folder.path().join("app.toml")).unwrap();
    let builder = System::builder().application(&application).unwrap();
    let stage = Stage::guarded(builder);
    let loaded = stage.load_application(&application).await.unwrap();
    let ids: Vec<_> = loaded.iter().map(|handle| handle.id().as_str()).collect();
    assert_eq!(ids, ["shop/orders", "shop/stock"]);
    assert!(folder.path().join("state").is_dir());

    // Asked for and granted; granted alone; asked for alone.
    stage.tell("shop/orders", "call shop/stock 5000 hello").await;
    eventually("the answer", || stage.stats_of("shop/orders").answered == 1).await;
    stage.add_native("audit", &Recorder::new()).await;
    stage.add_native("other", &Recorder::new()).await;
    assert_eq!(stage.tell("shop/orders", "cast audit hello").await, "ok");
    for (what, why) in [
        ("cast other hello", "capability-denied"),
        ("call shop/orders 1000 hello", "capability-denied"),
        ("cast audit 123456789012345678901234567890123", "payload-too-large"),
    ] {
        let refused = stage.ask("shop/orders", what).await.unwrap_err();
        let CallError::Failed(RequestError::ProcessingFailed { message, .. }) = refused else {
            panic!("{what}: {refused:?}")
        };
        assert!(message.starts_with(why), "{what}: {message}");
    }

    // What its manifest subscribes it to.
    assert_eq!(stage.publish("payments.made", "ten").unwrap(), 1);
    assert!(stage.kept("shop/orders").await.contains(&"message host ten".to_owned()));
}

#[tokio::test]
async fn a_manifest_with_an_error_loads_nothing() {
    let folder = shop();
    write(folder.path(), "stock/Component.toml", "id = \"shop/stock\"\nwasm = \"gone.wasm\"\n");
    let stage = Stage::new();
    let error = stage.load_manifest(folder.path().join("stock/Component.toml")).await.unwrap_err();
    let LoadError::Manifest(error) = error else { panic!("{error}") };
    assert!(error.render().contains("gone.wasm"), "{}", error.render());
    assert!(stage.component("shop/stock").is_none());

    let orders = stage.load_manifest(folder.path().join("orders/Component.toml")).await.unwrap();
    assert_eq!(orders.id(), "shop/orders");
}
