//! Bytes into the storage and into the digests, batch by batch, on threads that may wait.

use std::{
    io::{self, Read},
    pin::pin,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use sha2::Digest;
use tokio::{
    sync::mpsc::{self, Permit, Receiver, Sender},
    task::spawn_blocking,
    time::{Instant as Clock, sleep},
};
use tokio_util::sync::CancellationToken;
use wire::trace::Kind;

use super::{
    Error, Piece, Result, Tell, UploadId, Uploads, at_storage,
    checksum::Checker,
    error::lost,
    storage::{Append, Content},
    upload::{Pen, Upload},
};

/// How long a short piece is at most.
const SHORT: u64 = 2 * 1024 * 1024;
/// How many bytes are gathered at most while others are written.
const BATCH: usize = 512 * 1024;
/// From how many bytes on a batch is handed on, where somebody waits for it. Where nobody does, it grows.
const EAGER: usize = 128 * 1024;
/// How long fewer wait for others to be handed on with: it costs as much as writing tens of kilobytes.
const GATHER: Duration = Duration::from_millis(5);

/// Some bytes of a piece.
#[derive(Debug, Clone)]
struct Batch {
    chunks: Vec<Bytes>,
    /// Nothing comes behind it.
    is_last: bool,
}

impl Batch {
    fn bytes(&self) -> u64 {
        self.chunks.iter().map(|chunk| chunk.len() as u64).sum()
    }
}

/// The storage's end of a piece.
#[derive(Default)]
pub(super) struct Out {
    /// Open, where something was written.
    pub(super) file: Option<Box<dyn Append>>,
    /// When all of the piece was synced: from when until when.
    pub(super) synced: Option<(Instant, Instant)>,
}

/// Writes what comes until it ends, breaks off, or somebody asks to stop. Only what is whole and right is `Ok`; either way
/// the file is handed on, to be synced if it is not yet.
///
/// One thread writes a batch, another takes it into the digests, while the next is gathered here.
pub(super) async fn write<S, E>(
    writer: Writer,
    pen: &mut Pen,
    piece: Piece,
    body: S,
    stop: &CancellationToken,
) -> (Result<()>, Out)
where
    S: Stream<Item = std::result::Result<Bytes, E>> + Unpin,
    E: std::fmt::Display,
{
    let (uploads, upload) = (writer.uploads.clone(), Arc::clone(&writer.upload));
    // After an error nothing is known of the file's end: the digest is made anew then.
    let digests = Digests {
        pen: std::mem::take(pen),
        hashes: !uploads.inner.limits.without_digests,
        checker: piece.checksum.map(Checker::new),
    };
    let (to_storage, written) = mpsc::channel(1);
    let (to_digests, digested) = mpsc::channel(1);
    let to_digests = (digests.hashes || digests.checker.is_some()).then_some(to_digests);
    let gatherer = Gatherer {
        chunks: Vec::new(),
        bytes: 0,
        left: piece.bytes,
        enough: writer.enough(),
        takers: Takers {
            to_storage,
            to_digests,
        },
    };
    let (end, (stored, writer), (hashed, digests)) = tokio::join!(
        gatherer.run(body, stop),
        each(written, writer, Writer::write, Writer::is_done_at_once),
        each(digested, digests, Digests::update, |_, _| false),
    );
    let Some(Writer { at, out, .. }) = writer else {
        return (stored, Out::default());
    };
    let (Ok(()), Ok(()), Some(digests)) = (&stored, &hashed, digests) else {
        return (stored.and(hashed), out);
    };
    *pen = digests.pen;
    pen.hashed = at;
    let end = match end {
        Some(Ok(())) if !digests.checker.is_none_or(Checker::matches) => Err(Error::Mismatch),
        Some(end) => end,
        None if upload.state.lock().removed => Err(Error::Gone),
        None => Err(Error::TakenOver),
    };
    (end, out)
}

/// Does something with each batch: here, where that is done at once, and else on a thread that may wait. It has the thread
/// while more of them wait, and no longer.
async fn each<T: Send + 'static>(
    mut batches: Receiver<Batch>,
    mut of: T,
    act: fn(&mut T, Batch) -> Result<()>,
    is_done_at_once: fn(&T, &Batch) -> bool,
) -> (Result<()>, Option<T>) {
    while let Some(first) = batches.recv().await {
        if is_done_at_once(&of, &first) {
            match act(&mut of, first) {
                Ok(()) => continue,
                failed => return (failed, Some(of)),
            }
        }
        let work = spawn_blocking(move || {
            let (mut next, mut done) = (Some(first), Ok(()));
            while let (Some(batch), Ok(())) = (next.take(), &done) {
                done = act(&mut of, batch);
                next = batches.try_recv().ok();
            }
            (done, of, batches)
        });
        let done;
        (done, of, batches) = match work.await {
            Ok(worked) => worked,
            Err(error) => return (Err(Error::Io(io::Error::other(error))), None),
        };
        if done.is_err() {
            return (done, Some(of));
        }
    }
    (Ok(()), Some(of))
}

/// Writes one piece into the storage.
pub(super) struct Writer {
    uploads: Uploads,
    upload: Arc<Upload>,
    /// Where the next batch goes.
    at: u64,
    /// How long the file may become, in bytes.
    limit: u64,
    /// So short that it is not worth while that one thread receives and another writes.
    is_short: bool,
    /// What is written counts at once: no checksum is to be seen first.
    counts: bool,
    out: Out,
    told: Told,
}

impl Writer {
    pub(super) fn new(
        uploads: &Uploads,
        upload: &Arc<Upload>,
        piece: &Piece,
        limit: u64,
        tell: &Tell,
    ) -> Writer {
        Writer {
            uploads: uploads.clone(),
            upload: Arc::clone(upload),
            at: piece.offset,
            limit,
            is_short: piece.bytes.is_some_and(|bytes| bytes <= SHORT),
            counts: piece.checksum.is_none(),
            out: Out::default(),
            told: Told::new(upload.id, tell),
        }
    }

    /// How many bytes are worth being handed on.
    fn enough(&self) -> usize {
        if self.is_short && self.uploads.inner.pace.writes_at_once() {
            1
        } else {
            EAGER
        }
    }

    fn is_done_at_once(&self, batch: &Batch) -> bool {
        let pace = &self.uploads.inner.pace;
        self.is_short && pace.writes_at_once() && (!batch.is_last || pace.syncs_at_once())
    }

    fn write(&mut self, batch: Batch) -> Result<()> {
        let bytes = batch.bytes();
        if self.at + bytes > self.limit {
            return Err(Error::TooLarge(self.limit));
        }
        let (room, from) = (&self.uploads.inner.room, self.upload.from);
        room.take(from, bytes)?;
        let began = Instant::now();
        let stored = store(&self.uploads, &self.upload, self.at, &mut self.out, &batch);
        let wrote = stored.inspect_err(|_| {
            room.give_back(from, bytes);
        })?;
        {
            let mut state = self.upload.state.lock();
            if state.removed {
                // Whoever removed it gave back what it held before this batch.
                room.give_back(from, bytes);
                return Err(Error::Gone);
            }
            state.taken += bytes;
            if self.counts {
                state.received += bytes;
            }
            state.touched = (self.uploads.inner.clock)();
        }
        self.told.stored(self.at, bytes, began, wrote);
        self.at += bytes;
        Ok(())
    }
}

/// Says when the bytes were written. After an error nothing is known of the file's end: it is opened anew.
fn store(
    uploads: &Uploads,
    upload: &Upload,
    at: u64,
    out: &mut Out,
    batch: &Batch,
) -> Result<Instant> {
    let mut storing = || {
        let (pace, began) = (&uploads.inner.pace, Instant::now());
        let mut file = match std::mem::take(out).file {
            Some(file) => file,
            None => uploads.inner.storage.append(upload.id, at)?,
        };
        let chunks = &mut batch.chunks.iter();
        chunks.try_for_each(|chunk| file.write_all(chunk))?;
        let wrote = Instant::now();
        pace.wrote(wrote - began);
        if batch.is_last {
            file.sync()?;
            let synced = Instant::now();
            pace.synced(synced - wrote);
            out.synced = Some((wrote, synced));
        }
        out.file = Some(file);
        Ok(wrote)
    };
    storing().map_err(lost)
}

/// What is computed over the bytes.
struct Digests {
    pen: Pen,
    /// Is the file's computed?
    hashes: bool,
    checker: Option<Checker>,
}

impl Digests {
    fn update(&mut self, batch: Batch) -> Result<()> {
        if self.hashes {
            let began = Instant::now();
            let chunks = &mut batch.chunks.iter();
            chunks.for_each(|chunk| self.pen.hasher.update(chunk));
            self.pen.hashing += began.elapsed();
        }
        if let Some(checker) = &mut self.checker {
            batch.chunks.iter().for_each(|chunk| checker.update(chunk));
        }
        Ok(())
    }
}

/// Makes batches of what comes.
struct Gatherer {
    chunks: Vec<Bytes>,
    bytes: usize,
    /// How much is to come, where it is known.
    left: Option<u64>,
    /// How many bytes are worth being handed on.
    enough: usize,
    takers: Takers,
}

/// Who takes the batches.
struct Takers {
    to_storage: Sender<Batch>,
    /// Where some are computed.
    to_digests: Option<Sender<Batch>>,
}

/// The right to hand on one batch.
struct Room<'a> {
    in_storage: Permit<'a, Batch>,
    in_digests: Option<Permit<'a, Batch>>,
}

impl Takers {
    /// Waits until another batch is taken; `None` where none is any more.
    async fn room(&self) -> Option<Room<'_>> {
        let in_storage = self.to_storage.reserve().await.ok()?;
        let in_digests = match &self.to_digests {
            Some(to_digests) => Some(to_digests.reserve().await.ok()?),
            None => None,
        };
        Some(Room {
            in_storage,
            in_digests,
        })
    }
}

impl Room<'_> {
    fn hand_on(self, batch: Batch) {
        if let Some(in_digests) = self.in_digests {
            in_digests.send(batch.clone());
        }
        self.in_storage.send(batch);
    }
}

impl Gatherer {
    /// Tells how it ended: with the body's end, its breaking off, or not by itself.
    async fn run<S, E>(mut self, mut body: S, stop: &CancellationToken) -> Option<Result<()>>
    where
        S: Stream<Item = std::result::Result<Bytes, E>> + Unpin,
        E: std::fmt::Display,
    {
        let mut due = pin!(sleep(GATHER));
        let (mut is_due, mut end) = (false, None);
        loop {
            let is_empty = self.bytes == 0;
            if let Some(end) = end.take_if(|_| is_empty) {
                return end;
            }
            let is_last = self.left == Some(0) || end.is_some();
            let is_ready = is_due || is_last || self.bytes >= self.enough;
            tokio::select! {
                biased;
                () = stop.cancelled(), if end.is_none() => end = Some(None),
                next = body.next(), if end.is_none() && self.bytes < BATCH => match next {
                    Some(Ok(chunk)) => {
                        if is_empty {
                            due.as_mut().reset(Clock::now() + GATHER);
                            is_due = false;
                        }
                        self.left = self.left.map(|left| left.saturating_sub(chunk.len() as u64));
                        self.bytes += chunk.len();
                        self.chunks.push(chunk);
                    }
                    Some(Err(error)) => end = Some(Some(Err(Error::BrokeOff(error.to_string())))),
                    None => end = Some(Some(Ok(()))),
                },
                room = self.takers.room(), if is_ready && !is_empty => {
                    let chunks = std::mem::take(&mut self.chunks);
                    self.bytes = 0;
                    // Where nobody writes any more, why is known.
                    room?.hand_on(Batch { chunks, is_last });
                }
                () = &mut due, if !is_empty && !is_due => is_due = true,
                () = self.takers.to_storage.closed() => return None,
            }
        }
    }
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
struct Told {
    id: UploadId,
    tell: Tell,
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

impl Told {
    /// How many bytes the first events cover each.
    const FIRST: u64 = 256 * 1024;
    /// After how many events they cover twice as much.
    const DOUBLE: u32 = 16;

    fn new(id: UploadId, tell: &Tell) -> Told {
        Told {
            id,
            tell: Arc::clone(tell),
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
impl Drop for Told {
    fn drop(&mut self) {
        self.flush();
    }
}
