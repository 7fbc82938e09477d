//! The hostile suite: guests that try to get out, through real Wasm and real threads, and what
//! becomes of it. `docs/hostile-suite.md` has figures, and what is open.
//!
//! The guests are `fixtures/wat/attacker*.wat`. Beside most of them stands a neighbour, two components
//! that call each other, and sees that its p99 stays within the larger of twice what it is without
//! the attack and two scheduling slices ([`arena`]). In the end everybody is unloaded, and nothing may
//! be left: calls, room, subscriptions, threads.
//!
//! | tried | becomes of it | in |
//! | --- | --- | --- |
//! | another's id as sender | the host's stamp stands | [`identity`] |
//! | wildcards, NUL, control characters, `..`, look-alikes, 60,000 bytes as an id | `invalid-message` | [`identity`] |
//! | the same as topic, pattern or group | `invalid-topic` | [`identity`] |
//! | the same as request id | `not-found` | [`identity`] |
//! | ids `host` and `cli` | `cannot-receive`, `component-not-found`; can't be loaded | [`identity`] |
//! | cancels of others' calls | `not-owner`, nothing changes, a denial; many of them: a trap | [`identity`] |
//! | cancels of guessed, ended or a former instance's calls | `not-found` | [`identity`] |
//! | others' tokens, double and late replies, `defer` where there is no call | `unknown-token`, `call-ended`, no token | [`identity`] |
//! | sends to whom it is not granted | `capability-denied`, whether or not that exists | [`reach`] |
//! | subscriptions wider than a grant, beside it, over two, or after a revoke | `capability-denied` | [`reach`] |
//! | floods of what is denied | a trap after 100, and then 10 a second, over all instances | [`reach`] |
//! | more than the quota, at any window's edge | `quota-exceeded`; after `retry-after-ms` it goes through | [`reach`] |
//! | thousands of subscriptions, deep ones | `quota-exceeded`; the rest holds nobody up | [`reach`] |
//! | pointers and lengths out of memory, bad UTF-8, bad cases, unaligned results | `crashed trap`, nothing was sent | [`abi`] |
//! | `cabi_realloc` and `cabi_post` that lie, trap, loop or send | `crashed trap`, or the limit's code | [`abi`] |
//! | start functions that trap or loop | not loaded | [`abi`] |
//! | endless loops in messages, callbacks, `init` and `shutdown` | `crashed execution-limit` | [`bombs`] |
//! | endless recursion | `crashed stack-overflow` | [`bombs`] |
//! | memory and tables that grow for ever | no more at the limit; `crashed memory-limit` if it traps then | [`bombs`] |
//! | thousands of memories or tables | not loaded | [`bombs`] |
//! | turns that are always long | others go first | [`bombs`] |
//! | payloads that are too long | `payload-too-large`; as an answer `invalid-payload` | [`payloads`] |
//! | 100 MiB as an error's text | 4 KiB of it | [`payloads`] |
//! | answers that wait in thousands | `dropped` when there is no more room | [`payloads`] |
//! | a secret left in memory and tables | not found by any later instance | [`secrets`] |
//! | callbacks, self-calls, ping-pong, timeouts without end | `too-many-pending`, `mailbox-full` | [`storms`] |
//! | all the room for messages taken | others have their first 16 KiB | [`storms`] |
//! | crashes at each message, and in `init` | restarted with waits, then given up | [`storms`] |
//! | messages that crash another | the sender is cut off | [`storms`] |
//! | loading and unloading under fire | each call has its callback | [`storms`] |

mod abi;
mod arena;
mod bombs;
mod identity;
mod orders;
mod payloads;
mod reach;
mod secrets;
mod storms;
