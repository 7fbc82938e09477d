//! Why no component can be made of a core module.

use thiserror::Error;

/// Why no component can be made of a core module that says what its world is.
///
/// Where it says that something else can be made of it: `wasm-tools component new` knows more
/// worlds than this host does.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ModuleError {
    /// The module itself is damaged, or uses what this host's engine does not have.
    #[error("not a valid core module: {reason}")]
    Invalid {
        /// What is wrong.
        reason: String,
    },
    /// Its `component-type` sections are longer than any of castcall's worlds: make a component of
    /// it, with `wasm-tools component new`.
    #[error(
        "a core module whose component-type sections have {found} bytes, and {limit} are the most: \
         make a component of it with `wasm-tools component new`"
    )]
    TooLong {
        /// How many bytes they have.
        found: usize,
        /// How many they may have.
        limit: usize,
    },
    /// A `component-type` section is damaged.
    #[error("a core module whose component-type section is not valid: {reason}")]
    Types {
        /// What is wrong.
        reason: String,
    },
    /// A `component-type` section is not one world, as current tools write it: build it with those.
    #[error(
        "a core module whose component-type section {what}: build it with a current wit-bindgen, or \
         make a component of it with `wasm-tools component new`"
    )]
    Form {
        /// What is unusual in it.
        what: &'static str,
    },
    /// Its text is not UTF-8: build it so that it is, or make a component of it.
    #[error(
        "a core module whose text is {encoding}, not UTF-8: make a component of it with \
         `wasm-tools component new`"
    )]
    Text {
        /// How it is encoded.
        encoding: &'static str,
    },
    /// Its world has something that is not of the contract: leave that out, or make a component of
    /// it.
    #[error(
        "a core module whose world has {name}, which is not of castcall:component@0.1.0: make a \
         component of it with `wasm-tools component new`"
    )]
    Foreign {
        /// What is imported or exported.
        name: String,
    },
    /// Its world has something of the contract with another type: build it against this host's
    /// `wit/`.
    #[error("a core module whose world has {interface} with another {item} than this host's")]
    OtherType {
        /// The interface.
        interface: &'static str,
        /// What of it.
        item: String,
    },
    /// It imports what its world does not: make a component of it, with the adapter that the
    /// import is for.
    #[error(
        "a core module that imports {name} of {module}, which its world does not: make a component \
         of it with `wasm-tools component new` and its `--adapt`"
    )]
    Import {
        /// From where.
        module: String,
        /// What.
        name: String,
    },
    /// It has more imports than the contract has functions, by far: link it so that each is there
    /// once.
    #[error("a core module with {found} imports, and {limit} are the most")]
    TooManyImports {
        /// How many there are.
        found: usize,
        /// How many there may be.
        limit: usize,
    },
    /// It does not export a function that its world does: see that the linker keeps it.
    #[error("a core module that does not export {interface}#{function}, as its world does")]
    Export {
        /// The interface.
        interface: &'static str,
        /// The function.
        function: &'static str,
    },
    /// It exports a function by a name that has a meaning here, and not that of what it exports
    /// besides: build it without what is asynchronous, or make a component of it.
    #[error(
        "a core module that exports {name}, a name of a kind that is not taken: make a component of \
         it with `wasm-tools component new`"
    )]
    Name {
        /// The name.
        name: String,
    },
    /// Its imports and exports are not those that the canonical ABI asks for: build it with
    /// `wit-bindgen`.
    #[error("a core module of which no component can be made: {reason}")]
    Refused {
        /// What `wit-component` says.
        reason: String,
    },
}
