//! Bytes into the file and into the digest, batch by batch, on a thread that may wait.

use std::{
    fs::File,
    io::{self, Read, Write},
    path::Path,
    sync::atomic::Ordering::Relaxed,
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures_util::{FutureExt, Stream, StreamExt};
use sha2::Digest;
use tokio_util::sync::CancellationToken;
use wire::trace::Kind;

use super::{
    Error, Result, Tell, UploadId, Uploads, at_storage, blocking,
    upload::{Pen, Upload},
};

/// From how many bytes on a batch goes to the disk without waiting for more.
const BATCH: usize = 1024 * 1024;

/// Writes one piece.
pub(super) struct Writer<'a> {
    uploads: &'a Uploads,
    upload: &'a Upload,
    pen: &'a mut Pen,
    /// How long the file may become, in bytes.
    limit: u64,
    file: Option<File>,
    told: Told<'a>,
}

impl<'a> Writer<'a> {
    pub(super) fn new(
        uploads: &'a Uploads,
        upload: &'a Upload,
        pen: &'a mut Pen,
        limit: u64,
        tell: &'a Tell,
    ) -> Writer<'a> {
        Writer {
            uploads,
            upload,
            pen,
            limit,
            file: None,
            told: Told::new(upload.id, tell),
        }
    }

    /// Writes what comes until it ends, breaks off, or somebody asks to stop.
    pub(super) async fn run<S, E>(mut self, mut body: S, stop: &CancellationToken) -> Result<()>
    where
        S: Stream<Item = std::result::Result<Bytes, E>> + Unpin,
        E: std::fmt::Display,
    {
        let mut end = None;
        while end.is_none() {
            let first = tokio::select! {
                biased;
                () = stop.cancelled() => break,
                next = body.next() => next,
            };
            // What has come meanwhile goes along.
            let mut batch = Vec::new();
            let mut bytes = 0;
            let mut next = Some(first);
            while let Some(item) = next.take() {
                match item {
                    Some(Ok(chunk)) => {
                        bytes += chunk.len();
                        batch.push(chunk);
                    }
                    Some(Err(error)) => end = Some(Err(Error::BrokeOff(error.to_string()))),
                    None => end = Some(Ok(())),
                }
                if end.is_none() && bytes < BATCH {
                    next = body.next().now_or_never();
                }
            }
            if bytes > 0 {
                self.write(batch, bytes as u64).await?;
            }
        }
        match end {
            Some(end) => end,
            None if self.upload.state.lock().removed => Err(Error::Gone),
            None => Err(Error::TakenOver),
        }
    }

    async fn write(&mut self, batch: Vec<Bytes>, bytes: u64) -> Result<()> {
        let offset = self.pen.hashed;
        if offset + bytes > self.limit {
            return Err(Error::TooLarge(self.limit));
        }
        self.uploads.reserve(bytes)?;
        let began = Instant::now();
        let (folder, id) = (self.uploads.inner.folder.clone(), self.upload.id);
        let (file, mut pen) = (self.file.take(), std::mem::take(self.pen));
        let written = blocking(move || {
            let mut file = match file {
                Some(file) => file,
                None => folder.append(id)?,
            };
            if let Err(error) = batch.iter().try_for_each(|chunk| file.write_all(chunk)) {
                // As long as before the batch: the digest covers no more.
                let _ = file.set_len(offset);
                return Err(error);
            }
            let wrote = Instant::now();
            for chunk in &batch {
                pen.hasher.update(chunk);
            }
            pen.hashed += bytes;
            pen.hashing += wrote.elapsed();
            Ok((file, pen, wrote))
        })
        .await;
        let (file, pen, wrote) = written.inspect_err(|_| {
            self.uploads.inner.used.fetch_sub(bytes, Relaxed);
        })?;
        self.file = Some(file);
        *self.pen = pen;
        {
            let mut state = self.upload.state.lock();
            if state.removed {
                // Whoever removed it gave back what it held before this batch.
                self.uploads.inner.used.fetch_sub(bytes, Relaxed);
                return Err(Error::Gone);
            }
            state.received += bytes;
            state.touched = (self.uploads.inner.clock)();
        }
        self.told.stored(offset, bytes, began, wrote);
        Ok(())
    }
}

/// The digest of the first `bytes` bytes of a file.
pub(super) fn hash(path: &Path, bytes: u64) -> io::Result<Pen> {
    let mut pen = Pen::default();
    if bytes == 0 {
        return Ok(pen);
    }
    let mut file = File::open(path)?.take(bytes);
    let mut buffer = vec![0; 256 * 1024];
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        pen.hasher.update(&buffer[..read]);
        pen.hashed += read as u64;
    }
    if pen.hashed == bytes {
        Ok(pen)
    } else {
        Err(io::Error::other("the file is shorter than it was"))
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
