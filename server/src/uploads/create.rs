//! Creating uploads: without bytes, with the first, or joined from parts.

use std::{
    sync::Arc,
    time::{Instant, SystemTime},
};

use bytes::Bytes;
use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use wire::trace::Kind;

use super::{
    Declared, Error, Piece, Record, Result, Role, Tell, UploadId, Uploads, at_storage, blocking,
    goes_on::GoesOn, storage, unix_s, upload::Upload,
};

impl Uploads {
    /// Creates an upload that waits for its bytes.
    pub async fn create(&self, declared: Declared, tell: &Tell) -> Result<UploadId> {
        let began = Instant::now();
        let file_bytes = self.inner.limits.file_bytes;
        let length = declared.length.unwrap_or(0);
        if length > file_bytes {
            return Err(Error::TooLarge(file_bytes));
        }
        let from = declared.from;
        // Nothing is set aside for it: who declares much and sends nothing takes no room from others.
        if self.inner.room.fits(from, length).is_err() {
            let uploads = self.clone();
            blocking(move || {
                uploads.sweep();
                Ok(())
            })
            .await?;
            self.inner.room.fits(from, length)?;
        }
        let now = (self.inner.clock)();
        let id = UploadId::random();
        let record = Record::new(unix_s(now), declared);
        let upload = Upload::new(id, record.clone(), 0, from, now);
        let idle = self.enter(upload, now)?;
        let (storage, uploads) = (self.inner.storage.clone(), self.clone());
        let written = blocking(move || {
            if let Some(idle) = idle {
                uploads.discard(&idle)?;
            }
            storage.create(id, &record)
        })
        .await;
        if let Err(error) = written {
            self.remove(id, tell).await.ok();
            return Err(error);
        }
        tell(at_storage(Kind::Created, id, began).until(Instant::now()));
        Ok(id)
    }

    /// Creates an upload and appends its first piece, which may be all of it. When that fails, or whoever asked for it is
    /// gone by then, nothing is left: nobody has heard of the upload.
    pub async fn create_with<S, E>(
        &self,
        declared: Declared,
        piece: Piece,
        body: S,
        tell: &Tell,
    ) -> Result<(UploadId, u64)>
    where
        S: Stream<Item = Result<Bytes, E>> + Send + Unpin + 'static,
        E: std::fmt::Display + Send + 'static,
    {
        let (uploads, tell) = (self.clone(), Arc::clone(tell));
        GoesOn::new(|alone| async move {
            let stored = uploads.store(declared, piece, body, &tell).await;
            if let Ok((id, _)) = stored
                && alone.is_so()
            {
                let _ = uploads.remove(id, &tell).await;
            }
            stored
        })
        .await
    }

    async fn store<S, E>(
        &self,
        declared: Declared,
        piece: Piece,
        body: S,
        tell: &Tell,
    ) -> Result<(UploadId, u64)>
    where
        S: Stream<Item = Result<Bytes, E>> + Send + Unpin + 'static,
        E: std::fmt::Display + Send,
    {
        let id = self.create(declared, tell).await?;
        let upload = self.get(id)?;
        match self.take_piece(&upload, piece, body, tell).await {
            Ok(offset) => Ok((id, offset)),
            Err(error) => {
                let _ = self.remove(id, tell).await;
                Err(error)
            }
        }
    }

    /// Joins parts to a file, in this order, and says how long it is. They stay for a while, so that a client that lost the answer can ask again.
    pub async fn join(
        &self,
        declared: Declared,
        parts: &[UploadId],
        tell: &Tell,
    ) -> Result<(UploadId, u64)> {
        let mut bytes = 0;
        let mut uploads = Vec::new();
        for (id, number) in parts.iter().zip(1..) {
            let part = self.get(*id).map_err(|_| Error::NoPart(number))?;
            if part.state.lock().record.role != Role::Part {
                return Err(Error::NoPart(number));
            }
            self.finish(&part, tell).await?;
            if !part.state.lock().is_finished() {
                return Err(Error::PartUnfinished(number));
            }
            bytes += part.state.lock().received;
            uploads.push(part);
        }
        let declared = Declared {
            length: Some(bytes),
            ..declared
        };
        let piece = Piece {
            bytes: Some(bytes),
            ..Piece::default()
        };
        let contents = self.inner.storage.clone();
        let body = stream::iter(parts.to_vec())
            .then(move |id| {
                let contents = contents.clone();
                async move {
                    let content = blocking(move || contents.read(id)).await?;
                    Ok::<_, Error>(storage::stream(content).map_err(Error::Io))
                }
            })
            .try_flatten();
        let joined = self.create_with(declared, piece, body.boxed(), tell).await;
        let joined = joined.map_err(|error| match error {
            Error::BrokeOff(_) => Error::Lost,
            other => other,
        })?;
        let now = (self.inner.clock)();
        for part in uploads {
            part.state.lock().joined = Some(now);
        }
        Ok(joined)
    }

    /// Puts an upload on the list, if there is room; says which idle one had to make room.
    fn enter(&self, upload: Upload, now: SystemTime) -> Result<Option<Arc<Upload>>> {
        let limits = &self.inner.limits;
        let mut uploads = self.inner.uploads.lock();
        if uploads.len() >= limits.uploads {
            return Err(Error::TooMany(limits.uploads));
        }
        let unfinished = || {
            uploads.values().filter_map(|upload| {
                let state = upload.state.lock();
                (!state.is_finished()).then_some((state.touched, upload))
            })
        };
        if upload.from.is_some() {
            let theirs = unfinished().filter(|(_, other)| other.from == upload.from);
            if theirs.count() >= limits.unfinished_per_address {
                return Err(Error::TooMany(limits.unfinished_per_address));
            }
        }
        let mut idle = None;
        if unfinished().count() >= limits.unfinished {
            let idlest = unfinished()
                .min_by_key(|(touched, _)| *touched)
                .filter(|(touched, _)| {
                    now.duration_since(*touched).unwrap_or_default() >= limits.idle
                })
                .map(|(_, upload)| Arc::clone(upload));
            let Some(idlest) = idlest else {
                return Err(Error::TooMany(limits.unfinished));
            };
            uploads.remove(&idlest.id);
            idle = Some(idlest);
        }
        uploads.insert(upload.id, Arc::new(upload));
        Ok(idle)
    }
}
