//! What is kept of a piece, and when it may be told: synced, not in doubt, finished.

use std::time::{Duration, Instant};

use sha2::Digest;
use wire::trace::Kind;

use super::{
    Error, Record, Result, Sum, Tell, Uploads, at_storage, blocking, lost_too,
    record::Finished,
    unix_s,
    upload::{Pen, Upload},
    writer::{Out, hash},
};

impl Uploads {
    /// Writes down that what follows is in doubt until its checksum was seen.
    pub(super) async fn doubt(&self, upload: &Upload) -> Result<()> {
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
    pub(super) async fn catch_up(&self, upload: &Upload, pen: &mut Pen, tell: &Tell) -> Result<()> {
        let received = upload.state.lock().received;
        if pen.hashed == received {
            return Ok(());
        }
        if self.inner.limits.without_digests {
            pen.hashed = received;
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
    pub(super) async fn keep(
        &self,
        upload: &Upload,
        pen: &Pen,
        out: Out,
        before: &Pen,
        tell: &Tell,
    ) -> Result<()> {
        self.still_there(upload).await?;
        // After a failed write the pen knows nothing; the batches before it count.
        let received = upload.state.lock().received.max(pen.hashed);
        if received == before.hashed {
            return Ok(());
        }
        let (storage, id) = (self.inner.storage.clone(), upload.id);
        let (began, ended) = match out.synced {
            Some(synced) => synced,
            None => blocking(move || {
                let began = Instant::now();
                let mut file = match out.file {
                    Some(file) => file,
                    None => storage.append(id, received)?,
                };
                file.sync()?;
                Ok((began, Instant::now()))
            })
            .await
            .map_err(lost_too)?,
        };
        upload.state.lock().received = received;
        tell(
            at_storage(Kind::Synced, id, began)
                .until(ended)
                .bytes(received - before.hashed),
        );
        Ok(())
    }

    /// The upload is again what it was before the piece. Where the disk does not even cut off what came since, the next who
    /// writes does.
    pub(super) async fn take_back(&self, upload: &Upload, pen: &mut Pen, before: Pen) {
        let at = before.hashed;
        upload.state.lock().received = at;
        *pen = before;
        self.give_back_doubtful(upload);
        let (storage, id) = (self.inner.storage.clone(), upload.id);
        let _ = blocking(move || storage.append(id, at).map(drop)).await;
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
        let hashes = !self.inner.limits.without_digests;
        let sha256 = hashes.then(|| Sum(pen.hasher.clone().finalize().into()));
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
        if hashes {
            tell(
                at_storage(Kind::Hashed, upload.id, Instant::now())
                    .bytes(bytes)
                    .with(|detail| {
                        let hashing_ns = nanoseconds(pen.hashing);
                        detail.more.insert("hashing_ns".into(), hashing_ns.into());
                        detail.summary = Some("as the bytes came".into());
                    }),
            );
        }
        tell(
            at_storage(Kind::Finished, upload.id, Instant::now())
                .bytes(bytes)
                .with(|detail| detail.sha256 = sha256.map(|sum| sum.to_string())),
        );
        Ok(())
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
