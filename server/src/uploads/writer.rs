//! Bytes into the storage and into the digests, batch by batch, on a thread that may wait.

use std::{
    io::{self, Read},
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use sha2::Digest;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use wire::trace::Kind;

use super::{
    Error, Result, Tell, UploadId, Uploads, at_storage, blocking,
    checksum::{Checker, Checksum},
    lost_too,
    storage::{Append, Content},
    upload::{Pen, Upload},
};

/// How many bytes are gathered at most while others are written.
const BATCH: usize = 512 * 1024;

/// Writes one piece.
pub(super) struct Writer<'a> {
    uploads: &'a Uploads,
    upload: &'a Upload,
    pen: &'a mut Pen,
    /// How long the file may become, in bytes.
    limit: u64,
    file: Option<Box<dyn Append>>,
    checker: Option<Checker>,
    told: Told<'a>,
}

impl<'a> Writer<'a> {
    pub(super) fn new(
        uploads: &'a Uploads,
        upload: &'a Upload,
        pen: &'a mut Pen,
        (limit, checksum): (u64, Option<Checksum>),
        tell: &'a Tell,
    ) -> Writer<'a> {
        Writer {
            uploads,
            upload,
            pen,
            limit,
            file: None,
            checker: checksum.map(Checker::new),
            told: Told::new(upload.id, tell),
        }
    }

    /// Writes what comes until it ends, breaks off, or somebody asks to stop. Only what is whole and right is `Ok`; either
    /// way the file is handed on, to be synced.
    pub(super) async fn run<S, E>(
        mut self,
        body: S,
        stop: &CancellationToken,
    ) -> (Result<()>, Option<Box<dyn Append>>)
    where
        S: Stream<Item = std::result::Result<Bytes, E>> + Unpin,
        E: std::fmt::Display,
    {
        let mut written = self.write_all(body, stop).await;
        if let Some(checker) = self.checker.take()
            && written.is_ok()
            && !checker.matches()
        {
            written = Err(Error::Mismatch);
        }
        (written, self.file.take())
    }

    /// Writes one batch while the next is gathered.
    async fn write_all<S, E>(&mut self, body: S, stop: &CancellationToken) -> Result<()>
    where
        S: Stream<Item = std::result::Result<Bytes, E>> + Unpin,
        E: std::fmt::Display,
    {
        let (batches, waiting) = mpsc::channel(1);
        let writing = async {
            let mut waiting = waiting;
            while let Some(batch) = waiting.recv().await {
                self.write(batch).await?;
            }
            Ok::<_, Error>(())
        };
        let (end, written) = tokio::join!(gather(body, stop, batches), writing);
        written?;
        match end {
            Some(end) => end,
            None if self.upload.state.lock().removed => Err(Error::Gone),
            None => Err(Error::TakenOver),
        }
    }

    async fn write(&mut self, batch: Vec<Bytes>) -> Result<()> {
        let bytes = batch.iter().map(Bytes::len).sum::<usize>() as u64;
        let offset = self.pen.hashed;
        if offset + bytes > self.limit {
            return Err(Error::TooLarge(self.limit));
        }
        self.uploads.inner.room.take(self.upload.from, bytes)?;
        let began = Instant::now();
        let written = self.store(batch, bytes).await;
        let wrote = written.inspect_err(|_| {
            self.uploads.inner.room.give_back(self.upload.from, bytes);
        })?;
        {
            let mut state = self.upload.state.lock();
            if state.removed {
                // Whoever removed it gave back what it held before this batch.
                self.uploads.inner.room.give_back(self.upload.from, bytes);
                return Err(Error::Gone);
            }
            state.taken += bytes;
            if self.checker.is_none() {
                state.received += bytes;
            }
            state.touched = (self.uploads.inner.clock)();
        }
        self.told.stored(offset, bytes, began, wrote);
        Ok(())
    }

    /// Says when the bytes were written; the digests take their time behind that.
    async fn store(&mut self, batch: Vec<Bytes>, bytes: u64) -> Result<Instant> {
        let (storage, id) = (self.uploads.inner.storage.clone(), self.upload.id);
        let (file, mut checker) = (self.file.take(), self.checker.take());
        let hashes = !self.uploads.inner.limits.without_digests;
        // After an error nothing is known of the file's end: it is opened anew, and the digest made anew.
        let mut pen = std::mem::take(self.pen);
        let written = blocking(move || {
            let mut file = match file {
                Some(file) => file,
                None => storage.append(id, pen.hashed)?,
            };
            batch.iter().try_for_each(|chunk| file.write_all(chunk))?;
            let wrote = Instant::now();
            if hashes {
                batch.iter().for_each(|chunk| pen.hasher.update(chunk));
                pen.hashing += wrote.elapsed();
            }
            pen.hashed += bytes;
            if let Some(checker) = &mut checker {
                batch.iter().for_each(|chunk| checker.update(chunk));
            }
            Ok((file, pen, checker, wrote))
        })
        .await;
        let (file, pen, checker, wrote) = written.map_err(lost_too)?;
        (self.file, *self.pen, self.checker) = (Some(file), pen, checker);
        Ok(wrote)
    }
}

/// Gathers what comes into batches, and tells how it ended: with the body's end, its breaking off, or not by itself.
async fn gather<S, E>(
    mut body: S,
    stop: &CancellationToken,
    batches: mpsc::Sender<Vec<Bytes>>,
) -> Option<Result<()>>
where
    S: Stream<Item = std::result::Result<Bytes, E>> + Unpin,
    E: std::fmt::Display,
{
    let (mut batch, mut bytes, mut end) = (Vec::new(), 0, None);
    while end.is_none() || bytes > 0 {
        tokio::select! {
            biased;
            () = stop.cancelled() => {
                if bytes > 0 {
                    let _ = batches.send(batch).await;
                }
                return None;
            }
            next = body.next(), if end.is_none() && bytes < BATCH => match next {
                Some(Ok(chunk)) => {
                    bytes += chunk.len();
                    batch.push(chunk);
                }
                Some(Err(error)) => end = Some(Err(Error::BrokeOff(error.to_string()))),
                None => end = Some(Ok(())),
            },
            room = batches.reserve(), if bytes > 0 => {
                // Where nobody writes any more, why is known.
                room.ok()?.send(std::mem::take(&mut batch));
                bytes = 0;
            }
            () = batches.closed() => return None,
        }
    }
    end
}

/// The digest of the first `bytes` bytes.
pub(super) fn hash(content: Content, bytes: u64) -> io::Result<Pen> {
    let mut pen = Pen::default();
    let mut content = content.take(bytes);
    let mut buffer = vec![0; 256 * 1024];
    loop {
        let read = content.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        pen.hasher.update(&buffer[..read]);
        pen.hashed += read as u64;
    }
    if pen.hashed == bytes {
        Ok(pen)
    } else {
        Err(io::ErrorKind::UnexpectedEof.into())
    }
}

/// Says what was stored, in a bounded number of events: they cover more and more as the piece goes on.
struct Told<'a> {
    id: UploadId,
    tell: &'a Tell,
    events: u32,
    open: Option<Stored>,
}

struct Stored {
    offset: u64,
    bytes: u64,
    began: Instant,
    ended: Instant,
    writing: Duration,
}

impl Told<'_> {
    /// How many bytes the first events cover each.
    const FIRST: u64 = 256 * 1024;
    /// After how many events they cover twice as much.
    const DOUBLE: u32 = 16;

    fn new(id: UploadId, tell: &Tell) -> Told<'_> {
        Told {
            id,
            tell,
            events: 0,
            open: None,
        }
    }

    fn stored(&mut self, offset: u64, bytes: u64, began: Instant, ended: Instant) {
        let open = self.open.get_or_insert(Stored {
            offset,
            bytes: 0,
            began,
            ended,
            writing: Duration::ZERO,
        });
        open.bytes += bytes;
        open.ended = ended;
        open.writing += ended - began;
        if open.bytes >= Self::FIRST << (self.events / Self::DOUBLE).min(20) {
            self.flush();
        }
    }

    fn flush(&mut self) {
        let Some(stored) = self.open.take() else {
            return;
        };
        self.events += 1;
        (self.tell)(
            at_storage(Kind::Stored, self.id, stored.began)
                .until(stored.ended)
                .bytes(stored.bytes)
                .with(|detail| {
                    detail.offset = Some(stored.offset);
                    let writing_ns = u64::try_from(stored.writing.as_nanos()).unwrap_or(u64::MAX);
                    detail.more.insert("writing_ns".into(), writing_ns.into());
                }),
        );
    }
}

/// The last stretch is told however the piece ended.
impl Drop for Told<'_> {
    fn drop(&mut self) {
        self.flush();
    }
}
