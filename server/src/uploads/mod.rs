//! Upload storage: files that arrive in pieces, their digests, and previews of those that are pictures. Knows no HTTP.
//!
//! An upload is created, appended to by one writer at a time, and finished when all bytes are there; an offset is told
//! only after what it covers was synced to disk, and survives a restart. Ids are made here and nowhere else; no path is
//! built from what a client says.

mod append;
mod checksum;
mod create;
mod digest;
mod error;
mod folder;
mod goes_on;
mod id;
mod keep;
mod limits;
mod pace;
mod picture;
mod preview;
mod record;
mod removal;
mod room;
mod storage;
#[cfg(test)]
mod tests;
mod upload;
mod writer;

use std::{
    collections::HashMap,
    fmt, io,
    path::Path,
    sync::Arc,
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use parking_lot::Mutex;
use tokio::sync::Semaphore;
use wire::trace::{Kind, Lane};

use crate::trace::Draft;

pub use append::Piece;
pub use checksum::{Algorithm, Checksum};
pub use digest::Sum;
pub use error::{Error, Result};
pub use folder::Folder;
pub use id::{NotAnUploadId, UploadId};
pub use limits::Limits;
pub use picture::{Picture, Preview};
pub use record::{Declared, Found, Record, Role};
pub use storage::{Append, Content, ReadSeek, SharedStorage, Storage, stream};

pub(crate) use preview::decode_bytes;

use error::lost;
use pace::Pace;
use removal::Removed;
use room::Room;
use upload::Upload;

/// How many bytes the allocator learns to keep, and as many again.
const BLOCK: usize = 1024 * 1024;
/// How many pictures are decoded at once.
const DECODES: usize = 2;

/// Where the storage says what it does. It is called from several threads and must not wait.
pub type Tell = Arc<dyn Fn(Draft) + Send + Sync>;

/// What time it is. Tests bring their own.
pub type Clock = Arc<dyn Fn() -> SystemTime + Send + Sync>;

/// How far an upload is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// How many bytes are there, safely.
    pub offset: u64,
    /// How many there will be, where it is known.
    pub length: Option<u64>,
    /// The `Upload-Metadata` as it came.
    pub metadata: Option<String>,
    /// How the bytes come.
    pub role: Role,
}

/// A whole file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Whole {
    /// Length in bytes.
    pub bytes: u64,
    /// SHA-256 of all of it; none where the server computes no digests.
    pub sha256: Option<Sum>,
    /// The client's own name for the file.
    pub file_name: Option<String>,
}

/// All uploads. Cloning it costs one reference count.
#[derive(Clone)]
pub struct Uploads {
    inner: Arc<Inner>,
}

struct Inner {
    storage: SharedStorage,
    limits: Limits,
    clock: Clock,
    uploads: Mutex<HashMap<UploadId, Arc<Upload>>>,
    removed: Mutex<Removed>,
    room: Room,
    decodes: Arc<Semaphore>,
    pace: Arc<Pace>,
}

impl fmt::Debug for Uploads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Uploads")
            .field("storage", &self.inner.storage)
            .finish_non_exhaustive()
    }
}

impl Uploads {
    /// Opens the folder below `data_dir`, making it where it is not there, and takes up what an earlier life of the
    /// program left.
    pub fn open(data_dir: &Path, limits: Limits) -> io::Result<Uploads> {
        let folder = Folder::open(data_dir.join("uploads"))?;
        Uploads::over(Arc::new(folder), limits, Arc::new(SystemTime::now))
    }

    /// The same over any storage and by any clock.
    pub fn over(storage: SharedStorage, limits: Limits, clock: Clock) -> io::Result<Uploads> {
        // glibc takes a large block from the system and gives it back at once, until the first is given back: from then on
        // it keeps up to twice as much (mallopt(3), M_MMAP_THRESHOLD). A body is read into such blocks, again and again.
        drop(std::hint::black_box(Vec::<u8>::with_capacity(BLOCK)));
        let now = clock();
        let found = storage.load()?.into_iter().map(|found| {
            let upload = Upload::new(found.id, found.record, found.received, None, now);
            (found.id, Arc::new(upload))
        });
        let uploads: HashMap<_, _> = found.collect();
        let taken = uploads
            .values()
            .map(|upload| upload.state.lock().taken)
            .sum();
        let uploads = Uploads {
            inner: Arc::new(Inner {
                storage,
                room: Room::new(&limits, taken),
                limits,
                clock,
                uploads: Mutex::new(uploads),
                removed: Mutex::default(),
                decodes: Arc::new(Semaphore::new(DECODES)),
                pace: Arc::default(),
            }),
        };
        uploads.sweep();
        Ok(uploads)
    }

    /// The bounds in force.
    pub fn limits(&self) -> &Limits {
        &self.inner.limits
    }

    fn get(&self, id: UploadId) -> Result<Arc<Upload>> {
        let found = self.inner.uploads.lock().get(&id).map(Arc::clone);
        match found {
            // Its time is over, though nobody has cleared it away yet.
            Some(upload) if self.end_of(&upload.state.lock()) <= (self.inner.clock)() => {
                Err(Error::Gone)
            }
            Some(upload) => Ok(upload),
            None if self.inner.removed.lock().contains(id) => Err(Error::Gone),
            None => Err(Error::NotFound),
        }
    }

    /// How far an upload is. The offset that it tells is on disk, and nothing is appended any more by whoever was at it: the
    /// one who asks is the one who goes on.
    pub async fn progress(&self, id: UploadId) -> Result<Progress> {
        let upload = self.get(id)?;
        let mut pen = self.let_go(&upload).await;
        self.still_there(&upload).await?;
        self.vouch(&upload).await?;
        self.check(&upload).await?;
        let complete = upload.state.lock().is_complete();
        if complete {
            self.finish_with(&upload, &mut pen, &silent()).await?;
        }
        let mut state = upload.state.lock();
        state.touched = (self.inner.clock)();
        Ok(Progress {
            offset: state.received,
            length: state.record.length,
            metadata: state.record.metadata.clone(),
            role: state.record.role.clone(),
        })
    }

    /// Fails where the storage has lost bytes.
    async fn check(&self, upload: &Upload) -> Result<()> {
        let (storage, id) = (self.inner.storage.clone(), upload.id);
        let there = blocking(move || {
            let mut content = storage.read(id)?;
            content.seek(io::SeekFrom::End(0))
        });
        let there = there.await.map_err(lost_too)?;
        if there < upload.state.lock().received {
            return Err(Error::Lost);
        }
        Ok(())
    }

    /// When an upload is removed if it is not finished by then, or a part not joined; `None` for a whole file.
    pub fn expires(&self, id: UploadId) -> Result<Option<SystemTime>> {
        let upload = self.get(id)?;
        let state = upload.state.lock();
        let is_whole = state.is_finished() && state.record.role != Role::Part;
        Ok((!is_whole).then(|| self.end_of(&state)))
    }

    /// A finished upload as a file.
    pub async fn whole(&self, id: UploadId, tell: &Tell) -> Result<Whole> {
        let upload = self.get(id)?;
        if upload.state.lock().record.role == Role::Part {
            return Err(Error::Part);
        }
        self.finish(&upload, tell).await?;
        let state = upload.state.lock();
        let Some(finished) = &state.record.finished else {
            return Err(Error::Unfinished {
                received: state.received,
            });
        };
        Ok(Whole {
            bytes: state.received,
            sha256: finished.sha256,
            file_name: state.record.file_name.clone(),
        })
    }

    /// A finished upload as a picture. The first who asks has the preview made.
    pub async fn picture(&self, id: UploadId, tell: &Tell) -> Result<Picture> {
        self.whole(id, tell).await?;
        let upload = self.get(id)?;
        self.picture_of(&upload, tell).await
    }

    /// Opens the bytes as they came.
    pub async fn original(&self, id: UploadId, tell: &Tell) -> Result<(Whole, Content)> {
        let whole = self.whole(id, tell).await?;
        let upload = self.get(id)?;
        self.check(&upload).await?;
        let storage = self.inner.storage.clone();
        let content = blocking(move || storage.read(id)).await;
        Ok((whole, content.map_err(lost_too)?))
    }

    /// Opens the preview.
    pub async fn preview(&self, id: UploadId, tell: &Tell) -> Result<(Preview, Content)> {
        let picture = self.picture(id, tell).await?;
        let Some(preview) = picture.preview else {
            return Err(Error::NoPreview(picture.why.unwrap_or_default()));
        };
        let storage = self.inner.storage.clone();
        let content = blocking(move || storage.read_preview(id)).await;
        Ok((preview, content.map_err(lost_too)?))
    }
}

/// A [`Tell`] for when nobody listens.
pub fn silent() -> Tell {
    Arc::new(|_| {})
}

fn at_storage(kind: Kind, id: UploadId, at: Instant) -> Draft {
    Draft::new(Lane::STORAGE, kind, at).with(|detail| detail.upload = Some(id.to_string()))
}

fn unix_s(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs()
}

/// File work, on a thread that may wait.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result.map_err(Error::Io),
        Err(error) => Err(Error::Io(io::Error::other(error))),
    }
}

/// What the storage has lost, where a step failed on that.
fn lost_too(error: Error) -> Error {
    match error {
        Error::Io(error) => lost(error),
        other => other,
    }
}
