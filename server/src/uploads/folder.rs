//! The folder: three files an upload, named by its id alone.
//!
//! - `{id}.json`: the record, replaced as a whole: written beside, synced, renamed, and the folder synced.
//! - `{id}.data`: the bytes as they came. They are only ever appended, and the file systems that matter here (ext4, XFS,
//!   Btrfs) let a file's length grow on disk after the bytes it covers, so after a crash the length is what can be
//!   relied on.
//! - `{id}.preview`: the re-encoded picture.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    net::IpAddr,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use serde::{Deserialize, Serialize};

use super::{Sum, UploadId, picture::Picture};

/// The version of the record that this code writes, and the only one it reads.
const VERSION: u32 = 1;

/// How old a file without a record must be before it is cleared away: a younger one may be in the making.
const ORPHAN_AGE: Duration = Duration::from_secs(60 * 60);

/// What is known about an upload beyond its bytes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) version: u32,
    /// Seconds since 1970.
    pub(super) created_s: u64,
    /// The file's length, in bytes, where the client has said it.
    pub(super) length: Option<u64>,
    /// The client's own name for the file. Never part of a path.
    pub(super) file_name: Option<String>,
    /// The `Upload-Metadata` as it came.
    pub(super) metadata: Option<String>,
    /// Set when all bytes have come.
    pub(super) finished: Option<Finished>,
    /// Set when somebody has asked for the picture.
    pub(super) picture: Option<Picture>,
}

/// A whole file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Finished {
    /// Seconds since 1970.
    pub(super) at_s: u64,
    pub(super) sha256: Sum,
}

/// What a client says of a file that it wants to upload.
#[derive(Debug, Clone, Default)]
pub struct Declared {
    /// The file's length, in bytes, where it is known.
    pub length: Option<u64>,
    /// The client's own name for the file.
    pub file_name: Option<String>,
    /// The `Upload-Metadata` as it came.
    pub metadata: Option<String>,
    /// The address that it counts under, where one does.
    pub from: Option<IpAddr>,
}

impl Record {
    pub(super) fn new(created_s: u64, declared: Declared) -> Record {
        Record {
            version: VERSION,
            created_s,
            length: declared.length,
            file_name: declared.file_name,
            metadata: declared.metadata,
            finished: None,
            picture: None,
        }
    }
}

/// An upload as the folder holds it.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) id: UploadId,
    pub(super) record: Record,
    /// How many bytes are there.
    pub(super) received: u64,
}

#[derive(Debug, Clone)]
pub(super) struct Folder {
    path: PathBuf,
}

impl Folder {
    /// Opens the folder, making it where it is not there.
    pub(super) fn open(path: PathBuf) -> io::Result<Folder> {
        fs::create_dir_all(&path)?;
        Ok(Folder { path })
    }

    fn file(&self, id: UploadId, kind: &str) -> PathBuf {
        self.path.join(format!("{id}.{kind}"))
    }

    pub(super) fn data(&self, id: UploadId) -> PathBuf {
        self.file(id, "data")
    }

    pub(super) fn preview(&self, id: UploadId) -> PathBuf {
        self.file(id, "preview")
    }

    /// Opens the data to append to it.
    pub(super) fn append(&self, id: UploadId) -> io::Result<File> {
        OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.data(id))
    }

    /// Replaces the record: after a crash there is the old one or the new one.
    pub(super) fn write_record(&self, id: UploadId, record: &Record) -> io::Result<()> {
        let json = serde_json::to_vec_pretty(record)?;
        self.replace(id, "json", &json)
    }

    /// Replaces the preview.
    pub(super) fn write_preview(&self, id: UploadId, bytes: &[u8]) -> io::Result<()> {
        self.replace(id, "preview", bytes)
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
    pub(super) fn sync(&self) -> io::Result<()> {
        // Only Unix can open a folder to sync it.
        if cfg!(unix) {
            File::open(&self.path)?.sync_all()?;
        }
        Ok(())
    }

    /// Removes everything of an upload. The record goes first: what a crash leaves behind is an orphan.
    pub(super) fn remove(&self, id: UploadId) -> io::Result<()> {
        for kind in ["json", "data", "preview"] {
            match fs::remove_file(self.file(id, kind)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    /// Everything that is there; clears away what belongs to no record.
    pub(super) fn load(&self, now: SystemTime) -> io::Result<Vec<Found>> {
        let mut found = Vec::new();
        let mut others = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            let path = entry?.path();
            let id = path
                .file_stem()
                .and_then(|stem| stem.to_str()?.parse::<UploadId>().ok());
            match (id, path.extension().and_then(|kind| kind.to_str())) {
                (Some(id), Some("json")) => match self.read(id, &path) {
                    Ok(upload) => found.push(upload),
                    Err(error) => {
                        tracing::warn!(%id, %error, "an upload's record cannot be read; it is left alone");
                        others.retain(|(other, _)| *other != Some(id));
                    }
                },
                (Some(id), Some("data" | "preview")) => others.push((Some(id), path)),
                (_, Some("new")) => others.push((None, path)),
                // Not a name that this code gives.
                _ => {}
            }
        }
        for (id, path) in others {
            let belongs = id.is_some_and(|id| self.file(id, "json").exists());
            let age = fs::metadata(&path)
                .and_then(|metadata| metadata.modified())
                .map(|modified| now.duration_since(modified).unwrap_or_default());
            if !belongs && age.is_ok_and(|age| age >= ORPHAN_AGE) {
                fs::remove_file(path)?;
            }
        }
        Ok(found)
    }

    fn read(&self, id: UploadId, path: &Path) -> io::Result<Found> {
        let record: Record = serde_json::from_slice(&fs::read(path)?)?;
        if record.version != VERSION {
            return Err(io::Error::other("its version is not known"));
        }
        let received = match fs::metadata(self.data(id)) {
            Ok(metadata) => metadata.len(),
            Err(error) if error.kind() == io::ErrorKind::NotFound && record.finished.is_none() => 0,
            Err(error) => return Err(error),
        };
        Ok(Found {
            id,
            record,
            received,
        })
    }
}
