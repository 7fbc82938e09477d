//! Pictures of what castcall recorded, read from the JSON lines of an audit (`docs/audit.md`).

mod error;
mod lanes;
mod matching;
mod model;
mod names;
mod order;
mod page;
mod read;
mod record;
mod sequence;
#[cfg(test)]
mod testing;
mod text;
mod time;
mod timeline;

pub use error::ReadError;
pub use model::{Recording, Summary};
pub use read::{Limits, Skipped};
pub use sequence::mermaid;
pub use timeline::html;
