//! `Component.toml` and the application manifest of castcall: reads them, checks them, and says
//! what is wrong with them as a compiler would.
//!
//! * [`ComponentManifest`] is what one component is, asks for, and may use.
//! * [`ApplicationManifest`] lists the components of a system, with what each is granted and what
//!   is to be different for it here.
//! * [`ManifestError`] holds every [`Problem`] that was found, not only the first: with file, line,
//!   column, what was expected, and what was probably meant.
//! * [`compatibility_matrix`] says who can read what whom sends, before anything runs.
//!
//! It is plain data: nothing here knows a broker, or runs a component.
//!
//! ```
//! use castcall_manifest::ComponentManifest;
//!
//! let text = "\
//! id = \"shop/orders\"
//! wasm = \"orders.wasm\"
//!
//! [mailbox]
//! overflow = \"drop-oldst\"
//! ";
//! let error = ComponentManifest::parse(text, "orders/Component.toml").unwrap_err();
//! let expected = r#"
//! error: `mailbox.overflow` knows no such word
//!  --> orders/Component.toml:5:12
//!   |
//! 5 | overflow = "drop-oldst"
//!   |            ^^^^^^^^^^^^ expected one of "reject", "drop-newest", "drop-oldest"
//!   |
//!   = help: did you mean "drop-oldest"?
//!
//! orders/Component.toml: 1 error
//! "#;
//! assert_eq!(error.render(), expected.trim_start());
//! ```
//!
//! # The keys
//!
//! Stand in `docs/manifest.md`, with types, ranges and defaults; the defaults are [`defaults`] too.
//! With the feature `schema`, the `schema` module makes that page's tables, and JSON Schemas for
//! editors, of the same table that the reader checks by.

mod application;
mod component;
pub mod defaults;
mod error;
mod keys;
mod matrix;
mod problem;
mod read;
mod render;
mod scalar;
#[cfg(feature = "schema")]
pub mod schema;
mod source;
mod suggest;
mod wasi;

pub use application::{ApplicationManifest, ComponentEntry, Grants, PeerGrants, SystemOptions};
pub use component::{
    Backoff, Capabilities, Codecs, ComponentManifest, Limits, Mailbox, Overflow, Quotas, Restart,
    RestartPolicy, Subscription, Topics,
};
pub use error::ManifestError;
pub use matrix::{Compatibility, CompatibilityMatrix, Pair, Undeclared, compatibility_matrix};
pub use problem::{Place, Problem, ProblemKind, Severity};
pub use wasi::{Access, Folder, Wasi};

/// How many bytes a manifest may have: 1 MiB.
pub const MAX_FILE_BYTES: usize = 1 << 20;

/// How many entries a list in a manifest may have.
pub const MAX_LIST: usize = 1_024;
