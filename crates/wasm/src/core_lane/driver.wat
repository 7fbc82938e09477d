;; Takes a component's messages and callbacks from the host, one after the other, and enters the
;; guest with them, without leaving Wasm in between.
;;
;; `cargo xtask abi` makes a module of it for each of the forms that a guest may have, so that none
;; imports what the guest does not export: what stands between `;; if` and `;; end` is in those in
;; which all that is named is so. `message` and `callback`: there is such a handler. `-freed`: and a
;; post-return function. `drivers/MC.wasm` is that for a guest with handlers of these kinds, of
;; messages and callbacks, where 0 is none, 1 one without, and 2 one with a post-return function.
(module
  ;; The guest's.
  (import "guest" "memory" (memory 0))
  (import "guest" "realloc" (func $realloc (param i32 i32 i32 i32) (result i32)))
  ;; if message
  ;; sender, message -> where the result is
  (import "guest" "handle-message" (func $handle_message (param i32 i32 i32 i32) (result i32)))
  ;; end
  ;; if callback
  ;; request id, then `result<list<u8>, request-error>` in its five core values
  (import "guest" "handle-callback"
    (func $handle_callback (param i32 i32 i32 i32 i32 i32 i32) (result i32)))
  ;; end
  ;; if message-freed
  (import "guest" "message-post-return" (func $message_post_return (param i32)))
  ;; end
  ;; if callback-freed
  (import "guest" "callback-post-return" (func $callback_post_return (param i32)))
  ;; end

  ;; The host's.
  ;; What is next, and so what was before is done: zero if there is nothing; else the length of its
  ;; sender or id in the lowest 8 bits, its kind in the next 8, the length of its payload in the
  ;; highest 32.
  (import "host" "next" (func $next (result i64)))
  ;; Copies both to where there is room for them.
  (import "host" "fill" (func $fill (param i32 i32)))
  ;; Reads what a handler has returned.
  ;; if message
  (import "host" "answer" (func $answer (param i32)))
  ;; end
  ;; if callback
  (import "host" "called" (func $called (param i32)))
  ;; Copies the id, makes room for what belongs to the error, and returns its four core values.
  (import "host" "fill-error" (func $fill_error (param i32) (result i32 i32 i32 i32)))
  ;; end

  ;; Zero while a post-return function runs: then the guest may not call the host.
  (global $leave (export "leave") (mut i32) (i32.const 1))

  (func (export "run")
    (local $work i64) (local $kind i32)
    (local $name i32) (local $name_size i32) (local $body i32) (local $body_size i32)
    (local $code i32) (local $more i32) (local $most i32)
    (local $result i32) (local $memory i64)
    (local.set $work (call $next))
    (if (i64.eqz (local.get $work)) (then (return)))
    ;; The engine looks at the head of a loop whether the guest has run for too long. Here one thing
    ;; is done and the next in hand; nothing that could be called lies between a handler's return
    ;; and `next`, so that what is done counts.
    (loop $again
      (local.set $name_size (i32.and (i32.wrap_i64 (local.get $work)) (i32.const 0xff)))
      (local.set $kind
        (i32.and
          (i32.shr_u (i32.wrap_i64 (local.get $work)) (i32.const 8))
          (i32.const 0xff)))
      (local.set $body_size (i32.wrap_i64 (i64.shr_u (local.get $work) (i64.const 32))))
      (local.set $name
        (call $realloc (i32.const 0) (i32.const 0) (i32.const 1) (local.get $name_size)))
      ;; Looked at before it is asked again, as whoever fills it at once does.
      (local.set $memory (i64.shl (i64.extend_i32_u (memory.size)) (i64.const 16)))
      (if
        (i64.gt_u
          (i64.add
            (i64.extend_i32_u (local.get $name))
            (i64.extend_i32_u (local.get $name_size)))
          (local.get $memory))
        (then (unreachable)))

      (block $done
        (block $called
          (block $callback
            (br_if $callback (i32.ge_u (local.get $kind) (i32.const 3)))
            ;; A cast, 1, or a call, 2.
            ;; if message
            (local.set $body
              (call $realloc (i32.const 0) (i32.const 0) (i32.const 1) (local.get $body_size)))
            (call $fill (local.get $name) (local.get $body))
            (local.set $result
              (call $handle_message
                (local.get $name) (local.get $name_size)
                (local.get $body) (local.get $body_size)))
            (block $read
              (block $asked
                ;; Of a cast, nobody reads the answer: that it is one, and where it may be, is
                ;; enough. A result has 20 bytes, and begins at a multiple of 4.
                (br_if $asked (i32.ne (local.get $kind) (i32.const 1)))
                (br_if $asked (i32.and (local.get $result) (i32.const 3)))
                (local.set $memory (i64.shl (i64.extend_i32_u (memory.size)) (i64.const 16)))
                (br_if $asked
                  (i64.gt_u
                    (i64.add (i64.extend_i32_u (local.get $result)) (i64.const 20))
                    (local.get $memory)))
                (br_if $asked (i32.load8_u (local.get $result)))
                (local.set $more (i32.load offset=8 (local.get $result)))
                ;; Longer than 128 MiB is too much at once.
                (br_if $asked (i32.gt_u (local.get $more) (i32.const 0x8000000)))
                (br_if $read
                  (i64.le_u
                    (i64.add
                      (i64.extend_i32_u (i32.load offset=4 (local.get $result)))
                      (i64.extend_i32_u (local.get $more)))
                    (local.get $memory))))
              (call $answer (local.get $result)))
            ;; end
            ;; if message-freed
            (global.set $leave (i32.const 0))
            (call $message_post_return (local.get $result))
            (global.set $leave (i32.const 1))
            ;; end
            ;; if message
            (br $done)
            ;; end
            ;; Whoever has no such handler is given nothing for it.
            (unreachable))

          ;; if callback
          (if (i32.eq (local.get $kind) (i32.const 3))
            ;; A callback that brings an answer: 3.
            (then
              (local.set $body
                (call $realloc (i32.const 0) (i32.const 0) (i32.const 1) (local.get $body_size)))
              (call $fill (local.get $name) (local.get $body))
              (local.set $result
                (call $handle_callback
                  (local.get $name) (local.get $name_size)
                  (i32.const 0) (local.get $body) (local.get $body_size) (i32.const 0)
                  (i32.const 0))))
            ;; One that brings an error: 4.
            (else
              (call $fill_error (local.get $name))
              (local.set $most)
              (local.set $more)
              (local.set $body)
              (local.set $code)
              (local.set $result
                (call $handle_callback
                  (local.get $name) (local.get $name_size)
                  (i32.const 1) (local.get $code) (local.get $body) (local.get $more)
                  (local.get $most)))))
          (br_if $called (i32.and (local.get $result) (i32.const 3)))
          (br_if $called
            (i64.gt_u
              (i64.add (i64.extend_i32_u (local.get $result)) (i64.const 20))
              (i64.shl (i64.extend_i32_u (memory.size)) (i64.const 16))))
          (br_if $called (i32.load8_u (local.get $result)))
          ;; end
          ;; if callback-freed
          (global.set $leave (i32.const 0))
          (call $callback_post_return (local.get $result))
          (global.set $leave (i32.const 1))
          ;; end
          ;; if callback
          (br $done)
          ;; end
          (unreachable))
        ;; if callback
        ;; The callback returned an error, or something that is no result.
        (call $called (local.get $result))
        ;; end
        ;; if callback-freed
        (global.set $leave (i32.const 0))
        (call $callback_post_return (local.get $result))
        (global.set $leave (i32.const 1))
        ;; end
      )

      (br_if $again (i64.ne (local.tee $work (call $next)) (i64.const 0))))))
