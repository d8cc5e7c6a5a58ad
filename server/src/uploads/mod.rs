//! Upload storage: files that arrive in pieces, their digests, and previews of those that are pictures. Knows no HTTP.
//!
//! An upload is created, appended to by one writer at a time, and finished when all bytes are there; an offset is told
//! only after what it covers was synced to disk, and survives a restart. Ids are made here and nowhere else; no path is
//! built from what a client says.

mod append;
mod digest;
mod folder;
mod id;
mod picture;
mod preview;
#[cfg(test)]
mod tests;
mod upload;
mod writer;

use std::{
    collections::{HashMap, HashSet, VecDeque},
    fmt,
    fs::File,
    io,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use parking_lot::Mutex;
use tokio::sync::Semaphore;
use wire::{
    limits::{
        UNFINISHED_UPLOADS_MAX, UNFINISHED_UPLOADS_PER_ADDRESS_MAX, UPLOAD_AGE_S, UPLOAD_BYTES_MAX,
        UPLOAD_IDLE_S, UPLOADS_MAX, UPLOADS_TOTAL_MAX,
    },
    trace::{Kind, Lane},
};

use crate::trace::Draft;

pub use append::Piece;
pub use digest::Sum;
pub use folder::Declared;
pub use id::{NotAnUploadId, UploadId};
pub use picture::{Picture, Preview};

use folder::{Folder, Record};
use upload::Upload;

/// How many removed uploads are remembered, to say that they are gone rather than that they never were.
const REMOVED_MAX: usize = 10_000;

/// How many pictures are decoded at once.
const DECODES: usize = 2;

/// How much there may be of everything.
#[derive(Debug, Clone)]
pub struct Limits {
    /// The largest file, in bytes.
    pub file_bytes: u64,
    /// All files and previews together, in bytes.
    pub total_bytes: u64,
    /// Uploads, finished or not.
    pub uploads: usize,
    /// Unfinished uploads.
    pub unfinished: usize,
    /// Unfinished uploads from one address.
    pub unfinished_per_address: usize,
    /// How long an upload may take to finish, and how long a finished one is kept.
    pub age: Duration,
    /// How long an unfinished upload must be untouched before it makes room for a new one.
    pub idle: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            file_bytes: UPLOAD_BYTES_MAX,
            total_bytes: UPLOADS_TOTAL_MAX,
            uploads: UPLOADS_MAX,
            unfinished: UNFINISHED_UPLOADS_MAX,
            unfinished_per_address: UNFINISHED_UPLOADS_PER_ADDRESS_MAX,
            age: Duration::from_secs(UPLOAD_AGE_S),
            idle: Duration::from_secs(UPLOAD_IDLE_S),
        }
    }
}

/// Why something was not done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such upload.
    #[error("there is no such upload")]
    NotFound,
    /// There was one, and it was removed.
    #[error("the upload was removed")]
    Gone,
    /// The bytes do not follow on those that are there.
    #[error("the upload stands at offset {0}")]
    WrongOffset(u64),
    /// The length was said already, and it was another.
    #[error("the upload's length is {0} bytes already")]
    WrongLength(u64),
    /// Larger than a file may be, or than it was said to be.
    #[error("a file has at most {0} bytes")]
    TooLarge(u64),
    /// All files together take as much as they may.
    #[error("all uploads together take at most {0} bytes")]
    Full(u64),
    /// There are too many uploads.
    #[error("there are {0} uploads already")]
    TooMany(usize),
    /// The bytes stopped coming before their end; what came is kept.
    #[error("the bytes broke off: {0}")]
    BrokeOff(String),
    /// Another writer went on where this one had stopped getting anywhere.
    #[error("another request went on with this upload")]
    TakenOver,
    /// Not all bytes are there yet.
    #[error("{received} bytes have come so far")]
    Unfinished {
        /// How many have.
        received: u64,
    },
    /// There is no preview.
    #[error("{0}")]
    NoPreview(String),
    /// The disk did not do it.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// A result of this module.
pub type Result<T, E = Error> = std::result::Result<T, E>;

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
}

/// A whole file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Whole {
    /// Length in bytes.
    pub bytes: u64,
    /// SHA-256 of all of it.
    pub sha256: Sum,
    /// The client's own name for the file.
    pub file_name: Option<String>,
}

/// All uploads. Cloning it costs one reference count.
#[derive(Clone)]
pub struct Uploads {
    inner: Arc<Inner>,
}

struct Inner {
    folder: Folder,
    limits: Limits,
    clock: Clock,
    uploads: Mutex<HashMap<UploadId, Arc<Upload>>>,
    removed: Mutex<Removed>,
    /// What all of them take on disk, in bytes.
    used: AtomicU64,
    decodes: Arc<Semaphore>,
}

#[derive(Default)]
struct Removed {
    ids: HashSet<UploadId>,
    order: VecDeque<UploadId>,
}

impl fmt::Debug for Uploads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Uploads")
            .field("folder", &self.inner.folder)
            .finish_non_exhaustive()
    }
}

impl Uploads {
    /// Opens the storage below `data_dir`, making it where it is not there, and takes up what an earlier life of the
    /// program left.
    pub fn open(data_dir: &Path, limits: Limits) -> io::Result<Uploads> {
        Uploads::open_with_clock(data_dir, limits, Arc::new(SystemTime::now))
    }

    /// The same by another clock.
    pub fn open_with_clock(data_dir: &Path, limits: Limits, clock: Clock) -> io::Result<Uploads> {
        let folder = Folder::open(data_dir.join("uploads"))?;
        let now = clock();
        let found = folder.load(now)?;
        let uploads: HashMap<_, _> = found
            .into_iter()
            .map(|found| {
                let upload = Upload::new(found.id, found.record, found.received, None, now);
                (found.id, Arc::new(upload))
            })
            .collect();
        let used = uploads
            .values()
            .map(|upload| upload.state.lock().size())
            .sum();
        let uploads = Uploads {
            inner: Arc::new(Inner {
                folder,
                limits,
                clock,
                uploads: Mutex::new(uploads),
                removed: Mutex::default(),
                used: AtomicU64::new(used),
                decodes: Arc::new(Semaphore::new(DECODES)),
            }),
        };
        uploads.sweep();
        Ok(uploads)
    }

    /// The bounds in force.
    pub fn limits(&self) -> &Limits {
        &self.inner.limits
    }

    /// Creates an upload that waits for its bytes.
    pub async fn create(&self, declared: Declared, tell: &Tell) -> Result<UploadId> {
        let began = Instant::now();
        let Limits {
            file_bytes,
            total_bytes,
            ..
        } = self.inner.limits;
        let length = declared.length.unwrap_or(0);
        if length > file_bytes {
            return Err(Error::TooLarge(file_bytes));
        }
        // Nothing is set aside for it: who declares much and sends nothing takes no room from others.
        if self.inner.used.load(Relaxed).saturating_add(length) > total_bytes {
            return Err(Error::Full(total_bytes));
        }
        let now = (self.inner.clock)();
        let id = UploadId::random();
        let from = declared.from;
        let record = Record::new(unix_s(now), declared);
        let upload = Upload::new(id, record.clone(), 0, from, now);
        let idle = self.enter(upload, now)?;
        let (folder, uploads) = (self.inner.folder.clone(), self.clone());
        let written = blocking(move || {
            if let Some(idle) = idle {
                uploads.discard(&idle)?;
            }
            folder.write_record(id, &record)?;
            folder.append(id)?;
            folder.sync()
        })
        .await;
        if let Err(error) = written {
            self.remove(id, tell).await.ok();
            return Err(error);
        }
        tell(at_storage(Kind::Created, id, began).until(Instant::now()));
        Ok(id)
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

    fn get(&self, id: UploadId) -> Result<Arc<Upload>> {
        if let Some(upload) = self.inner.uploads.lock().get(&id) {
            return Ok(Arc::clone(upload));
        }
        if self.inner.removed.lock().ids.contains(&id) {
            Err(Error::Gone)
        } else {
            Err(Error::NotFound)
        }
    }

    /// How far an upload is. The offset that it tells is on disk.
    pub async fn progress(&self, id: UploadId) -> Result<Progress> {
        let upload = self.get(id)?;
        let complete = upload.state.lock().is_complete();
        if complete {
            self.finish(&upload, &silent()).await?;
        }
        let offset = self.sync(&upload, &silent()).await?;
        let mut state = upload.state.lock();
        state.touched = (self.inner.clock)();
        Ok(Progress {
            offset,
            length: state.record.length,
            metadata: state.record.metadata.clone(),
        })
    }

    /// When an upload is removed if it is not finished by then; `None` when it is finished.
    pub fn expires(&self, id: UploadId) -> Result<Option<SystemTime>> {
        let upload = self.get(id)?;
        let state = upload.state.lock();
        Ok((!state.is_finished()).then(|| self.end_of(&state.record)))
    }

    /// A finished upload as a file.
    pub async fn whole(&self, id: UploadId, tell: &Tell) -> Result<Whole> {
        let upload = self.get(id)?;
        let complete = upload.state.lock().is_complete();
        if complete {
            self.finish(&upload, tell).await?;
        }
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
    pub async fn original(&self, id: UploadId, tell: &Tell) -> Result<(Whole, File)> {
        let whole = self.whole(id, tell).await?;
        let path = self.inner.folder.data(id);
        let file = blocking(move || File::open(path)).await?;
        Ok((whole, file))
    }

    /// Opens the preview.
    pub async fn preview(&self, id: UploadId, tell: &Tell) -> Result<(Preview, File)> {
        let picture = self.picture(id, tell).await?;
        let Some(preview) = picture.preview else {
            return Err(Error::NoPreview(picture.why.unwrap_or_default()));
        };
        let path = self.inner.folder.preview(id);
        let file = blocking(move || File::open(path)).await?;
        Ok((preview, file))
    }

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
    fn discard(&self, upload: &Upload) -> io::Result<()> {
        {
            let mut state = upload.state.lock();
            if std::mem::replace(&mut state.removed, true) {
                return Ok(());
            }
            if let Some(stop) = state.stop.take() {
                stop.cancel();
            }
            self.inner.used.fetch_sub(state.size(), Relaxed);
        }
        let mut removed = self.inner.removed.lock();
        if removed.ids.insert(upload.id) {
            removed.order.push_back(upload.id);
        }
        if removed.order.len() > REMOVED_MAX
            && let Some(oldest) = removed.order.pop_front()
        {
            removed.ids.remove(&oldest);
        }
        drop(removed);
        self.inner.folder.remove(upload.id)
    }

    /// Removes what is too old. Does file work: not for the runtime's own threads.
    pub fn sweep(&self) {
        let now = (self.inner.clock)();
        let mut expired = Vec::new();
        self.inner.uploads.lock().retain(|_, upload| {
            let keep = self.end_of(&upload.state.lock().record) > now;
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

    fn end_of(&self, record: &Record) -> SystemTime {
        let from_s = match &record.finished {
            Some(finished) => finished.at_s,
            None => record.created_s,
        };
        UNIX_EPOCH + Duration::from_secs(from_s) + self.inner.limits.age
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
