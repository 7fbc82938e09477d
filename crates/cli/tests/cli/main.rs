//! The command, as it is used.

mod collectors;
mod example;
mod files;
mod payloads;
mod pictures;
mod pipes;
mod recordings;
mod shop;
mod signals;
mod sockets;
mod state;
mod strangers;
mod system;
mod top;
