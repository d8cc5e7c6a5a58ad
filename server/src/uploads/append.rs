//! The one writer of an upload: bytes into the storage and into the digest as they come, synced before anybody is told.
//!
//! A piece that breaks off keeps what arrived; one with a checksum is kept whole or not at all, also when the program is
//! killed in the middle: the record says beforehand that what follows is in doubt.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::Stream;
use tokio::sync::MutexGuard;
use tokio_util::sync::CancellationToken;

use super::{
    Error, Result, Role, Tell, UploadId, Uploads,
    checksum::Checksum,
    goes_on::GoesOn,
    upload::{Pen, Upload},
    writer::{Writer, write},
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
        GoesOn::new(|_| async move { uploads.take_piece(&upload, piece, body, &tell).await }).await
    }

    /// Takes the pen, writes, keeps what is to be kept, and tells.
    pub(super) async fn take_piece<S, E>(
        &self,
        upload: &Arc<Upload>,
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
        let writer = Writer::new(self, upload, &piece, limit, tell);
        let is_last = piece.last;
        let (written, out) = write(writer, &mut pen, piece, body, &stop).await;
        let kept = if written.is_ok() || !is_checked {
            self.keep(upload, &pen, out, &before, tell).await
        } else {
            Ok(())
        };
        if kept.is_err() || (written.is_err() && is_checked) {
            self.take_back(upload, &mut pen, before).await;
        }
        kept?;
        if written.is_ok() && is_last {
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
}
