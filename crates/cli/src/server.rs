//! The socket of a running system, and who may talk to it.

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;

use crate::control::{Answer, MAX_REQUEST, Request};
use crate::deeds;
use crate::exit::Failure;
use crate::place;
use crate::run::Running;

/// How many may talk at once; more wait.
const CONNECTIONS: usize = 64;

pub(crate) struct Server {
    listener: UnixListener,
    path: PathBuf,
}

impl Server {
    /// Takes the name, unless a system that runs has it.
    pub(crate) async fn bind(name: &str) -> Result<Self, Failure> {
        let path = place::socket(name)?;
        if UnixStream::connect(&path).await.is_ok() {
            let why = "a system of that name runs already: choose another with --name";
            return Err(Failure::failed(format!("{name}: {why}")));
        }
        // Left by one that was killed.
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(Failure::File { path, source: error });
            }
            _ => {}
        }
        let listen = || {
            let listener = UnixListener::bind(&path)?;
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
            Ok(listener)
        };
        let listener = listen().map_err(|source| Failure::File { path: path.clone(), source })?;
        Ok(Self { listener, path })
    }

    /// Answers until `end`.
    pub(crate) async fn serve(
        self,
        running: Arc<Running>,
        end: impl Future<Output = ()>,
    ) -> Result<(), Failure> {
        let room = Arc::new(Semaphore::new(CONNECTIONS));
        let mut end = std::pin::pin!(end);
        loop {
            let accepted = tokio::select! {
                () = &mut end => return Ok(()),
                accepted = self.listener.accept() => accepted,
            };
            let (stream, _) = accepted?;
            if !is_ours(&stream) {
                tracing::warn!("another user tried to talk to this system");
                continue;
            }
            // Never closed, so there is always one to be had in the end.
            let Ok(place) = Arc::clone(&room).acquire_owned().await else { return Ok(()) };
            let running = Arc::clone(&running);
            tokio::spawn(async move {
                if let Err(error) = answer(stream, &running).await {
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

async fn answer(stream: UnixStream, running: &Running) -> io::Result<()> {
    let (reader, mut writer) = stream.into_split();
    let mut line = String::new();
    BufReader::new(reader).take(MAX_REQUEST).read_line(&mut line).await?;
    let request: Request = match serde_json::from_str(&line) {
        Ok(request) => request,
        Err(error) => {
            let failed = Answer::Failed(format!("not understood: {error}"));
            return write(&mut writer, &failed).await;
        }
    };
    if let Request::Record { for_ms } = request {
        return deeds::record(running, for_ms, &mut writer).await;
    }
    let answer = match deeds::deed(running, request).await {
        Ok(value) => Answer::Done(value),
        Err(why) => Answer::Failed(why),
    };
    write(&mut writer, &answer).await
}

pub(crate) async fn write(
    writer: &mut (impl AsyncWriteExt + Unpin),
    answer: &Answer,
) -> io::Result<()> {
    let mut line = serde_json::to_vec(answer)?;
    line.push(b'\n');
    writer.write_all(&line).await
}
