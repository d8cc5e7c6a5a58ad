//! The one writer of an upload: bytes into the storage and into the digest as they come, synced before anybody is told.
//!
//! A piece that breaks off keeps what arrived; one with a checksum is kept whole or not at all, also when the program is
//! killed in the middle: the record says beforehand that what follows is in doubt.

use std::{
    io,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures_util::Stream;
use sha2::Digest;
use tokio::sync::MutexGuard;
use tokio_util::sync::CancellationToken;
use wire::trace::Kind;

use super::{
    Error, Record, Result, Role, Sum, Tell, UploadId, Uploads, at_storage, blocking,
    checksum::Checksum,
    lost_too,
    record::Finished,
    storage::Append,
    unix_s,
    upload::{Pen, Upload},
    writer::{Writer, hash},
};

/// A piece of a file, as a client announces it.
#[derive(Debug, Clone, Default)]
pub struct Piece {
    /// Where it begins.
    pub offset: u64,
    /// How long it is, where the client has said it, in bytes.
    pub bytes: Option<u64>,
    /// The file's length, where the client says it only now.
    pub length: Option<u64>,
    /// The file ends where the piece ends.
    pub last: bool,
    /// What its checksum has to be.
    pub checksum: Option<Checksum>,
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
        let upload = self.get(id)?;
        if let Role::Joined(_) = upload.state.lock().record.role {
            return Err(Error::Joined);
        }
        let uploads = self.clone();
        let tell = Arc::clone(tell);
        let work = async move { uploads.take_piece(&upload, piece, body, &tell).await };
        match tokio::spawn(work).await {
            Ok(result) => result,
            Err(error) => Err(Error::Io(io::Error::other(error))),
        }
    }

    pub(super) async fn take_piece<S, E>(
        &self,
        upload: &Upload,
        piece: Piece,
        body: S,
        tell: &Tell,
    ) -> Result<u64>
    where
        S: Stream<Item = std::result::Result<Bytes, E>> + Send + Unpin + 'static,
        E: std::fmt::Display + Send,
    {
        let (mut pen, stop) = self.take_over(upload, piece.offset).await?;
        self.vouch(upload).await?;
        let limit = self.set_length(upload, &piece).await?;
        let end = piece.offset.saturating_add(piece.bytes.unwrap_or(0));
        if end > limit {
            return Err(Error::TooLarge(limit));
        }
        self.catch_up(upload, &mut pen, tell).await?;
        if piece.checksum.is_some() {
            self.doubt(upload).await?;
        }

        let before = pen.clone();
        let is_checked = piece.checksum.is_some();
        let (written, file) = Writer::new(self, upload, &mut pen, (limit, piece.checksum), tell)
            .run(body, &stop)
            .await;
        let kept = if written.is_ok() || !is_checked {
            self.keep(upload, &pen, file, &before, tell).await
        } else {
            Ok(())
        };
        if kept.is_err() || (written.is_err() && is_checked) {
            self.take_back(upload, &mut pen, before);
        }
        kept?;
        if written.is_ok() && piece.last {
            let mut state = upload.state.lock();
            state.record.length = Some(state.received);
        }
        let (offset, complete) = {
            let state = upload.state.lock();
            (state.received, state.is_complete())
        };
        if complete {
            self.finish_with(upload, &mut pen, tell).await?;
        }
        self.vouch(upload).await?;
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
                return Err(Error::WrongOffset);
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
            Err(Error::WrongOffset)
        }
    }

    /// Asks the writer to let go, and waits until it has saved what it has. Whoever asks for an offset means to go on from
    /// there: it must still be the offset then.
    pub(super) async fn let_go<'a>(&self, upload: &'a Upload) -> MutexGuard<'a, Pen> {
        let stop = upload.state.lock().stop.take();
        if let Some(stop) = stop {
            stop.cancel();
        }
        upload.pen.lock().await
    }

    /// Takes the length that a client says late, and tells how long the file may become.
    async fn set_length(&self, upload: &Upload, piece: &Piece) -> Result<u64> {
        let most = self.inner.limits.file_bytes;
        let (known, received) = {
            let state = upload.state.lock();
            (state.record.length, state.received)
        };
        match (known, piece.length) {
            (Some(known), Some(said)) if known != said => Err(Error::WrongLength(known)),
            (Some(known), _) => Ok(known),
            (None, None) => Ok(most),
            (None, Some(said)) if said > most => Err(Error::TooLarge(most)),
            (None, Some(said)) if said < received => Err(Error::WrongLength(received)),
            (None, Some(said)) => {
                self.change(upload, |record| record.length = Some(said))
                    .await?;
                Ok(said)
            }
        }
    }

    /// Writes down that what follows is in doubt until its checksum was seen.
    async fn doubt(&self, upload: &Upload) -> Result<()> {
        let received = upload.state.lock().received;
        self.change(upload, |record| record.vouched = Some(received))
            .await
    }

    /// Writes down that nothing is in doubt any more. Until that is done no offset is told.
    pub(super) async fn vouch(&self, upload: &Upload) -> Result<()> {
        let (vouched, received) = {
            let state = upload.state.lock();
            (state.record.vouched, state.received)
        };
        if vouched.is_none() {
            return Ok(());
        }
        self.still_there(upload).await?;
        let (storage, id) = (self.inner.storage.clone(), upload.id);
        // What was not kept has to be off the disk before.
        blocking(move || storage.append(id, received).map(drop))
            .await
            .map_err(lost_too)?;
        self.give_back_doubtful(upload);
        self.change(upload, |record| record.vouched = None).await
    }

    /// Changes the record, on the disk first.
    pub(super) async fn change(
        &self,
        upload: &Upload,
        change: impl FnOnce(&mut Record),
    ) -> Result<()> {
        let mut record = upload.state.lock().record.clone();
        change(&mut record);
        let (storage, id, written) = (self.inner.storage.clone(), upload.id, record.clone());
        blocking(move || storage.write_record(id, &written)).await?;
        self.still_there(upload).await?;
        upload.state.lock().record = record;
        Ok(())
    }

    /// Fails when the upload was removed meanwhile, and removes again what was written of it since.
    pub(super) async fn still_there(&self, upload: &Upload) -> Result<()> {
        if !upload.state.lock().removed {
            return Ok(());
        }
        let (storage, id) = (self.inner.storage.clone(), upload.id);
        blocking(move || storage.remove(id)).await?;
        Err(Error::Gone)
    }

    /// Brings the digest to where the file is: after a restart, or a write that failed.
    async fn catch_up(&self, upload: &Upload, pen: &mut Pen, tell: &Tell) -> Result<()> {
        let received = upload.state.lock().received;
        if pen.hashed == received {
            return Ok(());
        }
        let began = Instant::now();
        let (storage, id) = (self.inner.storage.clone(), upload.id);
        *pen = blocking(move || hash(storage.read(id)?, received))
            .await
            .map_err(lost_too)?;
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

    /// Syncs what the piece has brought, and counts it.
    async fn keep(
        &self,
        upload: &Upload,
        pen: &Pen,
        file: Option<Box<dyn Append>>,
        before: &Pen,
        tell: &Tell,
    ) -> Result<()> {
        self.still_there(upload).await?;
        // After a failed write the pen knows nothing; the batches before it count.
        let received = upload.state.lock().received.max(pen.hashed);
        if received == before.hashed {
            return Ok(());
        }
        let began = Instant::now();
        let (storage, id) = (self.inner.storage.clone(), upload.id);
        blocking(move || {
            let mut file = match file {
                Some(file) => file,
                None => storage.append(id, received)?,
            };
            file.sync()
        })
        .await
        .map_err(lost_too)?;
        upload.state.lock().received = received;
        tell(
            at_storage(Kind::Synced, id, began)
                .until(Instant::now())
                .bytes(received - before.hashed),
        );
        Ok(())
    }

    /// The upload is again what it was before the piece. What is on the disk behind that goes with the next who opens it.
    fn take_back(&self, upload: &Upload, pen: &mut Pen, before: Pen) {
        upload.state.lock().received = before.hashed;
        *pen = before;
        self.give_back_doubtful(upload);
    }

    /// Gives back the room of bytes that do not count.
    fn give_back_doubtful(&self, upload: &Upload) {
        let mut state = upload.state.lock();
        if state.removed {
            return;
        }
        let spare = state.taken.saturating_sub(state.size());
        state.taken -= spare;
        self.inner.room.give_back(upload.from, spare);
    }

    /// Finishes an upload that has all its bytes, if nobody has yet.
    pub(super) async fn finish(&self, upload: &Upload, tell: &Tell) -> Result<()> {
        if upload.state.lock().is_finished() {
            return Ok(());
        }
        let mut pen = upload.pen.lock().await;
        let complete = upload.state.lock().is_complete();
        if complete {
            self.finish_with(upload, &mut pen, tell).await?;
        }
        Ok(())
    }

    /// The same for the one who has the pen.
    pub(super) async fn finish_with(
        &self,
        upload: &Upload,
        pen: &mut Pen,
        tell: &Tell,
    ) -> Result<()> {
        if upload.state.lock().is_finished() {
            return Ok(());
        }
        self.catch_up(upload, pen, tell).await?;
        let sha256 = Sum(pen.hasher.clone().finalize().into());
        let finished = Finished {
            at_s: unix_s((self.inner.clock)()),
            sha256,
        };
        // The checksum of the last piece was seen.
        self.change(upload, |record| {
            record.finished = Some(finished);
            record.vouched = None;
        })
        .await?;
        let bytes = pen.hashed;
        tell(
            at_storage(Kind::Hashed, upload.id, Instant::now())
                .bytes(bytes)
                .with(|detail| {
                    let hashing_ns = nanoseconds(pen.hashing);
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

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
