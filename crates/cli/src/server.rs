//! The socket of a running system, and who may talk to it.

use std::convert::Infallible;
use std::fs::File;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;

use crate::connection::{Connection, Room};
use crate::exit::Failure;
use crate::place;
use crate::run::Running;

/// How many may talk at once; more wait.
const CONNECTIONS: usize = 256;
/// After an error of the listener.
const PAUSE: Duration = Duration::from_millis(100);

pub(crate) struct Server {
    listener: UnixListener,
    path: PathBuf,
    /// Held until the socket is gone.
    _lock: File,
}

impl Server {
    /// Takes the name, unless a system that runs has it.
    pub(crate) fn bind(name: &str) -> Result<Self, Failure> {
        let (path, lock) = place::take(name)?;
        // Left by one that was killed.
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(Failure::file(path)(error));
            }
            _ => {}
        }
        let listen = || {
            let listener = UnixListener::bind(&path)?;
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
            Ok(listener)
        };
        let listener = listen().map_err(Failure::file(&path))?;
        Ok(Self { listener, path, _lock: lock })
    }

    /// Answers, for ever.
    pub(crate) async fn serve(self, running: &Arc<Running>) -> Infallible {
        let connections = Arc::new(Semaphore::new(CONNECTIONS));
        let room = Arc::new(Room::new(running.application.system.max_payload_bytes));
        loop {
            // Never closed, so there is always one to be had in the end.
            let place = Arc::clone(&connections).acquire_owned().await.ok();
            let stream = match self.listener.accept().await {
                Ok((stream, _)) => stream,
                Err(error) => {
                    // Too many open files, say: no reason to end, nor to try without a pause.
                    tracing::warn!(%error, "nobody can connect");
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
            };
            if !is_ours(&stream) {
                tracing::warn!("another user tried to talk to this system");
                continue;
            }
            let (running, room) = (Arc::clone(running), Arc::clone(&room));
            tokio::spawn(async move {
                if let Err(error) = Connection::new(stream).answer(&running, &room).await {
                    tracing::debug!(%error, "who asked has gone");
                }
                drop(place);
            });
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

/// The folder keeps others out; this is for a folder whose rights were changed.
fn is_ours(stream: &UnixStream) -> bool {
    let mine = rustix::process::geteuid().as_raw();
    stream.peer_cred().is_ok_and(|peer| peer.uid() == mine || peer.uid() == 0)
}
