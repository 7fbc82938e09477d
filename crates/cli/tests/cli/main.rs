//! The command, as it is used.

mod files;
mod payloads;
mod pictures;
mod pipes;
mod recordings;
mod shop;
mod sockets;
mod strangers;
mod system;
mod top;
