//! The command, as it is used.

mod files;
mod pipes;
mod recordings;
mod shop;
mod sockets;
mod system;
mod top;
