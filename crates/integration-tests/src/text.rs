//! Components written as text, where a test needs what no fixture has.

/// A component that answers messages, around these core modules and instances: `$main` is the core
/// instance that exports `memory`, `realloc` and `handle`, with the types of the canonical ABI.
///
/// # Panics
///
/// The text is out of form.
#[must_use]
pub fn responder(core: &str) -> Vec<u8> {
    let text = format!(
        r#"(component
          {core}
          (type $failure' (record (field "code" u32) (field "message" string)))
          (export $failure "failure" (type $failure'))
          (type $error' (variant (case "invalid-payload" string) (case "failed" $failure)))
          (export $error "component-error" (type $error'))
          (func $handle (param "sender" string) (param "message" (list u8))
            (result (result (list u8) (error $error)))
            (canon lift (core func $main "handle")
              (memory $main "memory") (realloc (func $main "realloc"))))
          (instance $lifecycle (export "handle-message" (func $handle)))
          (export "castcall:component/component-lifecycle@0.1.0" (instance $lifecycle)))"#
    );
    wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}"))
}

/// What `$main` needs besides its handler: a memory of one page, and `realloc`, which begins anew
/// when `$done` is called with the answer's place and length; that is what `handle` returns.
pub const MAIN: &str = r#"
    (memory (export "memory") 1)
    (global $heap (mut i32) (i32.const 1024))
    (func (export "realloc") (param i32 i32 i32 i32) (result i32)
      (local $new i32)
      (local.set $new
        (i32.and
          (i32.sub (i32.add (global.get $heap) (local.get 2)) (i32.const 1))
          (i32.sub (i32.const 0) (local.get 2))))
      (global.set $heap (i32.add (local.get $new) (local.get 3)))
      (local.get $new))
    (func $done (param $at i32) (param $len i32) (result i32)
      (global.set $heap (i32.const 1024))
      (i32.store8 (i32.const 16) (i32.const 0))
      (i32.store offset=4 (i32.const 16) (local.get $at))
      (i32.store offset=8 (i32.const 16) (local.get $len))
      (i32.const 16))
"#;
