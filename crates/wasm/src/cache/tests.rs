//! What is cached is used, and what could have been written by others is not.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use super::*;
use crate::{CompileStats, Engine, EngineConfig};

const MANY: u64 = 1 << 30;

/// Components of different bytes, that differ in nothing else.
fn component(number: u32) -> Vec<u8> {
    let echo = include_bytes!("../../../../fixtures/components/echo-handler.wasm");
    // A custom section, by which it is another component and yet the same.
    let custom = wat::parse_str(format!("(component (@custom \"number\" \"{number}\"))")).unwrap();
    [&echo[..], &custom[8..]].concat()
}

fn engine(path: &Path, max_bytes: u64) -> Engine {
    let cache = CodeCache::open(path, max_bytes).unwrap();
    Engine::with_cache(EngineConfig::default(), Some(cache)).unwrap()
}

fn compile(engine: &Engine, number: u32) -> CompileStats {
    let component = engine.compile(&component(number)).unwrap();
    assert!(component.handlers().receives);
    engine.compile_stats()
}

fn stats(compiled: u64, from_cache: u64, cache_rejected: u64) -> CompileStats {
    CompileStats { compiled, from_cache, cache_rejected }
}

fn files(path: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(path).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    files
}

fn only_file(path: &Path) -> PathBuf {
    let files = files(path);
    assert_eq!(files.len(), 1, "{files:?}");
    files[0].clone()
}

#[test]
fn the_component_that_is_made_of_a_module_is_in_the_cache_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("code");
    let module = include_bytes!("../../../../fixtures/components/rust-greeter-module.wasm");
    for expected in [stats(1, 0, 0), stats(0, 1, 0)] {
        let engine = engine(&path, MANY);
        assert!(engine.compile(module).unwrap().handlers().receives);
        assert_eq!(engine.compile_stats(), expected);
    }
}

#[test]
fn the_second_time_nothing_is_compiled() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state/code");
    let first = engine(&path, MANY);
    assert_eq!(compile(&first, 1), stats(1, 0, 0));
    assert_eq!(compile(&first, 1), stats(1, 1, 0));
    assert_eq!(compile(&first, 2), stats(2, 1, 0));
    // Also by another engine, as after a restart.
    assert_eq!(compile(&engine(&path, MANY), 2), stats(0, 1, 0));
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&path), 0o700);
    assert_eq!(files(&path).iter().map(|file| mode(file)).collect::<Vec<_>>(), [0o600; 2]);
}

#[test]
fn each_lane_has_its_own_entries() {
    let folder = tempfile::tempdir().unwrap();
    let cache = || Some(CodeCache::open(folder.path(), MANY).unwrap());
    let config = EngineConfig { core_lane: false, ..EngineConfig::default() };
    for (round, found) in [(1, 0), (0, 1)] {
        let components = Engine::with_cache(config, cache()).unwrap();
        assert_eq!(compile(&components, 1), stats(round, found, 0));
        let modules = Engine::with_cache(EngineConfig::default(), cache()).unwrap();
        assert_eq!(compile(&modules, 1), stats(round, found, 0));
    }
}

#[test]
#[allow(unsafe_code, reason = "these are the bytes that were made, and fewer of them")]
fn modules_that_are_cut_off_are_an_error() {
    let engine = wasmtime::Engine::default();
    let module = Module::new(&engine, wat::parse_str("(module)").unwrap()).unwrap();
    let code = vec![module.clone(), module].serialize().unwrap();
    // SAFETY: as they were made.
    let whole = unsafe { <Vec<Module> as Code>::deserialize(&engine, &code) };
    assert_eq!(whole.unwrap().len(), 2);
    // SAFETY: the first module is as it was made; the second is found to be missing.
    let cut = unsafe { <Vec<Module> as Code>::deserialize(&engine, &code[..code.len() - 1]) };
    assert!(cut.is_err());
}

#[test]
fn other_settings_have_other_entries() {
    let folder = tempfile::tempdir().unwrap();
    compile(&engine(folder.path(), MANY), 1);
    let cache = || Some(CodeCache::open(folder.path(), MANY).unwrap());
    let mut config = EngineConfig::default();
    config.compile.functions = 1;
    let strict = Engine::with_cache(config, cache()).unwrap();
    // What was cached under wider limits gets nobody past these.
    assert!(strict.compile(&component(1)).is_err());
    config.compile.functions = 1_000;
    let other = Engine::with_cache(config, cache()).unwrap();
    assert_eq!(compile(&other, 1), stats(1, 0, 0));
}

#[test]
fn what_is_damaged_is_compiled_anew() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    compile(&engine(path, MANY), 1);
    let file = only_file(path);
    let whole = fs::read(&file).unwrap();
    let flipped = |at: usize| {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        bytes
    };
    for (what, bytes) in [
        ("empty", Vec::new()),
        ("the header alone", whole[..MAGIC.len()].to_vec()),
        ("cut", whole[..whole.len() - 1].to_vec()),
        ("longer", [&whole[..], b"x"].concat()),
        ("another header", flipped(0)),
        ("another sum", flipped(MAGIC.len())),
        ("another code", flipped(whole.len() / 2)),
        ("something else", b"#!/bin/sh".to_vec()),
    ] {
        fs::write(&file, bytes).unwrap();
        let engine = engine(path, MANY);
        assert_eq!(compile(&engine, 1), stats(1, 0, 1), "{what}");
        assert_eq!(fs::read(&file).unwrap(), whole, "{what}: it is whole again");
        assert_eq!(compile(&engine, 1), stats(1, 1, 1), "{what}");
    }
    // Whole, and another component's.
    compile(&engine(path, MANY), 2);
    let other = files(path).into_iter().find(|other| *other != file).unwrap();
    fs::copy(&other, &file).unwrap();
    assert_eq!(compile(&engine(path, MANY), 1), stats(1, 0, 1));
}

#[test]
fn what_others_may_write_is_not_used() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    compile(&engine(path, MANY), 1);
    let file = only_file(path);
    for mode in [0o620, 0o602, 0o666] {
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        assert_eq!(compile(&engine(path, MANY), 1), stats(1, 0, 1), "{mode:o}");
    }
    // By a link, to a file that would do.
    let elsewhere = folder.path().join("elsewhere");
    fs::rename(&file, &elsewhere).unwrap();
    symlink(&elsewhere, &file).unwrap();
    assert_eq!(compile(&engine(path, MANY), 1), stats(1, 0, 1));
    assert!(fs::symlink_metadata(&file).unwrap().is_file(), "replaced by a file");
    // No file at all.
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    assert_eq!(compile(&engine(path, MANY), 1), stats(1, 0, 1));
    assert_eq!(compile(&engine(path, MANY), 2), stats(1, 0, 0), "others are cached");
}

#[test]
fn a_directory_that_others_may_write_to_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("code");
    fs::create_dir(&path).unwrap();
    for mode in [0o770, 0o707, 0o777, 0o1777] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let error = CodeCache::open(&path, MANY).unwrap_err();
        assert!(matches!(&error, CacheError::Insecure { path: named, .. } if *named == path));
        assert!(error.to_string().contains("others may write"), "{error}");
    }
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    CodeCache::open(&path, MANY).unwrap();

    let link = folder.path().join("link");
    symlink(&path, &link).unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    for other in [link, file] {
        let error = CodeCache::open(&other, MANY).unwrap_err();
        assert!(
            matches!(&error, CacheError::Open { path: named, .. } if *named == other),
            "{error}"
        );
    }
}

#[test]
fn another_users_directory_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("code");
    fs::create_dir(&path).unwrap();
    if std::os::unix::fs::chown(&path, Some(12_345), None).is_err() {
        // Only root can give a directory away; then some that is root's must do.
        let error = CodeCache::open("/", MANY).unwrap_err();
        assert!(error.to_string().contains("another user's"), "{error}");
        return;
    }
    let error = CodeCache::open(&path, MANY).unwrap_err();
    assert!(error.to_string().contains("another user's"), "{error}");
}

#[test]
fn what_was_not_used_for_longest_makes_room() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    compile(&engine(path, MANY), 1);
    let size = fs::metadata(only_file(path)).unwrap().len();
    let engine = engine(path, size * 3 + size / 2);
    // Nobody else's files are counted, or deleted.
    let foreign = path.join("foreign");
    fs::write(&foreign, vec![0; usize::try_from(size * 9).unwrap()]).unwrap();
    for number in 2..=3 {
        compile(&engine, number);
    }
    // Used, so that the second is the oldest.
    assert_eq!(compile(&engine, 1), stats(2, 1, 0));
    compile(&engine, 4);
    assert!(foreign.exists());
    assert_eq!(files(path).len(), 4);
    let before = engine.compile_stats();
    for number in [1, 3, 4] {
        compile(&engine, number);
    }
    assert_eq!(engine.compile_stats(), stats(before.compiled, before.from_cache + 3, 0));
    assert_eq!(compile(&engine, 2).compiled, before.compiled + 1);

    // What is larger than all of it is not cached, and costs nobody else their place.
    let small =
        Engine::with_cache(EngineConfig::default(), Some(CodeCache::open(path, size / 2).unwrap()));
    compile(&small.unwrap(), 5);
    assert_eq!(files(path).len(), 4);
}

#[test]
fn what_was_left_unfinished_is_swept_away() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("unfinished-1-0"), "half").unwrap();
    fs::write(folder.path().join("somebody's"), "own").unwrap();
    CodeCache::open(folder.path(), MANY).unwrap();
    assert_eq!(files(folder.path()), [folder.path().join("somebody's")]);
}

#[test]
fn a_cache_that_can_not_be_written_is_done_without() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("code");
    let engine = engine(&path, MANY);
    fs::remove_dir(&path).unwrap();
    assert_eq!(compile(&engine, 1), stats(1, 0, 0));
    assert_eq!(compile(&engine, 1), stats(2, 0, 0));
}
