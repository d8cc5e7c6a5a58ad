//! The one writer of an upload: bytes into the file and into the digest as they come, synced before anybody is told.

use std::{
    fs::File,
    io,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Instant,
};

use bytes::Bytes;
use futures_util::Stream;
use sha2::Digest;
use tokio::sync::MutexGuard;
use tokio_util::sync::CancellationToken;
use wire::trace::Kind;

use super::{
    Error, Result, Sum, Tell, UploadId, Uploads, at_storage, blocking,
    folder::Finished,
    unix_s,
    upload::{Pen, Upload},
    writer::{Writer, hash},
};

/// A piece of a file, as a client announces it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Piece {
    /// Where it begins.
    pub offset: u64,
    /// How long it is, where the client has said it, in bytes.
    pub bytes: Option<u64>,
    /// The file's length, where the client says it only now.
    pub length: Option<u64>,
    /// The file ends where the piece ends.
    pub last: bool,
}

impl Uploads {
    /// Appends a piece and says how many bytes there are then, all of them on disk. When they are all the file has, the
    /// upload is finished.
    ///
    /// The work goes on when the caller stops waiting: a piece that breaks off keeps what arrived.
    pub async fn append<S, E>(
        &self,
        id: UploadId,
        piece: Piece,
        body: S,
        tell: &Tell,
    ) -> Result<u64>
    where
        S: Stream<Item = std::result::Result<Bytes, E>> + Send + Unpin + 'static,
        E: std::fmt::Display + Send,
    {
        let uploads = self.clone();
        let tell = Arc::clone(tell);
        let work = async move { uploads.take_piece(id, piece, body, tell).await };
        match tokio::spawn(work).await {
            Ok(result) => result,
            Err(error) => Err(Error::Io(io::Error::other(error))),
        }
    }

    async fn take_piece<S, E>(&self, id: UploadId, piece: Piece, body: S, tell: Tell) -> Result<u64>
    where
        S: Stream<Item = std::result::Result<Bytes, E>> + Send + Unpin + 'static,
        E: std::fmt::Display + Send,
    {
        let upload = self.get(id)?;
        let (mut pen, stop) = self.take_over(&upload, piece.offset).await?;
        let limit = self.set_length(&upload, piece).await?;
        if piece
            .bytes
            .is_some_and(|bytes| piece.offset.saturating_add(bytes) > limit)
        {
            return Err(Error::TooLarge(limit));
        }
        self.catch_up(&upload, &mut pen, &tell).await?;

        let written = Writer::new(self, &upload, &mut pen, limit, &tell)
            .run(body, &stop)
            .await;
        if written.is_ok() && piece.last {
            let mut state = upload.state.lock();
            state.record.length = Some(state.received);
        }
        // Whatever went wrong, what arrived is kept.
        let offset = self.sync(&upload, &tell).await?;
        let complete = upload.state.lock().is_complete();
        if complete {
            self.finish_with(&upload, &mut pen, &tell).await?;
        }
        written.map(|()| offset)
    }

    /// Becomes the one writer. One that is under way is asked to stop if it has got no further than this one wants to
    /// begin: its client has come back on another connection. One that goes on is left alone.
    async fn take_over<'a>(
        &self,
        upload: &'a Upload,
        offset: u64,
    ) -> Result<(MutexGuard<'a, Pen>, CancellationToken)> {
        let stop = CancellationToken::new();
        {
            let mut state = upload.state.lock();
            if state.removed {
                return Err(Error::Gone);
            }
            if state.received != offset {
                return Err(Error::WrongOffset(state.received));
            }
            if let Some(other) = state.stop.replace(stop.clone()) {
                other.cancel();
            }
        }
        let pen = tokio::select! {
            pen = upload.pen.lock() => pen,
            () = stop.cancelled() => return Err(Error::TakenOver),
        };
        let received = upload.state.lock().received;
        if received == offset {
            Ok((pen, stop))
        } else {
            Err(Error::WrongOffset(received))
        }
    }

    /// Takes the length that a client says late, and tells how long the file may become.
    async fn set_length(&self, upload: &Upload, piece: Piece) -> Result<u64> {
        let most = self.inner.limits.file_bytes;
        let record = {
            let mut state = upload.state.lock();
            match (state.record.length, piece.length) {
                (Some(known), Some(said)) if known != said => {
                    return Err(Error::WrongLength(known));
                }
                (Some(known), _) => return Ok(known),
                (None, None) => return Ok(most),
                (None, Some(said)) if said > most => return Err(Error::TooLarge(most)),
                (None, Some(said)) if said < state.received => {
                    return Err(Error::WrongLength(state.received));
                }
                (None, Some(said)) => {
                    state.record.length = Some(said);
                    state.record.clone()
                }
            }
        };
        let (folder, id) = (self.inner.folder.clone(), upload.id);
        let length = record.length.unwrap_or(most);
        blocking(move || folder.write_record(id, &record)).await?;
        self.still_there(upload).await?;
        Ok(length)
    }

    /// Fails when the upload was removed meanwhile, and removes again what was written of it since.
    pub(super) async fn still_there(&self, upload: &Upload) -> Result<()> {
        if !upload.state.lock().removed {
            return Ok(());
        }
        let (folder, id) = (self.inner.folder.clone(), upload.id);
        blocking(move || folder.remove(id)).await?;
        Err(Error::Gone)
    }

    /// Brings the digest to where the file is: after a restart, or a write that failed.
    async fn catch_up(&self, upload: &Upload, pen: &mut Pen, tell: &Tell) -> Result<()> {
        let received = upload.state.lock().received;
        if pen.hashed == received {
            return Ok(());
        }
        let began = Instant::now();
        let path = self.inner.folder.data(upload.id);
        *pen = blocking(move || hash(&path, received)).await?;
        tell(
            at_storage(Kind::Hashed, upload.id, began)
                .until(Instant::now())
                .bytes(received)
                .with(|detail| {
                    detail.summary = Some("read again what an earlier life had stored".into());
                }),
        );
        Ok(())
    }

    /// Takes room on the disk, if there is any.
    pub(super) fn reserve(&self, bytes: u64) -> Result<()> {
        let total = self.inner.limits.total_bytes;
        if self.inner.used.fetch_add(bytes, Relaxed) + bytes > total {
            self.inner.used.fetch_sub(bytes, Relaxed);
            return Err(Error::Full(total));
        }
        Ok(())
    }

    /// Syncs what has been received to disk and says how much that is.
    pub(super) async fn sync(&self, upload: &Upload, tell: &Tell) -> Result<u64> {
        self.still_there(upload).await?;
        let (received, synced) = {
            let state = upload.state.lock();
            (state.received, state.synced)
        };
        if received > synced {
            let began = Instant::now();
            let path = self.inner.folder.data(upload.id);
            blocking(move || File::options().append(true).open(path)?.sync_data()).await?;
            let mut state = upload.state.lock();
            state.synced = state.synced.max(received);
            tell(
                at_storage(Kind::Synced, upload.id, began)
                    .until(Instant::now())
                    .bytes(received - synced),
            );
        }
        Ok(received)
    }

    /// Finishes an upload that has all its bytes, if nobody has yet.
    pub(super) async fn finish(&self, upload: &Upload, tell: &Tell) -> Result<()> {
        if upload.state.lock().is_finished() {
            return Ok(());
        }
        let mut pen = upload.pen.lock().await;
        self.catch_up(upload, &mut pen, tell).await?;
        self.finish_with(upload, &mut pen, tell).await
    }

    async fn finish_with(&self, upload: &Upload, pen: &mut Pen, tell: &Tell) -> Result<()> {
        if upload.state.lock().is_finished() {
            return Ok(());
        }
        let bytes = self.sync(upload, tell).await?;
        let sha256 = Sum(pen.hasher.clone().finalize().into());
        let finished = Finished {
            at_s: unix_s((self.inner.clock)()),
            sha256,
        };
        let mut record = upload.state.lock().record.clone();
        record.finished = Some(finished.clone());
        let (folder, id) = (self.inner.folder.clone(), upload.id);
        blocking(move || folder.write_record(id, &record)).await?;
        self.still_there(upload).await?;
        upload.state.lock().record.finished = Some(finished);
        tell(
            at_storage(Kind::Hashed, upload.id, Instant::now())
                .bytes(bytes)
                .with(|detail| {
                    let hashing_ns = u64::try_from(pen.hashing.as_nanos()).unwrap_or(u64::MAX);
                    detail.more.insert("hashing_ns".into(), hashing_ns.into());
                    detail.summary = Some("as the bytes came".into());
                }),
        );
        tell(
            at_storage(Kind::Finished, upload.id, Instant::now())
                .bytes(bytes)
                .with(|detail| detail.sha256 = Some(sha256.to_string())),
        );
        Ok(())
    }
}
