//! The folder: three files an upload, named by its id alone.
//!
//! - `{id}.json`: the record, replaced as a whole: written beside, synced, renamed, and the folder synced.
//! - `{id}.data`: the bytes as they came. They are only ever appended, and the file systems that matter here (ext4, XFS,
//!   Btrfs) let a file's length grow on disk after the bytes it covers, so after a crash the length is what can be
//!   relied on. Where a piece came with a checksum, the record says beforehand from where on the bytes are in doubt.
//! - `{id}.preview`: the re-encoded picture.
//!
//! `lock` is held as long as the program runs. Who finds it held by another program leaves alone what looks like a
//! crash's leavings: the other may be at work on it.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

use super::{Found, Record, UploadId, storage::*};

/// A folder that keeps uploads.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    /// Held, where no other program holds it.
    lock: Option<File>,
}

impl Folder {
    /// Opens the folder, making it where it is not there.
    pub fn open(path: PathBuf) -> io::Result<Folder> {
        fs::create_dir_all(&path)?;
        // A folder that cannot be written to can still be read from.
        let lock = File::create(path.join("lock"))
            .ok()
            .filter(|lock| lock.try_lock().is_ok());
        Ok(Folder { path, lock })
    }

    fn file(&self, id: UploadId, kind: &str) -> PathBuf {
        self.path.join(format!("{id}.{kind}"))
    }

    fn replace(&self, id: UploadId, kind: &str, bytes: &[u8]) -> io::Result<()> {
        let new = self.file(id, &format!("{kind}.new"));
        let mut file = File::create(&new)?;
        file.write_all(bytes)
            .and_then(|()| file.sync_all())
            .and_then(|()| fs::rename(&new, self.file(id, kind)))
            .inspect_err(|_| {
                let _ = fs::remove_file(&new);
            })?;
        self.sync()
    }

    /// Syncs the folder itself, so that new names survive.
    fn sync(&self) -> io::Result<()> {
        // Only Unix can open a folder to sync it.
        if cfg!(unix) {
            File::open(&self.path)?.sync_all()?;
        }
        Ok(())
    }

    /// An upload as an earlier life left it; what was in doubt then is cut off.
    fn found(&self, id: UploadId) -> io::Result<Found> {
        let record: Record = serde_json::from_slice(&fs::read(self.file(id, "json"))?)?;
        if !record.is_readable() {
            return Err(io::Error::other("its version is not known"));
        }
        let bytes = fs::metadata(self.file(id, "data"))?.len();
        let received = record.vouched_of(bytes);
        if received < bytes {
            if self.lock.is_none() {
                return Err(io::Error::other("another program writes to it"));
            }
            self.append(id, received)?;
        }
        if !record.is_finished() {
            // What is told from now on must survive a crash, whoever wrote it.
            File::open(self.file(id, "data"))?.sync_data()?;
        }
        Ok(Found {
            id,
            record,
            received,
        })
    }

    /// Clears away what belongs to no record.
    fn clear(&self, left: Vec<(Option<UploadId>, PathBuf)>) -> io::Result<()> {
        if self.lock.is_none() {
            return Ok(());
        }
        for (id, path) in left {
            if id.is_some_and(|id| self.file(id, "json").exists()) {
                continue;
            }
            remove_if_there(&path)?;
        }
        Ok(())
    }
}

impl Storage for Folder {
    fn load(&self) -> io::Result<Vec<Found>> {
        let mut found = Vec::new();
        let mut others = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            let path = entry?.path();
            match named(&path) {
                (Some(id), Some("json")) => match self.found(id) {
                    Ok(upload) if upload.record.is_abandoned() && self.lock.is_some() => {
                        self.remove(id)?;
                    }
                    Ok(upload) => found.push(upload),
                    Err(error)
                        if error.kind() == io::ErrorKind::NotFound && self.lock.is_some() =>
                    {
                        tracing::warn!(%id, "an upload's bytes are gone; so is what was known of it now");
                        self.remove(id)?;
                    }
                    Err(error) => {
                        tracing::warn!(%id, %error, "an upload cannot be taken up; it is left alone");
                    }
                },
                (Some(id), Some("data" | "preview")) => others.push((Some(id), path)),
                (_, Some("new")) => others.push((None, path)),
                // Not a name that this code gives.
                _ => {}
            }
        }
        self.clear(others)?;
        Ok(found)
    }

    fn create(&self, id: UploadId, record: &Record) -> io::Result<()> {
        File::create_new(self.file(id, "data"))?;
        // Syncs the folder, and both names with it.
        self.write_record(id, record)
    }

    fn append(&self, id: UploadId, at: u64) -> io::Result<Box<dyn Append>> {
        let file = OpenOptions::new()
            .append(true)
            .open(self.file(id, "data"))?;
        let bytes = file.metadata()?.len();
        if bytes < at {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if bytes > at {
            file.set_len(at)?;
            file.sync_all()?;
        }
        Ok(Box::new(file))
    }

    fn read(&self, id: UploadId) -> io::Result<Content> {
        Ok(Box::new(File::open(self.file(id, "data"))?))
    }

    fn write_record(&self, id: UploadId, record: &Record) -> io::Result<()> {
        let json = serde_json::to_vec_pretty(record)?;
        self.replace(id, "json", &json)
    }

    fn write_preview(&self, id: UploadId, bytes: &[u8]) -> io::Result<()> {
        self.replace(id, "preview", bytes)
    }

    fn read_preview(&self, id: UploadId) -> io::Result<Content> {
        Ok(Box::new(File::open(self.file(id, "preview"))?))
    }

    /// The record goes first: what a crash leaves behind belongs to none.
    fn remove(&self, id: UploadId) -> io::Result<()> {
        for kind in ["json", "data", "preview"] {
            remove_if_there(&self.file(id, kind))?;
        }
        Ok(())
    }
}

impl Append for File {
    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// The id and the kind in a file's name.
fn named(path: &Path) -> (Option<UploadId>, Option<&str>) {
    let id = path
        .file_stem()
        .and_then(|stem| stem.to_str()?.parse::<UploadId>().ok());
    (id, path.extension().and_then(|kind| kind.to_str()))
}
