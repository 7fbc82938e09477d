//! One who talks to a running system: neither what they send nor what they leave unread may cost it
//! more than a little memory for a little while.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};

use crate::control::{self, Answer, MAX_REQUEST, Request};
use crate::deeds;
use crate::run::Running;

/// How long it may take to ask, and to read an answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Longer requests are read one after the other.
const LONG_REQUEST: usize = 64 << 10;
/// How many may record at once.
const RECORDINGS: usize = 16;

/// What all connections share.
pub(crate) struct Room {
    long_requests: Semaphore,
    recordings: Semaphore,
    longest_request: usize,
}

impl Room {
    /// For payloads of at most so many bytes.
    pub(crate) fn new(payload_bytes: u64) -> Self {
        // JSON of the same value may be longer by far.
        let longest = payload_bytes.saturating_mul(8).saturating_add(LONG_REQUEST as u64);
        let longest = usize::try_from(longest).unwrap_or(usize::MAX).min(MAX_REQUEST);
        Self {
            long_requests: Semaphore::new(1),
            recordings: Semaphore::new(RECORDINGS),
            longest_request: longest,
        }
    }
}

pub(crate) struct Connection {
    reader: BufReader<OwnedReadHalf>,
    writer: OwnedWriteHalf,
}

impl Connection {
    pub(crate) fn new(stream: UnixStream) -> Self {
        let (reader, writer) = stream.into_split();
        Self { reader: BufReader::new(reader), writer }
    }

    /// Reads a request, and does what it asks for.
    pub(crate) async fn answer(mut self, running: &Running, room: &Room) -> io::Result<()> {
        let request = match self.request(room).await? {
            Ok(request) => request,
            Err(why) => return self.write(&Answer::Failed(why)).await,
        };
        let done = match request {
            Request::Record { for_ms } => match room.recordings.try_acquire() {
                Ok(_place) => return self.record(running, for_ms).await,
                Err(_) => Err(format!("{RECORDINGS} record already")),
            },
            // Nobody waits for the answer of who has gone: that cancels the call.
            call @ Request::Call { .. } => tokio::select! {
                done = deeds::deed(running, call) => done,
                () = gone(&mut self.reader) => return Ok(()),
            },
            other => deeds::deed(running, other).await,
        };
        let answer = done.map_or_else(Answer::Failed, Answer::Done);
        self.write(&answer).await
    }

    /// `Err` within `Ok`: something that is no request.
    async fn request(&mut self, room: &Room) -> io::Result<Result<Request, String>> {
        let mut line = Vec::new();
        timeout(PATIENCE, read_line(&mut self.reader, &mut line, LONG_REQUEST)).await??;
        if !line.ends_with(b"\n") && line.len() >= LONG_REQUEST {
            let _one_at_a_time = room.long_requests.acquire().await;
            timeout(PATIENCE, read_line(&mut self.reader, &mut line, room.longest_request))
                .await??;
            if !line.ends_with(b"\n") {
                // Read to its end, or the answer would be lost.
                timeout(PATIENCE, skip_line(&mut self.reader)).await??;
                let most = room.longest_request;
                return Ok(Err(format!("the payload is too long: as JSON, {most} bytes at most")));
            }
            return Ok(control::understand(&line));
        }
        Ok(control::understand(&line))
    }

    async fn write(&mut self, answer: &Answer) -> io::Result<()> {
        timeout(PATIENCE, self.writer.write_all(&line(answer)?)).await?
    }

    /// Hands on the lines of the audit for a while.
    async fn record(&mut self, running: &Running, for_ms: u64) -> io::Result<()> {
        let mut lines = running.tap.listen();
        let start = Instant::now();
        let end = start.checked_add(Duration::from_millis(for_ms));
        // A reader may pause, as a pager does, but not for longer than there is something to record.
        let latest = end.and_then(|end| end.checked_add(PATIENCE));
        let mut enough = std::pin::pin!(async {
            tokio::select! {
                () = until(end) => {}
                () = gone(&mut self.reader) => {}
            }
        });
        loop {
            let chunk = tokio::select! {
                () = &mut enough => break,
                chunk = lines.recv() => chunk,
            };
            let Some(chunk) = chunk else {
                let why = "too much happens to be recorded at the speed that it is read with";
                let failed = line(&Answer::Failed(why.to_owned()))?;
                return timeout(PATIENCE, self.writer.write_all(&failed)).await?;
            };
            let mut text = Vec::with_capacity(chunk.len() * 2);
            for recorded in String::from_utf8_lossy(&chunk).lines() {
                text.extend(line(&Answer::Line(recorded.to_owned()))?);
            }
            tokio::select! {
                written = self.writer.write_all(&text) => written?,
                () = until(latest) => return Err(io::ErrorKind::TimedOut.into()),
            }
        }
        let done = line(&Answer::Done(serde_json::Value::Null))?;
        timeout(PATIENCE, self.writer.write_all(&done)).await?
    }
}

fn line(answer: &Answer) -> serde_json::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(answer)?;
    line.push(b'\n');
    Ok(line)
}

/// Up to the end of the line, as long as there is room for it.
async fn read_line(
    reader: &mut (impl AsyncBufRead + Unpin),
    line: &mut Vec<u8>,
    room: usize,
) -> io::Result<()> {
    let rest = u64::try_from(room.saturating_sub(line.len())).unwrap_or(u64::MAX);
    reader.take(rest).read_until(b'\n', line).await.map(drop)
}

async fn skip_line(reader: &mut (impl AsyncBufRead + Unpin)) -> io::Result<()> {
    loop {
        let there = reader.fill_buf().await?;
        let end = there.iter().position(|&byte| byte == b'\n');
        let (last, length) = (there.is_empty() || end.is_some(), there.len());
        reader.consume(end.map_or(length, |end| end + 1));
        if last {
            return Ok(());
        }
    }
}

/// Until there is nobody who would read an answer. What they still say is passed over.
async fn gone(reader: &mut (impl AsyncBufRead + Unpin)) {
    while let Ok(there) = reader.fill_buf().await {
        let length = there.len();
        if length == 0 {
            return;
        }
        reader.consume(length);
    }
}

async fn until(end: Option<Instant>) {
    match end {
        Some(end) => tokio::time::sleep_until(end).await,
        None => std::future::pending().await,
    }
}
