//! Removing uploads: when somebody asks for it, and when their time is over.

use std::{
    collections::{HashSet, VecDeque},
    io,
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use wire::trace::Kind;

use super::{
    Result, Tell, UploadId, Uploads, at_storage, blocking,
    upload::{State, Upload},
};

/// How many removed uploads are remembered, to say that they are gone rather than that they never were.
const REMOVED_MAX: usize = 10_000;

/// The removed uploads that are remembered.
#[derive(Debug, Default)]
pub(super) struct Removed {
    ids: HashSet<UploadId>,
    order: VecDeque<UploadId>,
}

impl Removed {
    pub(super) fn contains(&self, id: UploadId) -> bool {
        self.ids.contains(&id)
    }

    fn add(&mut self, id: UploadId) {
        if self.ids.insert(id) {
            self.order.push_back(id);
        }
        if self.order.len() > REMOVED_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.ids.remove(&oldest);
        }
    }
}

impl Uploads {
    /// Removes an upload, finished or not; a writer that is under way stops.
    pub async fn remove(&self, id: UploadId, tell: &Tell) -> Result<()> {
        let began = Instant::now();
        let upload = self.get(id)?;
        self.inner.uploads.lock().remove(&id);
        let uploads = self.clone();
        blocking(move || uploads.discard(&upload)).await?;
        tell(at_storage(Kind::Removed, id, began).until(Instant::now()));
        Ok(())
    }

    /// Removes the files of an upload that is off the list.
    pub(super) fn discard(&self, upload: &Upload) -> io::Result<()> {
        {
            let mut state = upload.state.lock();
            if std::mem::replace(&mut state.removed, true) {
                return Ok(());
            }
            if let Some(stop) = state.stop.take() {
                stop.cancel();
            }
            self.inner.room.give_back(upload.from, state.taken);
        }
        self.inner.removed.lock().add(upload.id);
        self.inner.storage.remove(upload.id)
    }

    /// Removes what is too old. Does file work: not for the runtime's own threads.
    pub fn sweep(&self) {
        let now = (self.inner.clock)();
        let mut expired = Vec::new();
        self.inner.uploads.lock().retain(|_, upload| {
            let keep = self.end_of(&upload.state.lock()) > now;
            if !keep {
                expired.push(Arc::clone(upload));
            }
            keep
        });
        for upload in expired {
            if let Err(error) = self.discard(&upload) {
                tracing::warn!(id = %upload.id, %error, "an expired upload could not be removed");
            }
        }
    }

    /// When its time is over. A part that was joined with others is kept for as long as somebody may not have heard of that.
    pub(super) fn end_of(&self, state: &State) -> SystemTime {
        let limits = &self.inner.limits;
        let from_s = match &state.record.finished {
            Some(finished) => finished.at_s,
            None => state.record.created_s,
        };
        let end = UNIX_EPOCH + Duration::from_secs(from_s) + limits.age;
        match state.joined {
            Some(joined) => end.min(joined + limits.idle),
            None => end,
        }
    }
}
