//! A day in a web shop of five WebAssembly components, told scene by scene.
//!
//! What is told is what happened: each line stands for a line of the audit, or for a message that
//! came to the shop's desk. What each scene promises is checked; if something else happens, the day
//! ends with an error that says what.
//!
//! | | |
//! | --- | --- |
//! | `shop.toml` | the application: who there is, and what each is granted |
//! | `guests/` | the components, in Rust |
//! | [`Shop`] | the program around them: starts the shop, and does what customers and banks do |
//! | `scenes.rs` | what happens on this day |

mod desk;
mod narrator;
mod pictures;
mod recording;
mod scenes;
mod shop;

use std::io::Write;
use std::path::Path;

use anyhow::Result;

pub use pictures::Pictures;
pub use shop::{MANIFEST, Shop};

/// Plays the day, tells of it in `out`, and leaves the recording and its pictures in `folder`.
///
/// # Errors
///
/// The shop can't be opened, or something happened that should not.
pub async fn day(folder: &Path, out: &mut dyn Write) -> Result<Pictures> {
    let mut shop = Shop::open(folder, out).await?;
    scenes::all(&mut shop).await?;
    shop.close().await
}
