;; Takes a component's messages and callbacks from the host, one after the other, and enters the
;; guest with them, without leaving Wasm in between. `cargo xtask abi` makes driver.wasm of it.
(module
  ;; The guest's.
  (import "guest" "memory" (memory 0))
  (import "guest" "realloc" (func $realloc (param i32 i32 i32 i32) (result i32)))
  ;; sender, message -> where the result is
  (import "guest" "handle-message" (func $handle_message (param i32 i32 i32 i32) (result i32)))
  ;; request id, then `result<list<u8>, request-error>` in its five core values
  (import "guest" "handle-callback"
    (func $handle_callback (param i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (import "guest" "message-post-return" (func $message_post_return (param i32)))
  (import "guest" "callback-post-return" (func $callback_post_return (param i32)))

  ;; The host's.
  ;; What is next, and so what was before is done: zero if there is nothing; else the length of its
  ;; sender or id in the lowest 8 bits, its kind in the next 8, the length of its payload in the
  ;; highest 32.
  (import "host" "next" (func $next (result i64)))
  ;; Copies both to where there is room for them.
  (import "host" "fill" (func $fill (param i32 i32)))
  ;; Copies the id, makes room for what belongs to the error, and returns its four core values.
  (import "host" "fill-error" (func $fill_error (param i32) (result i32 i32 i32 i32)))
  ;; Reads what a handler has returned.
  (import "host" "answer" (func $answer (param i32)))
  (import "host" "called" (func $called (param i32)))

  ;; Whether there are such functions.
  (import "guest" "has-message-post-return" (global $has_message_post_return i32))
  (import "guest" "has-callback-post-return" (global $has_callback_post_return i32))

  ;; Zero while a post-return function runs: then the guest may not call the host.
  (global $leave (export "leave") (mut i32) (i32.const 1))

  ;; Whether `size` bytes at `at` are in the guest's memory.
  (func $within (param $at i32) (param $size i32) (result i32)
    (i64.le_u
      (i64.add (i64.extend_i32_u (local.get $at)) (i64.extend_i32_u (local.get $size)))
      (i64.shl (i64.extend_i32_u (memory.size)) (i64.const 16))))

  ;; Whether a result at `at` is where it may be and says that all is well: its first byte is zero.
  ;; Both results have 20 bytes, and begin at a multiple of 4.
  (func $is_ok (param $at i32) (result i32)
    (if (i32.and (local.get $at) (i32.const 3)) (then (return (i32.const 0))))
    (if (i32.eqz (call $within (local.get $at) (i32.const 20))) (then (return (i32.const 0))))
    (i32.eqz (i32.load8_u (local.get $at))))

  (func (export "run")
    (local $work i64) (local $kind i32)
    (local $name i32) (local $name_size i32) (local $body i32) (local $body_size i32)
    (local $code i32) (local $more i32) (local $most i32)
    (local $result i32)
    (loop $again
      (local.set $work (call $next))
      (if (i64.eqz (local.get $work)) (then (return)))
      (local.set $name_size (i32.and (i32.wrap_i64 (local.get $work)) (i32.const 0xff)))
      (local.set $kind
        (i32.and
          (i32.shr_u (i32.wrap_i64 (local.get $work)) (i32.const 8))
          (i32.const 0xff)))
      (local.set $body_size (i32.wrap_i64 (i64.shr_u (local.get $work) (i64.const 32))))
      (local.set $name
        (call $realloc (i32.const 0) (i32.const 0) (i32.const 1) (local.get $name_size)))
      ;; Looked at before it is asked again, as whoever fills it at once does.
      (if (i32.eqz (call $within (local.get $name) (local.get $name_size))) (then (unreachable)))

      ;; A callback that brings an error: 4.
      (if (i32.eq (local.get $kind) (i32.const 4))
        (then
          (call $fill_error (local.get $name))
          (local.set $most)
          (local.set $more)
          (local.set $body)
          (local.set $code)
          (local.set $result
            (call $handle_callback
              (local.get $name) (local.get $name_size)
              (i32.const 1) (local.get $code) (local.get $body) (local.get $more)
              (local.get $most)))
          (call $callback_end (local.get $result))
          (br $again)))

      (local.set $body
        (call $realloc (i32.const 0) (i32.const 0) (i32.const 1) (local.get $body_size)))
      (call $fill (local.get $name) (local.get $body))

      ;; A callback that brings an answer: 3.
      (if (i32.eq (local.get $kind) (i32.const 3))
        (then
          (local.set $result
            (call $handle_callback
              (local.get $name) (local.get $name_size)
              (i32.const 0) (local.get $body) (local.get $body_size) (i32.const 0)
              (i32.const 0)))
          (call $callback_end (local.get $result))
          (br $again)))

      ;; A cast, 1, or a call, 2.
      (local.set $result
        (call $handle_message
          (local.get $name) (local.get $name_size) (local.get $body) (local.get $body_size)))
      (block $read
        ;; Of a cast, nobody reads the answer: that it is one, and where it may be, is enough.
        (if (i32.eq (local.get $kind) (i32.const 1))
          (then
            (if (call $is_ok (local.get $result))
              (then
                (br_if $read
                  (call $within
                    (i32.load offset=4 (local.get $result))
                    (i32.load offset=8 (local.get $result))))))))
        (call $answer (local.get $result)))
      (if (global.get $has_message_post_return)
        (then
          (global.set $leave (i32.const 0))
          (call $message_post_return (local.get $result))
          (global.set $leave (i32.const 1))))
      (br $again)))

  (func $callback_end (param $result i32)
    (if (i32.eqz (call $is_ok (local.get $result))) (then (call $called (local.get $result))))
    (if (global.get $has_callback_post_return)
      (then
        (global.set $leave (i32.const 0))
        (call $callback_post_return (local.get $result))
        (global.set $leave (i32.const 1))))))
